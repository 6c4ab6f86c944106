"""Read the search language of `files.list`, as far as anybody here speaks it.

Terms: `'ID' in parents`, `name = 'x'`, `name contains 'x'`, `mimeType != 'x'`, `trashed = false`,
`modifiedTime > '...'`, `appProperties has { key='k' and value='v' }`; joined by and, or, not, ().
A term that is not known is an error: a stand-in that let it pass would find too much.
"""

import operator
import re
from collections.abc import Callable
from typing import Any

from standin.drive.errors import DriveRefusal, invalid

Resource = dict[str, Any]
Term = Callable[[Resource], bool]

_TOKEN = re.compile(r"\s*('(?:[^'\\]|\\.)*'|[A-Za-z]+|!=|<=|>=|[=<>(){}])")
_TEXT_FIELDS = frozenset({"name", "mimeType"})
_TIME_FIELDS = frozenset({"modifiedTime", "createdTime"})
_FLAGS = frozenset({"trashed", "starred"})
_PROPERTY_FIELDS = frozenset({"appProperties", "properties"})
_COMPARE: dict[str, Callable[[str, str], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def parse_query(text: str) -> Term:
    """Turn a `q` into a test for one resource; raise the Drive's 400 if it cannot be read."""
    if not text.strip():
        return lambda _: True
    reader = _Reader(_tokens(text))
    term = reader.read_any()
    reader.demand_end()
    return term


def _tokens(text: str) -> list[str]:
    tokens: list[str] = []
    at = 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            raise _bad_query()
        tokens.append(match[1])
        at = match.end()
    return tokens


def _bad_query() -> DriveRefusal:
    return invalid("Invalid Value for the parameter q")


class _Reader:
    """Read terms from a row of tokens, one method a level of the grammar."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._at = 0

    def demand_end(self) -> None:
        if self._at != len(self._tokens):
            raise _bad_query()

    def read_any(self) -> Term:
        terms = [self._read_all()]
        while self._take("or"):
            terms.append(self._read_all())
        return lambda resource: any(term(resource) for term in terms)

    def _read_all(self) -> Term:
        terms = [self._read_one()]
        while self._take("and"):
            terms.append(self._read_one())
        return lambda resource: all(term(resource) for term in terms)

    def _read_one(self) -> Term:
        if self._take("not"):
            term = self._read_one()
            return lambda resource: not term(resource)
        if self._take("("):
            term = self.read_any()
            self._demand(")")
            return term
        token = self._next()
        if token.startswith("'"):
            return self._read_membership(_unquote(token))
        if token in _PROPERTY_FIELDS:
            return self._read_property(token)
        if token in _FLAGS:
            return self._read_flag(token)
        if token in _TEXT_FIELDS | _TIME_FIELDS:
            return self._read_comparison(token)
        raise _bad_query()

    def _read_membership(self, value: str) -> Term:
        self._demand("in")
        self._demand("parents")
        return lambda resource: value in resource["parents"]

    def _read_property(self, field: str) -> Term:
        for token in ("has", "{", "key", "="):
            self._demand(token)
        key = self._read_string()
        for token in ("and", "value", "="):
            self._demand(token)
        value = self._read_string()
        self._demand("}")
        return lambda resource: bool(resource.get(field, {}).get(key) == value)

    def _read_flag(self, field: str) -> Term:
        sign = self._next()
        word = self._next()
        if sign not in {"=", "!="} or word not in {"true", "false"}:
            raise _bad_query()
        wanted = (word == "true") is (sign == "=")
        return lambda resource: bool(resource[field]) is wanted

    def _read_comparison(self, field: str) -> Term:
        sign = self._next()
        value = self._read_string()
        if field == "name":
            value = value.lower()
        if sign == "contains" and field in _TEXT_FIELDS:
            return lambda resource: value in _folded(resource, field)
        if sign not in _COMPARE or (sign not in {"=", "!="} and field in _TEXT_FIELDS):
            raise _bad_query()
        compare = _COMPARE[sign]
        return lambda resource: compare(_folded(resource, field), value)

    def _read_string(self) -> str:
        token = self._next()
        if not token.startswith("'"):
            raise _bad_query()
        return _unquote(token)

    def _next(self) -> str:
        if self._at >= len(self._tokens):
            raise _bad_query()
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, token: str) -> bool:
        is_there = self._at < len(self._tokens) and self._tokens[self._at] == token
        self._at += is_there
        return is_there

    def _demand(self, token: str) -> None:
        if not self._take(token):
            raise _bad_query()


def _unquote(token: str) -> str:
    return re.sub(r"\\(.)", r"\1", token[1:-1])


def _folded(resource: Resource, field: str) -> str:
    """Give a field for comparing: names are compared without regard to case."""
    value = str(resource[field])
    return value.lower() if field == "name" else value

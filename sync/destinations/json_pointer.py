"""Find a value in a JSON document by its pointer (RFC 6901)."""

from __future__ import annotations

import re
from typing import Final

from titip.text import storable

LONGEST_NUMBER: Final = 1024
"""Bits: Python refuses to write numbers of thousands of digits."""

_INDEX: Final = re.compile(r"(?:0|[1-9][0-9]{0,8})\Z")
_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_STRAY_TILDE: Final = re.compile(r"~(?![01])")


class NothingThere(LookupError):
    """The document has no value at that pointer."""


def check(pointer: str) -> None:
    """Raise ValueError for a text that is no pointer."""
    if pointer and not pointer.startswith("/"):
        raise ValueError(f'{pointer!r} is no JSON pointer: it must begin with "/", as in "/id"')
    if _STRAY_TILDE.search(pointer):
        raise ValueError(f'{pointer!r} is no JSON pointer: write "~0" for "~" and "~1" for "/"')


def resolve(document: object, pointer: str) -> object:
    """Give the value at the pointer; raises NothingThere."""
    value = document
    for token in pointer.split("/")[1:]:
        value = _step(value, token.replace("~1", "/").replace("~0", "~"))
    return value


def text_at(document: object, pointer: str) -> str:
    """Give the text or number at the pointer as text, and an empty text for anything else."""
    try:
        value = resolve(document, pointer)
    except NothingThere:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if value.bit_length() <= LONGEST_NUMBER else ""
    if not isinstance(value, str) or not _SURROGATES.sub("", value).strip():
        return ""
    return storable(value).strip()


def _step(value: object, name: str) -> object:
    if isinstance(value, dict) and name in value:
        return value[name]
    if isinstance(value, list) and _INDEX.match(name) and int(name) < len(value):
        return value[int(name)]
    raise NothingThere(name)

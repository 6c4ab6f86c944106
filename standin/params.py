"""Turn the JSON of a switch into one frozen dataclass out of a few, or say what is wrong."""

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar, get_type_hints

T = TypeVar("T")


class BadParams(ValueError):
    """Say, in words for the person at the switch, why the request makes no sense."""


def read_object(text: bytes) -> dict[str, object]:
    """Read a JSON object; raise BadParams if it is none."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise BadParams("the body is no JSON") from error
    if not isinstance(document, dict):
        raise BadParams("send a JSON object")
    return document


def choose(kinds: Mapping[str, type[T]], name: object) -> type[T]:
    """Find the kind called `name`; raise BadParams that lists the names there are."""
    if isinstance(name, str) and name in kinds:
        return kinds[name]
    raise BadParams(f"{name!r} is unknown; choose one of: {', '.join(sorted(kinds))}")


def build(kind: type[T], params: Mapping[str, object]) -> T:
    """Make a `kind` from JSON values; raise BadParams for a name or type that does not fit."""
    hints = get_type_hints(kind)
    allowed = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    unknown = sorted(set(params) - set(allowed))
    if unknown:
        there = ", ".join(allowed) or "none"
        raise BadParams(f"{', '.join(unknown)}: no such parameter here; there are: {there}")
    return kind(**{name: _fit(name, value, hints[name]) for name, value in params.items()})


def _fit(name: str, value: object, hint: Any) -> object:  # noqa: ANN401  (a type of a dataclass field)
    if hint is object:
        return value
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if hint is float and is_number:
        return _not_negative(name, float(value))  # type: ignore[arg-type]
    if hint is int and is_number and isinstance(value, int):
        return _not_negative(name, value)
    if hint in (bool, str) and isinstance(value, hint):
        return value
    raise BadParams(f"{name} must be of type {hint.__name__}, not {value!r}")


N = TypeVar("N", int, float)


def _not_negative(name: str, number: N) -> N:
    if number < 0:
        raise BadParams(f"{name} must not be negative, not {number}")
    return number

"""What a fault is: a frozen value, read from JSON, that strikes some of the requests."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, TypeVar, get_type_hints


class BadParams(ValueError):
    """Say, in words for the person at the switch, why the request makes no sense."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A way to go wrong. Its fields are the parameters that it may be switched on with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedFault(Fault):
    """Strikes every n-th chance, `times` in all; zero times means until it is switched off."""

    times: int = 0
    every: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetedFault(CountedFault):
    """Strikes requests of the kinds in `on` alone: names with commas between; none means all."""

    kinds: ClassVar[Collection[str]] = ()
    """The names that `on` may have; none means any."""

    on: str = ""

    def __post_init__(self) -> None:
        """Raise BadParams for a kind that there is not."""
        unknown = sorted(self._targets() - set(self.kinds)) if self.kinds else []
        if unknown:
            there = ", ".join(self.kinds)
            raise BadParams(f"on: {', '.join(unknown)} is no kind; there are: {there}")

    def concerns(self, kind: str) -> bool:
        """Tell whether requests of this kind may be struck."""
        return not self.on or kind in self._targets()

    def _targets(self) -> set[str]:
        return {part.strip() for part in self.on.split(",") if part.strip()}


class FaultCounter:
    """Count the chances of a fault, and decide which of them it strikes."""

    def __init__(self, fault: Fault) -> None:
        """Begin; a fault that does not count strikes every chance."""
        self._fault = fault if isinstance(fault, CountedFault) else CountedFault()
        self._chances = 0
        self.struck = 0

    @property
    def is_spent(self) -> bool:
        """Tell whether no later chance can be struck."""
        return 0 < self._fault.times <= self.struck

    def strikes(self) -> bool:
        """Use up one chance; tell whether it is struck."""
        self._chances += 1
        if self.is_spent or self._chances % max(self._fault.every, 1):
            return False
        self.struck += 1
        return True


F = TypeVar("F", bound=Fault)
N = TypeVar("N", int, float)


def read_object(text: bytes) -> dict[str, object]:
    """Read a JSON object; raise BadParams if it is none."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise BadParams("the body is no JSON") from error
    if not isinstance(document, dict):
        raise BadParams("send a JSON object")
    return document


def read_fault(
    faults: Mapping[str, type[F]], document: Mapping[str, object], *, named_by: str
) -> F:
    """Read `{named_by: name, ...parameters}`; raise BadParams that says what would be right."""
    name = document.get(named_by)
    if not isinstance(name, str) or name not in faults:
        wrong = f"{name!r} is unknown" if named_by in document else f'"{named_by}" is missing'
        raise BadParams(f"{wrong}; choose one of: {', '.join(sorted(faults))}")
    return _build(faults[name], {key: document[key] for key in document if key != named_by})


def _build(kind: type[F], params: Mapping[str, object]) -> F:
    hints = get_type_hints(kind)
    allowed = [field.name for field in fields(kind)]
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


def _not_negative(name: str, number: N) -> N:
    if number < 0:
        raise BadParams(f"{name} must not be negative, not {number}")
    return number

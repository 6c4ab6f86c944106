"""A frozen dataclass as a row: its fields are the columns, and each is described once."""

from __future__ import annotations

from dataclasses import dataclass, fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from storage.clock import from_ms, from_ms_or_none, to_ms, to_ms_or_none
from titip.text import storable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from enum import Enum

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Kind:
    """How a field is kept in its column: what reads it, and what writes it."""

    read: Callable[[Any], Any]
    write: Callable[[Any], Any]


TIME: Final = Kind(from_ms, to_ms)
TIME_OR_NONE: Final = Kind(from_ms_or_none, to_ms_or_none)
TEXT: Final = Kind(str, storable)
"""A text of somebody else's, which may hold what no UTF-8 can."""
FLAG: Final = Kind(bool, int)


def one_of(kind: type[Enum]) -> Kind:
    """Keep a member of an enum by its value."""
    return Kind(kind, attrgetter("value"))


class Table(Generic[T]):
    """The columns of a dataclass; a field without a kind is kept as it is."""

    def __init__(self, row: type[T], **kinds: Kind) -> None:
        """Take the fields of `row` as columns, in their order."""
        self._row = row
        self.names: Final = tuple(field.name for field in fields(row))  # type: ignore[arg-type]
        self.columns: Final = ", ".join(self.names)
        self.marks: Final = ", ".join("?" * len(self.names))
        self._kinds = [(self.names.index(name), kind) for name, kind in kinds.items()]
        self._fields = attrgetter(*self.names)

    def of(self, row: Sequence[Any]) -> T:
        """Give what a row of `columns` stands for."""
        values = list(row)
        for n, kind in self._kinds:
            values[n] = kind.read(values[n])
        return self._row(*values)

    def row(self, value: T) -> list[Any]:
        """Give the values for `columns`."""
        values = list(self._fields(value))
        for n, kind in self._kinds:
            values[n] = kind.write(values[n])
        return values

    def named(self, value: T) -> dict[str, Any]:
        """Give the values by the names of their columns."""
        return dict(zip(self.names, self.row(value), strict=True))

    def of_named(self, kept: Mapping[str, Any]) -> T:
        """Give what these values stand for; names that are missing have the field's default."""
        kinds = {self.names[n]: kind for n, kind in self._kinds}
        read = {
            name: kinds[name].read(value) if name in kinds else value
            for name, value in kept.items()
        }
        return self._row(**read)


def assigned(*names: str) -> str:
    """Write an UPDATE's assignments of these columns, each to the parameter of its name."""
    return ", ".join(f"{name} = :{name}" for name in names)

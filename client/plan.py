"""Find what is to be handed in: every file under the given paths, in a stable order.

No file is opened here. What cannot be reached is reported beside the rest, never left out.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from client.errors import unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclass(frozen=True, slots=True)
class Item:
    """One file to hand in, as it was when it was found. `relative` has "/" between its parts."""

    path: Path
    relative: str
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Fault:
    """One path that cannot be handed in, and why."""

    path: Path
    relative: str
    reason: str
    size: int = 0


def walk(paths: Sequence[Path]) -> Iterator[Item | Fault]:
    """Yield every file under `paths` once, folders in order of name; report what cannot be read.

    Links are followed. A link to a folder above itself is refused: its files come anyway.
    """
    seen: set[Path] = set()
    for given in paths:
        start = Path(os.path.abspath(given))  # noqa: PTH100 - resolve() would hide the given name
        for found in _under(start):
            if found.path not in seen:
                seen.add(found.path)
                yield found


@dataclass(frozen=True, slots=True)
class _Place:
    """A path still to be looked at, with the identities of the folders above it."""

    path: Path
    relative: str = ""
    above: frozenset[tuple[int, int]] = frozenset()

    @property
    def name(self) -> str:
        """Give the path below what was named, or the last part of what was named."""
        return self.relative or self.path.name or str(self.path)


def _under(start: Path) -> Iterator[Item | Fault]:
    pending = [_Place(start)]
    while pending:
        place = pending.pop()
        try:
            facts = place.path.stat()
            if stat.S_ISREG(facts.st_mode):
                yield Item(place.path, place.name, facts.st_size, facts.st_mtime_ns)
            elif not stat.S_ISDIR(facts.st_mode):
                yield Fault(place.path, place.name, "is neither a file nor a folder")
            elif (here := (facts.st_dev, facts.st_ino)) in place.above:
                yield Fault(
                    place.path, place.name, "leads back to a folder above it; it was not followed"
                )
            else:
                pending.extend(_entries(place, here))
        except OSError as error:
            yield Fault(place.path, place.name, _why(error))
        except ValueError:
            yield Fault(place.path, place.name, "has a name that this system cannot have")


def _entries(folder: _Place, here: tuple[int, int]) -> list[_Place]:
    """List a folder, last name first, so that the names come off the stack in order."""
    names = sorted(os.listdir(folder.path), reverse=True)  # noqa: PTH208 - names are enough
    prefix = f"{folder.relative}/" if folder.relative else ""
    above = folder.above | {here}
    return [_Place(folder.path / name, prefix + name, above) for name in names]


def _why(error: OSError) -> str:
    match error:
        case FileNotFoundError():
            return "there is no file or folder here"
        case PermissionError():
            return "may not be read: check its permissions"
        case _:
            return unreadable(error)

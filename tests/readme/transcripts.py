"""What a page tells its reader to type, what it shows then, and whether that is what came."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_BLOCK: Final = re.compile(r"^```\n(\$ .*?)^```$", re.DOTALL | re.MULTILINE)
GAP: Final = "…"
"""A line of its own: any lines. In a line: any text."""

MASKS: Final = (
    (re.compile(r"titip_[0-9a-f]{8}_\S+"), "TOKEN"),
    (re.compile(r"\b[0-9a-f]{8,64}(?:…|\b)"), "ID"),
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?(?: ?[+-]\d\d:?\d\d|Z)?"), "TIME"),
    (re.compile(r"\b\d\d:\d\d:\d\d\b"), "TIME"),
    (re.compile(r"\b\d+(?:\.\d+)? (?:ms|s|min|h)\b"), "SPAN"),
    (re.compile(r"\b[\d,]+(?:\.\d+)? (?:B|bytes|[KMGT]iB)(?![\w])"), "SIZE"),
    (re.compile(r"ktp-\d+"), "ktp-N"),
    (re.compile(r"SILON-\d+"), "SILON-N"),
    (re.compile(r"healthy; \d+ at once"), "healthy; N at once"),
    (re.compile(r"─+"), "─"),
    (re.compile(r"\s+"), " "),
)
"""What is another one each time."""


@dataclass(frozen=True, slots=True)
class Step:
    """One command, and the lines that stand below it."""

    command: str
    shown: tuple[str, ...]


def steps_of(page: str) -> list[Step]:
    """Give the commands of a page in order: the lines of its plain blocks that begin with `$ `."""
    found: list[Step] = []
    for block in _BLOCK.findall(page):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *shown = part.rstrip("\n").split("\n")
            found.append(Step(command, tuple(shown)))
    return found


def masked(line: str) -> str:
    """Give the line without what is another one each time."""
    for pattern, name in MASKS:
        line = pattern.sub(name, line)
    return line.strip()


def fits(shown: Sequence[str], came: Sequence[str]) -> bool:
    """Tell whether these lines came as they are shown; blank lines count for nothing."""
    wanted = [masked(line) for line in shown if line.strip()]
    found = "".join(masked(line) + "\n" for line in came if line.strip())
    parts = [r"(?:[^\n]*\n)*?" if line == GAP else _spelled(line) + r"\n" for line in wanted]
    return re.fullmatch("".join(parts), found) is not None


def _spelled(line: str) -> str:
    return "[^\n]*?".join(re.escape(part) for part in line.split(GAP))

"""What `titip check` finds: a fact, how bad it is, and its mend."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    """How bad it is."""

    WELL = "well"
    NOTE = "note"
    """Worth knowing; Titip works."""
    BAD = "bad"
    """Titip does not work, or not as promised."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    topic: str
    grade: Grade
    text: str
    mend: str = ""


def well(topic: str, text: str) -> Finding:
    """Find nothing to mend."""
    return Finding(topic, Grade.WELL, text)


def note(topic: str, text: str, mend: str = "") -> Finding:
    """Find something worth knowing."""
    return Finding(topic, Grade.NOTE, text, mend)


def bad(topic: str, text: str, mend: str) -> Finding:
    """Find something that must be mended."""
    return Finding(topic, Grade.BAD, text, mend)

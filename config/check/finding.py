"""What `titip check` finds: a fact, how bad it is, and how to fix it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    """Worth knowing; Titip works."""
    ERROR = "error"
    """Titip does not work, or not as promised."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    topic: str
    grade: Grade
    text: str
    fix: str = ""


def ok(topic: str, text: str) -> Finding:
    """Find nothing to fix."""
    return Finding(topic, Grade.OK, text)


def warning(topic: str, text: str, fix: str = "") -> Finding:
    """Find something worth knowing."""
    return Finding(topic, Grade.WARNING, text, fix)


def failure(topic: str, text: str, fix: str) -> Finding:
    """Find something that must be fixed."""
    return Finding(topic, Grade.ERROR, text, fix)

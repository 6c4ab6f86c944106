"""What a specification asks of a server, one sentence at a time."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Level(StrEnum):
    """How much a specification wants something."""

    MUST = "MUST"
    IF = "MUST, if offered"
    SHOULD = "SHOULD"
    MAY = "MAY"
    STATED = "stated"
    OURS = "OURS"


HELD: Final = frozenset({Level.MUST, Level.OURS})
"""The levels of which every statement needs a test."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing that a server does or does not do, in our own words.

    `here` tells what Titip does where there is a choice, or why it does not follow. A statement at
    level IF is about something that Titip does not offer, or a case that cannot come up in it.
    """

    id: str
    level: Level
    says: str
    here: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading of a specification, and what stands under it."""

    title: str
    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Specification:
    """A document, or our own promises; every id in it begins with one of its `prefixes`."""

    title: str
    about: str
    prefixes: tuple[str, ...]
    sections: tuple[Section, ...]

    @property
    def statements(self) -> tuple[Statement, ...]:
        """Give every statement, in reading order."""
        return tuple(one for section in self.sections for one in section.statements)


def must(name: str, says: str, here: str = "") -> Statement:
    """Make a MUST, MUST NOT, SHALL, SHALL NOT or REQUIRED."""
    return Statement(name, Level.MUST, says, here)


def must_if(name: str, says: str, here: str) -> Statement:
    """Make a MUST about what Titip does not offer, or what cannot come up in it."""
    return Statement(name, Level.IF, says, here)


def should(name: str, says: str, here: str = "") -> Statement:
    """Make a SHOULD, SHOULD NOT or RECOMMENDED."""
    return Statement(name, Level.SHOULD, says, here)


def may(name: str, says: str, here: str = "") -> Statement:
    """Make a MAY or OPTIONAL."""
    return Statement(name, Level.MAY, says, here)


def stated(name: str, says: str, here: str = "") -> Statement:
    """Make a sentence about servers that uses none of the capital words."""
    return Statement(name, Level.STATED, says, here)


def ours(name: str, says: str, here: str = "") -> Statement:
    """Make a promise of Titip's own, or the way it copes with a client that breaks a rule."""
    return Statement(name, Level.OURS, says, here)

"""A note that outlives the moment: what stopped this data folder, for `titip status` to tell.

It is written as well as a failing disk allows, and taken away by the next start that works.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from storage.files.durable import closing_fd

if TYPE_CHECKING:
    from pathlib import Path

LONGEST: Final = 2000
"""Bytes that are read of a note: a person's screen."""


def note_trouble(root: Path, role: str, reason: str) -> None:
    """Leave the role's note, if the disk still takes one: never raises."""
    with suppress(OSError):
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        with closing_fd(os.open(_place(root, role), flags, 0o600)) as fd:
            os.write(fd, reason.encode())


def trouble_of(root: Path, role: str) -> str:
    """Give the role's note, "" where there is none."""
    try:
        with _place(root, role).open("rb") as file:
            return file.read(LONGEST).decode("utf-8", "replace").strip()
    except OSError:
        return ""


def forget_trouble(root: Path, role: str) -> None:
    """Take the role's note away, after a start that found everything as it should be."""
    with suppress(OSError):
        _place(root, role).unlink(missing_ok=True)


def _place(root: Path, role: str) -> Path:
    return root / f"trouble.{role}"

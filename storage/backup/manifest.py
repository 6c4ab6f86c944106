"""What a backup says of itself: `backup.json`, written last, is the word that it is complete."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from storage.files.copying import PART
from storage.files.durable import sync_folder

if TYPE_CHECKING:
    from pathlib import Path

NAME: Final = "backup.json"
JOURNAL: Final = "journal.db"
FORMAT: Final = 1


class UnfitBackup(RuntimeError):
    """This folder cannot be backed up, written to, or restored; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One complete backup; `made_at` is the moment of the cut, `bytes` those of its files.

    `gone`: uploads that ended, or were freed, between the cut and their turn.
    """

    made_at: str
    schema: int
    uploads: int
    sealed: int
    files: int
    bytes: int
    gone: int = 0
    format: int = FORMAT


def read_manifest(folder: Path) -> Manifest | None:
    """Read it; None where there is none. Raises UnfitBackup for one that is not understood."""
    try:
        found = json.loads((folder / NAME).read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValueError as error:
        raise UnfitBackup(f"{folder / NAME} is not JSON: this backup was tampered with") from error
    try:
        manifest = Manifest(**found)
    except TypeError as error:
        raise UnfitBackup(f"{folder / NAME} is of another Titip: use that one") from error
    if manifest.format > FORMAT:
        raise UnfitBackup(f"{folder / NAME} is of a newer Titip: use that one")
    return manifest


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Put it in place, durably, replacing the one before."""
    part = folder / (NAME + PART)
    with part.open("w", encoding="utf-8") as file:
        json.dump(asdict(manifest), file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    part.replace(folder / NAME)
    sync_folder(folder)


def moment() -> str:
    """Write the time now, for a manifest."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")

"""What is known and wanted of each destination: titip.ports.delivery.DestinationStore."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, cast

import apsw

from storage.journal.rows import health_of, text_of_health
from storage.journal.snapshot import opened_for_reading

if TYPE_CHECKING:
    from pathlib import Path

    from storage.journal.database import Journal
    from titip.health import Health

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class JournalStandings:
    """One journal's destinations."""

    journal: Journal

    async def health(self, destination: str) -> Health | None:
        """Give the health last noted."""
        return await self.journal.read(
            lambda db: health_of(field_of(db, "health", destination, ""))
        )

    async def note(self, destination: str, health: Health) -> None:
        """Keep the health."""
        text = text_of_health(health)
        await self.journal.write(lambda db: put(db, "health", destination, text))

    async def probe_wanted(self, destination: str) -> bool:
        """Tell, once, whether an operator asked for a probe."""
        wanted = await self.journal.read(lambda db: field_of(db, "probe_wanted", destination, 0))
        if wanted:
            await self.journal.write(lambda db: put(db, "probe_wanted", destination, 0))
        return bool(wanted)


def noted_place(journal: Path, destination: str) -> str:
    """Tell where a destination was when it was last noted, "" where no journal tells it."""
    try:
        with closing(opened_for_reading(journal)) as db:
            db.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)  # a look folds nobody's log
            return field_of(db, "place", destination, "")
    except apsw.Error:
        return ""


def is_paused(db: apsw.Connection, destination: str) -> bool:
    """Tell whether an operator stopped the claims of a destination."""
    return bool(field_of(db, "paused", destination, 0))


def field_of(db: apsw.Connection, column: str, destination: str, default: T) -> T:
    """Give one column of a destination's row."""
    row = db.execute(
        f"SELECT {column} FROM destinations WHERE name = ?",
        (destination,),
    ).fetchone()
    return default if row is None else cast("T", row[0])


def put(db: apsw.Connection, column: str, destination: str, value: str | int) -> None:
    """Write one column of a destination's row."""
    db.execute(
        f"INSERT INTO destinations (name, {column}) VALUES (?, ?) "
        f"ON CONFLICT DO UPDATE SET {column} = excluded.{column}",
        (destination, value),
    )

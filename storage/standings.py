"""What is known and wanted of each destination: implements titip.ports.Standings."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Final, TypeVar, cast

import apsw

from storage.rows import health_of, text_of_health
from storage.snapshot import opened_for_reading

if TYPE_CHECKING:
    from pathlib import Path

    from storage.journal import Journal
    from titip.health import Health

T = TypeVar("T")

PUT: Final = (
    "INSERT INTO destinations (name, {0}) VALUES (:name, :value) "
    "ON CONFLICT DO UPDATE SET {0} = excluded.{0}"
)
_PUT_HEALTH: Final = PUT.format("health")
_PUT_PAUSED: Final = PUT.format("paused")
_PUT_PROBE: Final = PUT.format("probe_wanted")
PUT_PLACE: Final = PUT.format("place")


class JournalStandings:
    """One journal's destinations."""

    def __init__(self, journal: Journal) -> None:
        """Work on this journal."""
        self._journal = journal

    async def health(self, destination: str) -> Health | None:
        """Give the health last noted."""
        return await self._journal.read(
            lambda db: health_of(field_of(db, "health", destination, ""))
        )

    async def note(self, destination: str, health: Health) -> None:
        """Keep the health."""
        bindings: dict[str, object] = {"name": destination, "value": text_of_health(health)}
        await self._journal.write(lambda db: put(db, _PUT_HEALTH, bindings))

    async def probe_wanted(self, destination: str) -> bool:
        """Tell, once, whether an operator asked for a probe."""
        wanted = await self._journal.read(lambda db: field_of(db, "probe_wanted", destination, 0))
        if wanted:
            bindings: dict[str, object] = {"name": destination, "value": 0}
            await self._journal.write(lambda db: put(db, _PUT_PROBE, bindings))
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


def pause(db: apsw.Connection, destination: str, *, paused: bool) -> None:
    """Stop or start the claims of a destination."""
    put(db, _PUT_PAUSED, {"name": destination, "value": int(paused)})


def want_probe(db: apsw.Connection, destination: str) -> None:
    """Ask the lane to probe."""
    put(db, _PUT_PROBE, {"name": destination, "value": 1})


def field_of(db: apsw.Connection, column: str, destination: str, default: T) -> T:
    """Give one column of a destination's row."""
    row = db.execute(
        f"SELECT {column} FROM destinations WHERE name = ?",
        (destination,),
    ).fetchone()
    return default if row is None else cast("T", row[0])


def put(db: apsw.Connection, statement: str, bindings: dict[str, object]) -> None:
    """Write one column of a destination's row, by a statement made from PUT."""
    db.execute(statement, bindings)

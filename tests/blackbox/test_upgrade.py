"""An upgrade of a data folder that was made before deliveries kept what they are believed for."""

from __future__ import annotations

import sqlite3
import time

import pytest

from tests.blackbox.hostile_server import Say
from tests.blackbox.program import TREE
from tests.blackbox.scene import a_scene
from tests.waiting import wait_for

pytestmark = pytest.mark.e2e

FIRST_SCHEMA = next((TREE / "storage").rglob("schema.sql"))

RENAMED = {
    "expected": "expected_sha256",
    "secret": "secret_digest",
    "doubtful": "maybe_delivered",
    "restored": "from_backup",
    "spared_until": "no_removal_before",
}
"""Columns of the first version, and what the third calls them."""


def to_first_version(journal, schema):
    """Make a journal what the first version of it was, with the rows that it has."""
    old = journal.with_suffix(".old")
    db = sqlite3.connect(old)
    db.executescript(schema.read_text("utf-8"))
    db.execute("PRAGMA user_version = 1")
    db.execute("ATTACH ? AS now", (str(journal),))
    for (table,) in list(db.execute("SELECT name FROM main.sqlite_schema WHERE type = 'table'")):
        names = [row[1] for row in db.execute(f"PRAGMA main.table_info({table})")]
        today = {row[1] for row in db.execute(f"PRAGMA now.table_info({table})")}
        found = ", ".join(name if name in today else RENAMED[name] for name in names)
        into = f"main.{table} ({', '.join(names)})"
        db.execute(f"INSERT OR REPLACE INTO {into} SELECT {found} FROM now.{table}")  # noqa: S608 - names out of the schema
    db.execute("UPDATE main.deliveries SET locator = '' WHERE destination = 'registry'")
    db.commit()
    db.close()
    for path in journal.parent.glob("journal.db*"):
        path.unlink()
    old.rename(journal)


def test_an_upgrade_tells_which_deliveries_nothing_shows_and_keeps_their_bytes(tmp_path):
    never = {"TITIP__MIRROR__WHEN": "never"}
    with a_scene(tmp_path, lambda asked: Say(201, {"id": "SILON-1"}), **never) as scene:
        scene.hand_in("one", "two", "three")
        scene.settled("one", "two", "three")
        scene.served.stop()
        to_first_version(tmp_path / "data" / "journal.db", FIRST_SCHEMA)

        said = " ".join(scene.served.run("status").stdout.split())
        said_at = time.monotonic()
        wait_for(lambda: time.monotonic() > said_at + 3)
        scene.served.start()

        assert "3 deliveries to the registry have no evidence" in said, said
        assert scene.served.status(f"/files/{scene.ids['one']}") == 200

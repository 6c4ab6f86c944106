"""A journal goes forward only, and what it was is kept beside it."""

from concurrent.futures import ThreadPoolExecutor

import apsw
import pytest

from storage.journal import migrate
from storage.journal.database import Journal
from storage.journal.migrate import JournalInUse, UnfitJournal
from storage.journal.snapshot import UnsoundJournal
from tests.storage_fixtures import opened_house

KNOWN = migrate.SCHEMAS
NOW, NEXT = len(KNOWN), len(KNOWN) + 1
BEFORE = f"journal.db.before-{NEXT}"


@pytest.fixture
def second(tmp_path, monkeypatch):
    """A Titip that knows one schema more than this one."""
    text = tmp_path / "second.sql"
    text.write_text("CREATE TABLE notes (upload TEXT PRIMARY KEY, note TEXT NOT NULL) STRICT;")
    monkeypatch.setattr(migrate, "SCHEMAS", (*KNOWN, str(text)))
    return text


@pytest.fixture
async def first(tmp_path, monkeypatch):
    """A journal of this Titip's schema, with an upload in it."""
    with opened_house(tmp_path) as house:
        await house.hand_in(b"papers")
    return tmp_path / "journal.db"


def facts(path):
    db = apsw.Connection(str(path))
    try:
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_schema")}
        uploads = next(iter(db.execute("SELECT count(*) FROM uploads")))[0]
        return int(db.pragma("user_version")), "notes" in tables, uploads
    finally:
        db.close()


async def test_the_journal_is_kept_as_it_was_before_it_is_brought_forward(first, second):
    Journal(first).close()

    assert facts(first) == (NEXT, True, 1)
    assert facts(first.with_name(BEFORE)) == (NOW, False, 1)
    assert not first.with_name(f"{BEFORE}.part").exists()


async def test_a_new_journal_has_nothing_to_be_kept(tmp_path, second):
    Journal(tmp_path / "journal.db").close()

    assert facts(tmp_path / "journal.db") == (NEXT, True, 0)
    assert not list(tmp_path.glob("*.before-*"))


async def test_a_migration_that_fails_changes_nothing_and_can_be_tried_again(first, second):
    good = second.read_text()
    second.write_text(f"{good} CREATE TABLE notes (again TEXT) STRICT;")

    with pytest.raises(Exception, match="notes"):
        Journal(first)
    assert facts(first) == (NOW, False, 1)
    second.write_text(good)
    Journal(first).close()

    assert facts(first) == (NEXT, True, 1)
    assert facts(first.with_name(BEFORE)) == (NOW, False, 1)


async def test_a_damaged_journal_is_not_brought_forward(first, second, monkeypatch):
    def unsound(_):
        raise UnsoundJournal("the journal is damaged (page 7)")

    monkeypatch.setattr("storage.journal.snapshot.refuse_unsound", unsound)

    with pytest.raises(UnfitJournal, match=r"page 7.*nothing was changed"):
        Journal(first)
    assert facts(first) == (NOW, False, 1)


async def test_an_older_titip_says_clearly_that_it_cannot_go_back(first, second, monkeypatch):
    Journal(first).close()
    monkeypatch.setattr(migrate, "SCHEMAS", KNOWN)

    with pytest.raises(UnfitJournal, match=f"schema {NEXT}, this Titip knows {NOW}: run the newer"):
        Journal(first)
    assert facts(first) == (NEXT, True, 1)


async def test_an_older_titip_that_is_still_running_is_not_harmed_by_a_newer_one(
    first, second, monkeypatch
):
    monkeypatch.setattr("storage.journal.connection.COMPANY_SECONDS", 0.05)
    running = apsw.Connection(str(first))
    running.execute("SELECT count(*) FROM uploads").fetchall()

    with pytest.raises(JournalInUse, match="stop that one, then start this version"):
        Journal(first)
    running.execute("UPDATE uploads SET metadata = ''")
    running.close()
    assert facts(first) == (NOW, False, 1)
    Journal(first).close()

    assert facts(first) == (NEXT, True, 1)


async def test_several_that_start_at_once_after_an_upgrade_all_open_the_journal(first, second):
    with ThreadPoolExecutor(6) as threads:
        for journal in list(threads.map(lambda _: Journal(first), range(6))):
            journal.close()

    assert facts(first) == (NEXT, True, 1)
    assert facts(first.with_name(BEFORE)) == (NOW, False, 1)


def test_what_was_delivered_before_evidence_was_kept_is_told_by_what_is_known_of_it(
    tmp_path, monkeypatch
):
    path = tmp_path / "journal.db"
    monkeypatch.setattr(migrate, "SCHEMAS", KNOWN[:1])
    Journal(path).close()
    db = apsw.Connection(str(path))
    row = (
        "INSERT INTO deliveries (id, upload, destination, submitter, state, due_at, queued_at, "
        "attempts, doubtful, checkpoint, locator, reason, restored) "
        "VALUES (?, 'u', ?, 'pair-1', ?, 0, 0, 1, 0, ?, ?, '', 0)"
    )
    for values in (
        ("told", "registry", "delivered", "", "SILON-1"),
        ("believed", "registry", "delivered", "", ""),
        ("copied", "mirror", "delivered", "", "Pair 1/a.pdf"),
        ("owed", "registry", "queued", "", ""),
        ("accepted", "registry", "deferred", '{"reference": "SILON-2"}', ""),
    ):
        db.execute(row, values)
    db.close()
    monkeypatch.setattr(migrate, "SCHEMAS", KNOWN)

    Journal(path).close()

    db = apsw.Connection(str(path))
    found = {
        name: tuple(rest)
        for name, *rest in db.execute("SELECT id, evidence, maybe_delivered FROM deliveries")
    }
    db.close()
    assert found == {
        "told": ("reference", 0),
        "believed": ("", 0),
        "copied": ("digest", 0),
        "owed": ("", 0),
        "accepted": ("", 2),
    }

"""A journal goes forward only, and what it was is kept beside it."""

import apsw
import pytest

from storage import migrate
from storage.journal import Journal
from storage.migrate import UnfitJournal
from storage.snapshot import UnsoundJournal
from tests.storage_rooms import opened_house


@pytest.fixture
def second(tmp_path, monkeypatch):
    """A Titip that knows a second schema."""
    text = tmp_path / "second.sql"
    text.write_text("CREATE TABLE notes (upload TEXT PRIMARY KEY, note TEXT NOT NULL) STRICT;")
    monkeypatch.setattr(migrate, "SCHEMAS", ("schema.sql", str(text)))
    return text


@pytest.fixture
async def first(tmp_path, monkeypatch):
    """A journal of the first schema, with an upload in it."""
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

    assert facts(first) == (2, True, 1)
    assert facts(first.with_name("journal.db.before-2")) == (1, False, 1)
    assert not first.with_name("journal.db.before-2.part").exists()


async def test_a_new_journal_has_nothing_to_be_kept(tmp_path, second):
    Journal(tmp_path / "journal.db").close()

    assert facts(tmp_path / "journal.db") == (2, True, 0)
    assert not list(tmp_path.glob("*.before-*"))


async def test_a_migration_that_fails_changes_nothing_and_can_be_tried_again(first, second):
    good = second.read_text()
    second.write_text(f"{good} CREATE TABLE notes (again TEXT) STRICT;")

    with pytest.raises(Exception, match="notes"):
        Journal(first)
    assert facts(first) == (1, False, 1)
    second.write_text(good)
    Journal(first).close()

    assert facts(first) == (2, True, 1)
    assert facts(first.with_name("journal.db.before-2")) == (1, False, 1)


async def test_a_damaged_journal_is_not_brought_forward(first, second, monkeypatch):
    def unsound(_):
        raise UnsoundJournal("the journal is damaged (page 7)")

    monkeypatch.setattr("storage.snapshot.refuse_unsound", unsound)

    with pytest.raises(UnfitJournal, match=r"page 7.*nothing was changed"):
        Journal(first)
    assert facts(first) == (1, False, 1)


async def test_an_older_titip_says_clearly_that_it_cannot_go_back(first, second, monkeypatch):
    Journal(first).close()
    monkeypatch.setattr(migrate, "SCHEMAS", ("schema.sql",))

    with pytest.raises(UnfitJournal, match="schema 2, this Titip knows 1: run the newer Titip"):
        Journal(first)
    assert facts(first) == (2, True, 1)

"""The journal's thread: one transaction for many, and each piece of work its own."""

import asyncio

import apsw
import pytest

from storage.journal import migrate
from storage.journal.database import Journal
from storage.journal.migrate import UnfitJournal, refuse_old_sqlite
from titip.errors import LeaseLost, StorageBroken, StorageFull


def _add(name):
    def work(db):
        db.execute("INSERT INTO destinations (name) VALUES (?)", (name,))
        return name

    return work


def _names(db):
    return [name for (name,) in db.execute("SELECT name FROM destinations ORDER BY name")]


async def test_what_write_gave_is_there_after_reopening(tmp_path):
    with Journal(tmp_path / "journal.db") as journal:
        assert await journal.write(_add("registry")) == "registry"

    with Journal(tmp_path / "journal.db") as journal:
        assert await journal.read(_names) == ["registry"]


async def test_work_handed_in_together_shares_commits(tmp_path):
    commits = []

    def committing():
        commits.append(1)
        return False

    with Journal(tmp_path / "journal.db") as journal:
        await journal.write(lambda db: db.set_commit_hook(committing))

        await asyncio.gather(*(journal.write(_add(f"d{number:03}")) for number in range(200)))

        assert len(await journal.read(_names)) == 200
    assert len(commits) < 100


async def test_a_piece_that_fails_undoes_only_itself(tmp_path):
    def lost(db):
        _add("half done")(db)
        raise LeaseLost("taken over")

    with Journal(tmp_path / "journal.db") as journal:
        results = await asyncio.gather(
            journal.write(_add("a")),
            journal.write(lost),
            journal.write(_add("b")),
            return_exceptions=True,
        )

        assert [type(one) for one in results] == [str, LeaseLost, str]
        assert await journal.read(_names) == ["a", "b"]


async def test_a_commit_the_disk_refuses_is_told_to_everybody_in_it(tmp_path):
    with Journal(tmp_path / "journal.db") as journal:
        pages = await journal.read(lambda db: db.pragma("page_count"))
        await journal.write(lambda db: db.pragma("max_page_count", pages))

        with pytest.raises(StorageFull):
            await journal.write(_add("x" * 1_000_000))

        assert await journal.read(_names) == []
        assert await journal.write(_add("small")) == "small"


async def test_a_broken_statement_is_our_fault_and_kills_nothing(tmp_path):
    with Journal(tmp_path / "journal.db") as journal:
        with pytest.raises(StorageBroken):
            await journal.write(lambda db: db.execute("SELECT nonsense"))

        assert await journal.write(_add("after")) == "after"


async def test_reading_cannot_write(tmp_path):
    with (
        Journal(tmp_path / "journal.db") as journal,
        pytest.raises(StorageBroken, match="ReadOnly"),
    ):
        await journal.read(_add("x"))


async def test_a_cancelled_writer_does_not_disturb_the_others(tmp_path):
    with Journal(tmp_path / "journal.db") as journal:
        doomed = asyncio.create_task(journal.write(_add("doomed")))
        await asyncio.sleep(0)
        doomed.cancel()

        assert await journal.write(_add("other")) == "other"


async def test_a_journal_is_synced_in_full_and_read_by_its_owner_alone(tmp_path):
    with Journal(tmp_path / "journal.db") as journal:
        assert await journal.write(lambda db: db.pragma("synchronous")) == 2
        assert await journal.write(lambda db: db.pragma("journal_mode")) == "wal"
    assert (tmp_path / "journal.db").stat().st_mode & 0o777 == 0o600


async def test_a_newer_schema_is_refused_with_what_to_do(tmp_path):
    newer = len(migrate.SCHEMAS) + 1
    with Journal(tmp_path / "journal.db") as journal:
        await journal.write(lambda db: db.pragma("user_version", newer))

    with pytest.raises(UnfitJournal, match="newer Titip"):
        Journal(tmp_path / "journal.db")


def test_a_file_that_is_no_journal_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "journal.db"
    path.write_bytes(b"somebody's notes" * 1000)

    with pytest.raises(UnfitJournal, match="not a journal"):
        Journal(path)

    assert path.read_bytes() == b"somebody's notes" * 1000


@pytest.mark.parametrize("version", ["3.40.1", "3.51.2", "3.50.9"])
def test_a_sqlite_that_loses_commits_is_refused(version):
    with pytest.raises(UnfitJournal, match="lose commits"):
        refuse_old_sqlite(version)


def test_the_bundled_sqlite_is_good():
    refuse_old_sqlite(apsw.sqlite_lib_version())


async def test_a_closed_journal_says_so_instead_of_keeping_anybody_waiting(tmp_path):
    with Journal(tmp_path / "journal.db") as journal:
        pass

    with pytest.raises(StorageBroken, match="closed"):
        await journal.write(_add("late"))

"""Journal and spool fail stop: nobody waits for a thread that ended, and reading goes on."""

import asyncio
import threading

import pytest

from storage.files import durable
from storage.files.reserved_space import Ballast
from storage.journal import database, writer
from storage.journal.database import Journal
from storage.journal.writer import Writer
from tests.storage_fixtures import opened_house
from tests.waiting import until
from titip.errors import StorageBroken


class Odd(BaseException):
    """No Exception, and nobody's plan."""


def _add(name):
    return lambda db: db.execute("INSERT INTO destinations (name) VALUES (?)", (name,)).fetchall()


def _names(db):
    return [name for (name,) in db.execute("SELECT name FROM destinations ORDER BY name")]


def _fails(error):
    def fail(*_args, **_kwargs):
        raise error

    return fail


PLACES = [
    (Writer, "commit"),
    (Writer, "wal_checkpoint_if_long"),
    (Writer, "_roll_back"),
    (writer, "is_full"),
    (database, "_hand_over"),
    (Journal, "_restock"),
]


@pytest.mark.parametrize("error", [Odd(), MemoryError(), SystemExit(1)], ids=repr)
@pytest.mark.parametrize("place", PLACES, ids=lambda place: place[1])
async def test_however_the_writer_ends_every_write_fails_at_once_and_reading_goes_on(
    tmp_path, monkeypatch, place, error
):
    told: list[str] = []
    ballast = Ballast(tmp_path / "ballast", size=1 << 16)
    path = tmp_path / "journal.db"
    with Journal(path, ballast=ballast, serving=True, failed=told.append) as kept:
        await kept.write(_add("before"))
        monkeypatch.setattr(kept, "_restock_at", 0.0)
        monkeypatch.setattr(*place, _fails(error))
        nonsense = kept.write(lambda db: db.execute("SELECT nonsense"))
        waiting = asyncio.gather(
            nonsense, *(kept.write(_add(f"d{n}")) for n in range(20)), return_exceptions=True
        )
        async with asyncio.timeout(5):
            ends = await waiting
            if kept.broken:
                with pytest.raises(StorageBroken):
                    await kept.write(_add("after"))
            assert "before" in await kept.read(_names)
        monkeypatch.undo()

    assert isinstance(ends[0], StorageBroken)
    assert told == [kept.broken] * bool(kept.broken)


async def test_a_result_that_no_future_takes_is_an_error_of_its_own(tmp_path):
    with Journal(tmp_path / "journal.db") as kept:
        async with asyncio.timeout(5):
            ends = await asyncio.gather(
                kept.write(_fails(StopIteration())),
                kept.write(_fails(Odd())),
                kept.write(_add("beside")),
                return_exceptions=True,
            )

        assert [type(one) for one in ends] == [StorageBroken, Odd, list]
        assert await kept.read(_names) == ["beside"]


async def test_a_journal_of_which_a_look_hangs_is_closed_in_time(tmp_path):
    let_go, looking = threading.Event(), threading.Event()

    def hangs(_db):
        looking.set()
        return let_go.wait(30)

    kept = Journal(tmp_path / "journal.db")
    await kept.write(_add("kept"))
    reading = asyncio.ensure_future(kept.read(hangs))
    await until(looking.is_set)

    async with asyncio.timeout(5):
        await asyncio.to_thread(kept.close, patience=0.05)
    with pytest.raises(StorageBroken):
        await kept.read(_names)
    with pytest.raises(StorageBroken):
        await kept.write(_add("late"))
    let_go.set()
    await reading
    with Journal(tmp_path / "journal.db") as again:
        assert await again.read(_names) == ["kept"]


async def test_a_journal_of_which_a_write_hangs_is_left_to_the_next_start(tmp_path):
    let_go, writing = threading.Event(), threading.Event()

    def hangs(_db):
        writing.set()
        return let_go.wait(30)

    kept = Journal(tmp_path / "journal.db")
    await kept.write(_add("kept"))
    hanging = asyncio.ensure_future(kept.write(hangs))
    await until(writing.is_set)

    async with asyncio.timeout(5):
        await asyncio.to_thread(kept.close, patience=0.05)
    let_go.set()
    await hanging
    kept.close()
    with Journal(tmp_path / "journal.db") as again:
        assert await again.read(_names) == ["kept"]


@pytest.mark.parametrize("error", [Odd(), MemoryError(), RuntimeError("x")], ids=repr)
async def test_what_nobody_foresaw_in_the_spool_stops_the_taking_in(tmp_path, monkeypatch, error):
    with opened_house(tmp_path) as house:
        kept = await house.hand_in(b"before")
        monkeypatch.setattr("storage.files.deposit.write_at", _fails(error))

        with pytest.raises(StorageBroken):
            await house.hand_in(b"during")
        monkeypatch.setattr("storage.files.deposit.write_at", durable.write_at)
        with pytest.raises(StorageBroken, match="until Titip is restarted"):
            await house.hand_in(b"after")
        with pytest.raises(StorageBroken):
            await house.store.room()

        assert await house.store.find(kept.id) == kept

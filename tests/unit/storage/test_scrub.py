"""Sealed files are read again, each once in a while and no faster than allowed."""

import asyncio
import os
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from storage.files.integrity import OPENING, ReadThrottle, Stopped
from storage.files.spool import SpoolContent
from storage.journal.damage import damaged, mark_damaged
from storage.scrub import FEW, Scrub
from sync.maintenance.scrubber import Scrubber
from tests import rot
from tests.storage_fixtures import Clock, opened_house
from tests.waiting import until
from titip.errors import ContentDamaged, StorageBroken

MONTH = timedelta(days=30)


class StillTime:
    """A clock in seconds that only waiting moves, and a count of how long that was."""

    def __init__(self):
        self.now = 0.0
        self.stopped = False

    def __call__(self):
        return self.now

    def wait(self, seconds):
        self.now += seconds
        return self.stopped


def scrub_of(house, time=None, *, rate=20 << 20):
    time = time or StillTime()
    return Scrub(
        house.spool,
        house.journal,
        rate=rate,
        now=house.clock,
        pace=lambda rate, _: ReadThrottle(rate, wait=time.wait, clock=time),
    )


def scrubber_of(house, scrub):
    return Scrubber(scrub, every=MONTH, now=house.clock)


async def all_due(scrubber):
    read = 0
    while (found := await scrubber.look()).read:
        read += found.read
    return read


@pytest.fixture
def house(tmp_path):
    with opened_house(tmp_path) as house:
        yield house


async def test_each_sealed_file_is_read_once_in_each_period(house):
    files = FEW + 3
    for number in range(files):
        await house.hand_in(b"paper %d" % number)
    scrubber = scrubber_of(house, scrub_of(house))

    assert await all_due(scrubber) == 0
    reads = []
    for _ in range(60):
        house.clock.forward(days=1)
        reads.append(await all_due(scrubber))

    assert sum(reads) == files
    assert reads[30] == files
    house.clock.forward(days=2)
    assert await all_due(scrubber) == files


async def test_the_longest_unread_comes_first_and_a_restart_goes_on(house, tmp_path):
    for number in range(FEW):
        await house.hand_in(b"early %d" % number)
    house.clock.forward(seconds=1)
    late = await house.hand_in(b"late")
    house.clock.forward(days=31)
    first = scrub_of(house)
    await scrubber_of(house, first).look()
    first.close()
    rot.flip(house.spool.path(late.id))

    found = await scrubber_of(house, scrub_of(house)).look()

    assert list(found.damaged) == [late.id]
    assert found.read == 1


async def test_open_ended_and_freed_uploads_are_not_read(house):
    deposit = await house.store.create(house.new(10))
    await deposit.commit([b"half"])
    await deposit.close()
    freed = await house.hand_in(b"delivered long ago")
    await house.journal.write(
        lambda db: db.execute("UPDATE uploads SET freed_at = 1 WHERE id = ?", (freed.id,))
    )
    house.spool.remove(freed.id)
    house.clock.forward(days=31)

    assert await all_due(scrubber_of(house, scrub_of(house))) == 0


@pytest.mark.parametrize("damage", [rot.flip, rot.cut, rot.grow, rot.vanish])
async def test_what_is_damaged_is_marked_told_once_and_read_no_more(house, damage):
    upload = await house.hand_in(b"papers")
    await house.hand_in(b"whole")
    damage(house.spool.path(upload.id))
    house.clock.forward(days=31)
    scrubber = scrubber_of(house, scrub_of(house))

    with capture_logs() as logs:
        assert await all_due(scrubber) == 2
        house.clock.forward(days=31)
        assert await all_due(scrubber) == 1

    assert [(one["event"], one["upload"]) for one in logs] == [("upload.damaged", upload.id)]
    assert [one.id for one in await house.journal.read(damaged)] == [upload.id]
    assert (await house.records.totals()).damaged == 1


async def test_what_was_read_before_a_repair_says_nothing_of_the_bytes_after_it(house):
    before = await house.hand_in(b"papers")
    await house.journal.write(lambda db: mark_damaged(db, before.id, now=house.clock()))
    await rot.repair_of(house).settle(before)

    told = await house.journal.write(
        lambda db: mark_damaged(db, before.id, now=house.clock(), repairs=before.repairs)
    )

    assert not told
    assert (await house.records.totals()).damaged == 0


async def test_the_rate_is_kept_over_files_of_any_size(house):
    sizes = [0, 1, 1000, 3 << 20, 70_000]
    for size in sizes:
        await house.hand_in(b"x" * size)
    house.clock.forward(days=31)
    time = StillTime()

    await all_due(scrubber_of(house, scrub_of(house, time, rate=1 << 20)))

    paid = (sum(sizes) + len(sizes) * OPENING) / (1 << 20)
    assert paid - 0.06 <= time.now <= paid


def test_time_that_was_idle_is_not_saved_up():
    time = StillTime()
    pace = ReadThrottle(1000, wait=time.wait, clock=time)
    pace.spend(1000)
    time.now += 3600

    pace.spend(1000)

    assert time.now == 3602


def test_a_pace_that_is_told_to_stop_ends_the_reading():
    time = StillTime()
    time.stopped = True

    with pytest.raises(Stopped):
        ReadThrottle(1000, wait=time.wait, clock=time).spend(1)


async def test_a_stop_breaks_off_a_long_reading_and_keeps_what_was_read(house):
    await house.hand_in(b"short")
    house.clock.forward(seconds=1)
    await house.hand_in(b"x" * (4 << 20))
    house.clock.forward(days=31)
    begun, stopping = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def slowly(rate, wait):
        def waits(seconds):
            if seconds:
                loop.call_soon_threadsafe(begun.set)
            return wait(60 if seconds else 0)

        return ReadThrottle(rate, wait=waits)

    scrub = Scrub(house.spool, house.journal, rate=2 << 20, now=house.clock, pace=slowly)
    running = asyncio.create_task(scrubber_of(house, scrub).run(stopping))
    await begun.wait()

    stopping.set()
    await running
    scrub.close()

    assert await all_due(scrubber_of(house, scrub_of(house))) == 1


async def test_a_scrubber_that_runs_finds_rot_and_rests(house):
    upload = await house.hand_in(b"papers")
    rot.flip(house.spool.path(upload.id))
    house.clock.forward(days=31)
    stopping = asyncio.Event()
    scrubber = Scrubber(
        scrub_of(house), every=MONTH, now=house.clock, rest=timedelta(milliseconds=1)
    )
    running = asyncio.create_task(scrubber.run(stopping))

    with capture_logs() as logs:
        await until(lambda: bool(logs))
        stopping.set()
        await running

    assert logs[0]["event"] == "upload.damaged"


async def test_trouble_of_the_disk_is_told_and_outlived(house):
    class Broken:
        tries = 0

        async def inspect(self, *, unread_since):
            self.tries += 1
            raise ContentDamaged("no")

        def stop(self):
            pass

    inspector, stopping = Broken(), asyncio.Event()
    scrubber = Scrubber(inspector, every=MONTH, now=Clock(), rest=timedelta(milliseconds=1))
    running = asyncio.create_task(scrubber.run(stopping))

    with capture_logs() as logs:
        await until(lambda: inspector.tries > 2)
        stopping.set()
        await running

    assert {one["event"] for one in logs} == {"scrub.error"}


async def test_a_file_that_may_not_be_read_is_no_damage_and_loses_nothing_read_before(
    house, monkeypatch
):
    first = await house.hand_in(b"papers")
    house.clock.forward(seconds=1)
    refused = await house.hand_in(b"more papers")
    rot.unreadable(house.spool.path(refused.id), monkeypatch)
    house.clock.forward(days=31)
    scrubber = scrubber_of(house, scrub_of(house))

    found = await scrubber.look()

    assert (found.read, found.size) == (1, first.length)
    with pytest.raises(StorageBroken):
        await scrubber.look()
    assert (await house.records.totals()).damaged == 0


async def test_a_note_is_made_after_much_was_read(house, monkeypatch):
    monkeypatch.setattr("storage.scrub.MUCH", 10)
    for _ in range(3):
        await house.hand_in(b"papers")
    house.clock.forward(days=31)
    scrubber = scrubber_of(house, scrub_of(house))

    reads = [(await scrubber.look()).read for _ in range(3)]

    assert reads == [2, 1, 0]


async def test_a_scrubber_that_is_off_ends_at_once(house):
    await house.hand_in(b"papers")

    await Scrubber(scrub_of(house), every=timedelta(0), now=house.clock).run(asyncio.Event())


@pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="needs /proc")  # noqa: PTH110
def test_what_the_disk_cannot_read_is_damaged():
    fd = os.open("/proc/self/mem", os.O_RDONLY)  # its first page gives EIO, as a bad sector does
    try:
        with pytest.raises(ContentDamaged, match="cannot read"):
            SpoolContent(fd, 10).read(0, 10)
    finally:
        os.close(fd)

"""A lease keeps the row, what left and what is known of its effect; once lost, it lends nothing."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from sync.worker import lease as leases
from sync.worker.lease import Lease
from tests.destination_fakes import SEALED_AT, a_parcel
from titip.errors import LeaseLost
from titip.evidence import Doubt

TERM = timedelta(minutes=1)
SETTLE = timedelta(seconds=20)
LATER = timedelta(seconds=5)


class Rows:
    """A queue that takes every write of a lease, and keeps what was written."""

    def __init__(self):
        self.written = []
        self.writing = 0

    async def checkpoint(self, delivery, text):
        return await self._write(replace(delivery, checkpoint=text))

    async def extend(self, delivery, until):
        return await self._write(replace(delivery, due_at=until))

    async def _write(self, delivery):
        self.writing += 1
        assert self.writing == 1, "two writes of one row at a time"
        await asyncio.sleep(0)
        self.writing -= 1
        self.written.append(delivery)
        return delivery


class Stuck(Rows):
    """A journal that never answers."""

    async def extend(self, delivery, until):
        await asyncio.Event().wait()


class Timer:
    def __init__(self):
        self.told = []

    def begin(self):
        self.told.append("begin")

    def moved(self):
        self.told.append("moved")

    def start(self):
        self.told.append("start")


class Bench:
    """A lease with a clock that a test moves."""

    def __init__(self, rows=None, **fields):
        self.now = SEALED_AT
        self.rows = rows or Rows()
        self.timer = Timer()
        row = replace(a_parcel().delivery, due_at=SEALED_AT + TERM, **fields)
        queue: Any = self.rows
        timer: Any = self.timer
        self.lease = Lease(row, queue, term=TERM, settle=SETTLE, now=lambda: self.now, timer=timer)

    @property
    def known(self):
        row = self.lease.delivery
        return row.maybe_delivered, row.doubt_since, row.settles_at, row.absences, row.from_backup


async def test_what_the_row_says_of_its_effect_is_what_the_lease_begins_with():
    bench = Bench(
        maybe_delivered=Doubt.ANSWERED,
        doubt_since=SEALED_AT,
        settles_at=SEALED_AT + SETTLE,
        absences=3,
        from_backup=True,
    )

    assert bench.known == (Doubt.ANSWERED, SEALED_AT, SEALED_AT + SETTLE, 3, True)


async def test_bytes_that_left_are_a_sign_of_life_and_so_are_none():
    bench = Bench()

    bench.lease.sent(3)
    bench.lease.sent(0)

    assert bench.timer.told == ["moved", "moved"]


async def test_a_body_that_left_is_doubted_and_its_answer_timed():
    bench = Bench()

    bench.lease.body_sent()
    await asyncio.sleep(0)

    assert bench.known == (Doubt.UNHEARD, SEALED_AT, SEALED_AT + SETTLE, 0, False)
    assert bench.timer.told == ["start"]


async def test_the_larger_doubt_wins_keeps_its_beginning_and_settles_anew():
    bench = Bench()
    bench.lease.doubted(Doubt.ANSWERED)
    bench.now += LATER

    bench.lease.doubted(Doubt.UNHEARD)
    await asyncio.sleep(0)

    assert bench.known == (Doubt.ANSWERED, SEALED_AT, SEALED_AT + LATER + SETTLE, 0, False)
    assert bench.timer.told == ["begin", "begin"]


@pytest.mark.parametrize(("looked_up", "absences"), [(True, 3), (False, 2)])
async def test_what_is_not_there_is_in_no_doubt_and_only_a_look_up_counts(looked_up, absences):
    bench = Bench(
        maybe_delivered=Doubt.UNHEARD, doubt_since=SEALED_AT, absences=2, from_backup=True
    )

    bench.lease.absent(looked_up=looked_up)
    await asyncio.sleep(0)

    assert bench.known == (Doubt.NONE, None, None, absences, False)
    assert bench.timer.told == ["begin"]


async def test_not_there_is_not_yet_until_it_has_settled():
    bench = Bench()
    assert bench.lease.settles_in() == timedelta(0)
    bench.lease.doubted(Doubt.UNHEARD)

    assert bench.lease.settles_in() == SETTLE
    bench.now += LATER
    assert bench.lease.settles_in() == SETTLE - LATER
    bench.now += TERM
    assert bench.lease.settles_in() == timedelta(0)


async def test_every_write_brings_what_is_known_and_keeps_what_came_back():
    bench = Bench()
    bench.lease.doubted(Doubt.ANSWERED)

    await bench.lease.checkpoint("half")
    bench.now += LATER
    await bench.lease.renew()

    assert [row.maybe_delivered for row in bench.rows.written] == [Doubt.ANSWERED] * 2
    assert bench.lease.delivery == bench.rows.written[-1]
    assert bench.lease.delivery.checkpoint == "half"
    assert bench.lease.delivery.due_at == SEALED_AT + LATER + TERM


async def test_one_row_is_written_by_one_at_a_time():
    bench = Bench()

    await asyncio.gather(bench.lease.checkpoint("half"), bench.lease.renew(), bench.lease.renew())

    assert len(bench.rows.written) == 3


async def test_a_lease_that_runs_is_not_renewed_by_who_sends():
    bench = Bench()
    bench.now += TERM - timedelta(microseconds=1)

    await asyncio.to_thread(bench.lease.ensure_held)

    assert bench.rows.written == []


async def test_a_lease_that_ran_out_is_renewed_before_more_is_sent():
    bench = Bench()
    bench.now += TERM

    await asyncio.to_thread(bench.lease.ensure_held)

    assert bench.lease.delivery.due_at == SEALED_AT + 2 * TERM


async def test_a_journal_that_does_not_answer_lends_nothing(monkeypatch):
    monkeypatch.setattr(leases, "RENEWAL", 0.01)
    bench = Bench(Stuck())
    bench.now += TERM

    with pytest.raises(LeaseLost, match="could not be renewed"):
        await asyncio.to_thread(bench.lease.ensure_held)

    await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == 1, "the renewal goes on"


async def test_the_loop_itself_never_waits_for_a_renewal():
    bench = Bench()
    bench.now += TERM

    with pytest.raises(LeaseLost, match=r"the lease ran out$"):
        bench.lease.ensure_held()

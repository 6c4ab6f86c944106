"""The clock on a delivery: what rings, and what does not."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace

import pytest

from sync.worker.response_timer import ResponseTimer
from tests.waiting import until
from titip.health import Bad

A_MOMENT = timedelta(milliseconds=1)
SILENCE = Bad("nothing moved for 0.001 s")
NO_ANSWER = Bad("no answer within 0.001 s of the last byte")


class Clock:
    """A clock that a test moves, and that knows how often it was looked at."""

    def __init__(self, monkeypatch):
        self.at, self.glances = 0.0, 0
        monkeypatch.setattr(
            "sync.worker.response_timer.time", SimpleNamespace(monotonic=self.monotonic)
        )

    def monotonic(self):
        self.glances += 1
        return self.at

    async def is_looked_at(self, times=3):
        self.glances = 0
        await until(lambda: self.glances > times)


class Ear:
    def __init__(self):
        self.heard = []

    async def __call__(self, event):
        self.heard.append(event)


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


async def test_a_silence_rings_once_and_a_sign_of_life_puts_it_off(clock):
    ear = Ear()
    overdue = ResponseTimer(ear, timedelta(hours=1), A_MOMENT)
    clock.at = 5.0
    overdue.begin()
    await clock.is_looked_at()
    clock.at = 6.0
    overdue.moved()
    await clock.is_looked_at()
    assert not overdue.told

    clock.at = 7.0
    await until(lambda: ear.heard)
    overdue.begin()
    clock.at = 8.0
    await clock.is_looked_at(times=0)
    assert ear.heard == [SILENCE]


async def test_after_an_answer_signs_of_life_count_again(clock):
    ear = Ear()
    overdue = ResponseTimer(ear, timedelta(hours=1), A_MOMENT)
    overdue.start()
    overdue.begin()
    clock.at = A_MOMENT.total_seconds()

    await until(lambda: ear.heard == [SILENCE])


async def test_an_answer_that_comes_rings_nothing(clock):
    late, other = Ear(), Ear()
    overdue, ringing = ResponseTimer(late, A_MOMENT), ResponseTimer(other, 9 * A_MOMENT)
    overdue.start()
    overdue.begin()
    ringing.start()

    await until(lambda: other.heard)
    assert late.heard == []


@pytest.mark.parametrize("again", ["begin", "start", "end"])
async def test_after_the_end_nothing_rings_whatever_a_late_thread_tells(clock, again):
    late, other = Ear(), Ear()
    overdue, ringing = ResponseTimer(late, A_MOMENT, A_MOMENT), ResponseTimer(other, 9 * A_MOMENT)
    overdue.start()
    overdue.end()
    getattr(overdue, again)()
    clock.at = 1.0
    ringing.start()

    await until(lambda: other.heard)
    assert late.heard == []


async def test_a_silent_answer_rings_however_much_moved_before_and_whoever_hears_fails(clock):
    async def fails(_event):
        raise OSError

    ear = Ear()
    overdue, deaf = ResponseTimer(ear, A_MOMENT, timedelta(hours=1)), ResponseTimer(fails, A_MOMENT)
    overdue.start()
    overdue.moved()
    deaf.start()

    await until(lambda: ear.heard == [NO_ANSWER] and deaf.told)
    await asyncio.sleep(0)

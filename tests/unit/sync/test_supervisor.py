"""What ended before its time is begun again, with rests; how it ended is nothing to the others."""

import asyncio

import pytest
from structlog.testing import capture_logs

from sync import supervisor
from sync.supervisor import run_daemon, supervised
from tests.waiting import until


class Odd(BaseException):
    """No Exception, and nobody's plan."""


ENDS = [KeyError("secret"), Odd(), SystemExit(3), GeneratorExit(), asyncio.CancelledError()]


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(supervisor, "FLOOR", 0.001)


@pytest.mark.parametrize("error", ENDS, ids=lambda error: type(error).__name__)
async def test_whatever_ends_it_it_is_begun_again_and_its_end_is_told(impatient, error):
    begun, stopping = [], asyncio.Event()

    async def run():
        begun.append(1)
        if len(begun) < 3:
            raise error
        await stopping.wait()

    with capture_logs() as logged:
        running = asyncio.create_task(supervised("worker", run, stopping))
        await until(lambda: len(begun) == 3)
        stopping.set()
        await running

    told = [one for one in logged if one["event"] == "task.ended"]
    assert [one["error"] for one in told] == [type(error).__name__] * 2
    assert "secret" not in str(logged)
    assert told[1]["again_in"] == 2 * told[0]["again_in"]


async def test_the_rest_grows_up_to_its_ceiling(monkeypatch):
    rests, stopping = [], asyncio.Event()

    async def rested(stopping, seconds):
        rests.append(seconds)
        if len(rests) == 9:
            stopping.set()

    async def fails():
        raise KeyError

    monkeypatch.setattr(supervisor, "pause", rested)
    await supervised("worker", fails, stopping)

    assert rests == [1, 2, 4, 8, 16, 32, 60, 60, 60]


async def test_what_returns_has_done_its_work():
    async def done():
        return

    await supervised("spare", done, asyncio.Event())


async def test_a_stop_waits_for_no_rest():
    stopping = asyncio.Event()

    async def fails():
        raise KeyError

    running = asyncio.create_task(supervised("worker", fails, stopping))
    await asyncio.sleep(0.01)
    stopping.set()
    async with asyncio.timeout(0.5):
        await running


async def test_one_that_fails_for_ever_is_nothing_to_the_others(impatient):
    stopping, worked = asyncio.Event(), []

    async def fails():
        raise Odd

    async def works():
        while not stopping.is_set():
            worked.append(1)
            await asyncio.sleep(0.001)

    running = asyncio.create_task(run_daemon({"bad": fails, "good": works}, stopping))
    await until(lambda: len(worked) > 10)
    stopping.set()
    await running


async def test_one_that_will_not_end_holds_up_no_stop(monkeypatch):
    monkeypatch.setattr(supervisor, "STOP_WITHIN", 0.01)
    monkeypatch.setattr(supervisor, "BREAK_OFF", 0.01)
    stopping, let_go = asyncio.Event(), asyncio.Event()
    stopping.set()

    async def stubborn():
        while not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                continue

    async def begins_late():
        stopping.clear()
        await stubborn()

    running = asyncio.create_task(run_daemon({"stubborn": begins_late}, stopping))
    stopping.clear()
    await asyncio.sleep(0.01)
    stopping.set()
    async with asyncio.timeout(2):
        await running
    let_go.set()
    await asyncio.sleep(0)


async def test_a_supervisor_that_is_cancelled_ends_what_it_runs_first():
    begun, ended = asyncio.Event(), []

    async def run():
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(1)

    running = asyncio.create_task(supervised("worker", run, asyncio.Event()))
    await begun.wait()
    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running

    assert ended == [1]


async def test_what_ran_for_long_before_it_failed_rests_as_at_first(monkeypatch):
    rests, stopping, runs = [], asyncio.Event(), iter([0, 0, 60, 0, 59])
    time = 0.0

    async def rested(stopping, seconds):
        rests.append(seconds)
        if len(rests) == 5:
            stopping.set()

    async def fails():
        nonlocal time
        time += next(runs)
        raise KeyError

    monkeypatch.setattr(supervisor, "pause", rested)
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: time, raising=False)
    await supervised("worker", fails, stopping)

    assert rests == [1, 2, 1, 2, 4]

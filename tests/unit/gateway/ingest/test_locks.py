"""One writer per upload, with hand-over."""

import asyncio

import pytest

from gateway.ingest.locks import UploadLocks
from gateway.ingest.shutdown import OneShotEvent
from gateway.protocol.errors import UploadLocked
from titip.upload import UploadId

ONE, OTHER = UploadId("1" * 32), UploadId("2" * 32)


@pytest.fixture
def locks():
    return UploadLocks()


async def test_a_free_upload_is_held_at_once_and_let_go_after(locks):
    async with locks.hold(ONE, patience=0) as hold:
        assert locks.holder(ONE) is hold
        assert locks.holder(OTHER) is None

    assert locks.holder(ONE) is None


async def test_an_upload_is_let_go_when_its_holder_fails(locks):
    with pytest.raises(ZeroDivisionError):
        async with locks.hold(ONE, patience=0):
            raise ZeroDivisionError

    assert locks.holder(ONE) is None


@pytest.mark.holds("titip:race-safe")
async def test_a_newcomer_asks_the_holder_to_leave_and_takes_over(locks):
    order = []

    async def newcomer():
        async with locks.hold(ONE, patience=5):
            order.append("newcomer")

    async with locks.hold(ONE, patience=0) as hold:
        asked = asyncio.Event()
        with hold.release_requested.on_set(asked.set):
            task = asyncio.create_task(newcomer())
            await asked.wait()
            order.append("holder")
    await task

    assert order == ["holder", "newcomer"]


async def test_patience_is_bounded(locks):
    async with locks.hold(ONE, patience=0):
        with pytest.raises(UploadLocked):
            async with locks.hold(ONE, patience=0.01):
                pytest.fail("it was held")

        assert locks.holder(ONE) is not None


async def test_of_many_newcomers_each_gets_its_turn(locks):
    inside = most = turns = 0

    async def newcomer():
        nonlocal inside, most, turns
        async with locks.hold(ONE, patience=5) as hold:
            inside, turns = inside + 1, turns + 1
            most = max(most, inside)
            left = asyncio.Event()
            with hold.release_requested.on_set(left.set):
                if turns < 10:
                    await left.wait()
            inside -= 1

    async with asyncio.TaskGroup() as group:
        for _ in range(10):
            group.create_task(newcomer())

    assert (turns, most) == (10, 1)


async def test_a_holder_that_hears_its_sender_is_not_relieved(locks):
    async with locks.hold(ONE, patience=0) as hold:
        relieving = asyncio.create_task(locks.evict_if_idle(ONE, silence=0.05, patience=0))
        while not relieving.done():
            hold.waiting_since = asyncio.get_running_loop().time()
            await asyncio.sleep(0)

        assert not await relieving
        assert not hold.release_requested.is_set


async def test_a_holder_that_waits_for_its_disk_is_not_silent(locks):
    async with locks.hold(ONE, patience=0) as hold:
        hold.waiting_since = None

        assert hold.silent_for(asyncio.get_running_loop().time() + 1000) == 0


async def test_a_silent_holder_is_asked_to_leave_and_waited_for(locks):
    async def relieve():
        return await locks.evict_if_idle(ONE, silence=1, patience=5)

    async with locks.hold(ONE, patience=0) as hold:
        hold.waiting_since = asyncio.get_running_loop().time() - 2
        asked = asyncio.Event()
        with hold.release_requested.on_set(asked.set):
            task = asyncio.create_task(relieve())
            await asked.wait()

    assert await task


async def test_a_holder_that_is_saving_what_came_is_waited_for(locks):
    async with locks.hold(ONE, patience=0) as hold:
        relieving = asyncio.create_task(locks.evict_if_idle(ONE, silence=5, patience=0))
        await asyncio.sleep(0)

    assert await relieving
    assert not hold.release_requested.is_set


async def test_a_silent_holder_that_stays_is_not_waited_for_long(locks):
    async with locks.hold(ONE, patience=0) as hold:
        hold.waiting_since = asyncio.get_running_loop().time() - 2

        assert not await locks.evict_if_idle(ONE, silence=1, patience=0.01)


async def test_there_is_nobody_to_relieve_of_a_free_upload(locks):
    assert not await locks.evict_if_idle(ONE, silence=0, patience=0)


def test_a_notice_is_heard_by_early_and_late_listeners_and_by_no_others():
    heard = []
    notice = OneShotEvent()
    with notice.on_set(lambda: heard.append("gone")):
        pass

    with notice.on_set(lambda: heard.append("early")):
        notice.set()
    with notice.on_set(lambda: heard.append("late")):
        pass

    assert notice.is_set
    assert heard == ["early", "late"]

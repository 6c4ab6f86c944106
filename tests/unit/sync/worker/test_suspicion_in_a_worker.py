"""A worker tells one party's trouble from the destination's, by who else has files waiting."""

import asyncio
from datetime import timedelta

import pytest

from tests.unit.sync.worker.test_worker import Scripted, opened_line
from tests.waiting import until
from titip.errors import AttemptFailed
from titip.health import Circuit


class Forbidding(Scripted):
    """Forbids all of one party, and loses its way with the others'."""

    async def deliver(self, parcel, content, progress):
        if parcel.delivery.submitter == "pair-1":
            raise AttemptFailed("forbidden (403)", suspect="403")
        raise AttemptFailed("lost its way")


@pytest.mark.parametrize(
    ("others", "circuit"),
    [(["pair-2"], Circuit.CLOSED), ([], Circuit.OPEN)],
    ids=["others wait", "nobody else waits"],
)
async def test_one_party_alone_is_forbidden(tmp_path, others, circuit):
    async with opened_line(tmp_path, Forbidding()) as line:
        for number in range(12):
            await line.house.hand_in(f"{number}".encode(), submitter="pair-1")
        for submitter in others:
            for number in range(12):
                await line.house.hand_in(f"{number}".encode(), submitter=submitter)

        await line.drain()

        assert line.watch.health.circuit is circuit


async def test_a_lane_whose_turn_went_wrong_is_not_woken_to_go_wrong_again(tmp_path, monkeypatch):
    async with opened_line(tmp_path, Scripted(), poll=timedelta(minutes=1)) as line:
        stopping, turns = asyncio.Event(), []

        async def wrong():
            turns.append(1)
            raise KeyError

        monkeypatch.setattr(line.worker, "turn", wrong)
        running = asyncio.create_task(line.worker.run(stopping))
        await until(lambda: len(turns) == 1)
        for _ in range(20):
            line.wake.set()
            await asyncio.sleep(0)
        stopping.set()
        await running

        assert len(turns) == 1

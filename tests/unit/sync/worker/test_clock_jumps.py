"""Workers, health and janitor on a clock that leaps over a restart, or past a lease."""

import asyncio
from datetime import timedelta

import pytest

from sync.maintenance.janitor import Janitor
from sync.worker.lease import LeasedContent
from tests.destination_fakes import a_lease
from tests.storage_fixtures import opened_house
from tests.unit.sync.worker.test_worker import Scripted, opened_line
from tests.waiting import until
from titip.delivery import REGISTRY, DeliveryState
from titip.errors import DestinationUnavailable, LeaseLost
from titip.evidence import Evidence
from titip.health import Circuit, Health
from titip.ports.delivery import DeliveryResult

HOUR = timedelta(hours=1)
TERM = timedelta(seconds=60)


async def restart(line):
    """Begin the worker as a start does, and end it at once."""
    stopping = asyncio.Event()
    stopping.set()
    await line.worker.run(stopping)


async def test_a_clock_set_back_over_a_restart_holds_no_delivery_for_hours(tmp_path):
    async with opened_line(tmp_path, Scripted()) as line:
        line.house.clock.forward(hours=9)
        await line.house.hand_in(b"papers")
        line.house.clock.forward(hours=-9)
        await restart(line)
        assert await line.turn() == 0

        line.house.clock.forward(hours=2)
        await line.turn()

        assert line.destination.held == [b"papers"]


async def test_a_lease_of_a_clock_that_was_ahead_is_taken_over_within_seconds(tmp_path):
    async with opened_line(tmp_path, Scripted()) as line:
        await line.house.hand_in(b"papers")
        ahead = line.house.clock.forward(hours=9)
        await line.house.queue.claim(
            REGISTRY, "pair-1", now=ahead, until=ahead + TERM, limit=1, ignore_delay=False
        )
        line.house.clock.forward(hours=-9)
        await restart(line)

        line.house.clock.forward(seconds=6)
        await line.turn()

        (parcel,) = line.destination.seen
        assert parcel.delivery.maybe_delivered
        assert line.destination.held == [b"papers"]


async def test_an_illness_of_a_clock_that_was_ahead_is_over_within_an_hour(tmp_path):
    async with opened_line(tmp_path, Scripted(well=None)) as line:
        ahead = line.house.clock() + 9 * HOUR
        ill = Health(since=ahead, circuit=Circuit.OPEN, until=ahead + HOUR)
        await line.house.destinations.note(REGISTRY, ill)
        await line.house.hand_in(b"papers")

        await line.watch.load()

        line.house.clock.forward(hours=1, seconds=1)
        await line.turn()
        assert line.destination.held == [b"papers"]


async def test_health_since_the_future_lets_no_stampede_through(tmp_path):
    async with opened_line(tmp_path, Scripted()) as line:
        well = Health(since=line.house.clock() + 9 * HOUR, window=2.0)
        await line.house.destinations.note(REGISTRY, well)
        for number in range(10):
            await line.house.hand_in(bytes([number]))

        await line.watch.load()
        started = await line.worker.turn()
        await line.worker.idle()

        assert started == 2


async def test_a_leap_forward_over_a_restart_sends_nothing_twice(tmp_path):
    async with opened_line(tmp_path, Scripted(script=[DestinationUnavailable("down")])) as line:
        await line.house.hand_in(b"papers")
        await line.turn()

        line.house.clock.forward(days=400)
        await restart(line)
        await line.drain()

        assert line.destination.held == [b"papers"]
        assert await line.states(REGISTRY) == {"delivered": 1}


class House:
    """Counts what a janitor asks to be removed."""

    def __init__(self):
        self.asked = 0

    async def expire(self, *, idle_since):
        self.asked += 1
        return 1

    async def free(self, *, ended_before):
        self.asked += 1
        return 1


async def test_the_janitor_removes_nothing_until_the_grace_is_over(tmp_path):
    with opened_house(tmp_path) as house:
        counting = House()
        janitor = Janitor(
            counting,
            counting,
            max_unfinished_age=HOUR,
            keep_after_delivery=HOUR,
            now=house.clock,
            no_removal_before=house.clock() + HOUR,
        )
        assert await janitor.go_round() == 0
        assert counting.asked == 0

        house.clock.forward(hours=1)

        assert await janitor.go_round() == 2


async def leased(house):
    """Hand a file in, claim it, and give its content as a worker reads it."""
    await house.hand_in(b"papers")
    now = house.clock()
    (parcel,) = await house.queue.claim(
        REGISTRY, "pair-1", now=now, until=now + TERM, limit=1, ignore_delay=False
    )
    lease = a_lease(parcel.delivery, house.queue, term=TERM, now=house.clock)
    return lease, parcel


async def test_a_worker_that_was_stopped_past_its_lease_renews_it_before_it_sends(tmp_path):
    with opened_house(tmp_path) as house:
        lease, parcel = await leased(house)
        with house.spool.open(parcel.upload.id) as content:
            house.clock.forward(hours=1)

            read = await asyncio.to_thread(LeasedContent(content, lease).read, 0, 6)

        assert read == b"papers"
        assert lease.delivery.due_at == house.clock() + TERM


async def test_a_worker_whose_delivery_was_taken_over_meanwhile_sends_nothing(tmp_path):
    with opened_house(tmp_path) as house:
        lease, parcel = await leased(house)
        later = house.clock.forward(hours=1)
        await house.queue.claim(
            REGISTRY, "pair-1", now=later, until=later + TERM, limit=1, ignore_delay=False
        )
        with house.spool.open(parcel.upload.id) as content, pytest.raises(LeaseLost):
            await asyncio.to_thread(LeasedContent(content, lease).read, 0, 6)


async def test_a_lease_that_ran_out_is_not_waited_for_in_the_event_loop(tmp_path):
    with opened_house(tmp_path) as house:
        lease, parcel = await leased(house)
        with house.spool.open(parcel.upload.id) as content:
            ours = LeasedContent(content, lease)
            assert ours.size == 6
            assert ours.read(0, 6) == b"papers"
            house.clock.forward(hours=1)

            with pytest.raises(LeaseLost):
                ours.read(0, 6)


class Threaded(Scripted):
    """Reads in a thread, as every real destination does."""

    async def deliver(self, parcel, content, progress):
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        await self.script.pop(0)(progress)
        self.held.append(await asyncio.to_thread(content.read, 0, content.size))
        self.under_way -= 1
        return DeliveryResult("ref", size=content.size, evidence=Evidence.REFERENCE)


async def test_a_frozen_lane_goes_on_with_what_it_carries_and_carries_it_once(tmp_path):
    async with opened_line(tmp_path, Threaded()) as line:
        thawed = asyncio.Event()

        async def frozen(_progress):
            await thawed.wait()

        line.destination.script = [frozen]
        upload = await line.house.hand_in(b"papers")
        await line.worker.turn()
        await until(lambda: line.destination.under_way == 1)

        line.house.clock.forward(hours=9)
        await line.worker.turn()
        thawed.set()
        await line.worker.idle()

        assert line.destination.most_under_way == 1
        assert line.destination.held == [b"papers"]
        registry, _ = await line.house.records.of_upload(upload.id)
        assert (registry.state, registry.attempts) == (DeliveryState.DELIVERED, 1)

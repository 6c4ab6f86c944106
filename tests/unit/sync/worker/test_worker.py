"""The worker over a real journal, with a destination that does what a script says."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from sync.worker.health_monitor import HealthMonitor
from sync.worker.rules import SETTLE, WorkerDeps, WorkerRules
from sync.worker.wakeup import LoopWakeup
from sync.worker.worker import DeliveryWorker
from tests.storage_fixtures import POLICY, House, opened_house
from tests.waiting import until
from titip.delivery import MIRROR, REGISTRY, DeliveryState
from titip.errors import AttemptFailed, DeliveryRejected, DestinationUnavailable, OutcomeUnknown
from titip.evidence import Evidence
from titip.health import Circuit, Health, HealthPolicy
from titip.ports.delivery import DeliveryResult


@dataclass
class Scripted:
    """Answers each delivery with the next line of its script, then with success."""

    name: str = REGISTRY
    script: list[Any] = field(default_factory=list)
    well: bool | None = True
    held: list[Any] = field(default_factory=list)
    seen: list[Any] = field(default_factory=list)
    probes: int = 0
    under_way: int = 0
    most_under_way: int = 0

    async def deliver(self, parcel, content, progress):
        self.seen.append(parcel)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        await asyncio.sleep(0)  # so that others may be under way too
        try:
            line = self.script.pop(0) if self.script else None
            if callable(line):
                line = await line(progress)
            if isinstance(line, BaseException):
                raise line
            self.held.append(content.read(0, content.size))
            return DeliveryResult(
                f"ref-{len(self.held)}", size=content.size, evidence=Evidence.REFERENCE
            )
        finally:
            self.under_way -= 1

    async def probe(self):
        self.probes += 1
        return self.well

    async def close(self):
        pass


@dataclass
class Line:
    """A worker, its destination, and the house it empties."""

    house: House
    worker: DeliveryWorker
    destination: Scripted
    watch: HealthMonitor
    wake: asyncio.Event

    async def turn(self):
        started = await self.worker.turn()
        await self.worker.idle()
        return started

    async def starts_one_more(self):
        async with asyncio.timeout(10):
            while not await self.worker.turn():
                continue

    async def drain(self):
        while await self.turn():
            pass

    async def states(self, destination=None):
        totals = await self.house.records.totals()
        name = destination or self.destination.name
        (standing,) = [one for one in totals.destinations if one.name == name]
        return {state.value: count for state, count in standing.counts.items() if count}


@asynccontextmanager
async def opened_line(tmp_path, destination, **rules):
    with opened_house(tmp_path) as house:
        rng = Random(4)
        slow_after = rules.get("slow_after", timedelta(seconds=30))
        watch = HealthMonitor(
            destination,
            house.destinations,
            policy=HealthPolicy(slow_after=slow_after),
            probe_every=timedelta(seconds=5),
            now=house.clock,
            rng=rng,
        )
        wake = LoopWakeup().listen()
        world = WorkerDeps(
            queue=house.queue,
            destinations=house.destinations,
            refusals=house.refusals,
            archive=house.spool,
            now=house.clock,
            rng=rng,
            expedite_when_down=REGISTRY if destination.name == MIRROR else None,
        )
        worker = DeliveryWorker(
            destination,
            world,
            watch=watch,
            rules=WorkerRules(retry=POLICY, **rules),
            wake=wake,
        )
        yield Line(house, worker, destination, watch, wake)


async def test_what_is_queued_arrives_with_its_locator(tmp_path):
    async with opened_line(tmp_path, Scripted()) as line:
        upload = await line.house.hand_in(b"papers")

        await line.turn()

        assert line.destination.held == [b"papers"]
        registry, mirror = await line.house.records.of_upload(upload.id)
        assert (registry.state, registry.locator) == (DeliveryState.DELIVERED, "ref-1")
        assert mirror.state is DeliveryState.SKIPPED


async def test_the_window_grows_with_good_answers_and_never_passes_its_bound(tmp_path):
    async with opened_line(tmp_path, Scripted()) as line:
        for number in range(40):
            await line.house.hand_in(bytes([number]))

        await line.drain()

        assert await line.states() == {"delivered": 40}
        assert line.watch.health.window == 8
        assert line.destination.most_under_way <= 8


async def test_submitters_take_turns_whatever_their_backlog(tmp_path):
    async with opened_line(tmp_path, Scripted()) as line:
        for number in range(30):
            await line.house.hand_in(bytes([number]), submitter="large")
        for number in range(3):
            await line.house.hand_in(bytes([number]), submitter="small")

        await line.drain()

        order = [parcel.delivery.submitter for parcel in line.destination.seen]
        assert [index for index, name in enumerate(order) if name == "small"][-1] < 8


async def test_a_refused_file_is_parked_and_the_others_go_on(tmp_path):
    async with opened_line(tmp_path, Scripted(script=[DeliveryRejected("not a PDF")])) as line:
        for number in range(3):
            await line.house.hand_in(bytes([number]))

        await line.drain()

        assert await line.states() == {"parked": 1, "delivered": 2}
        assert line.watch.health.circuit is Circuit.CLOSED


async def test_a_faltering_attempt_waits_for_its_time_and_is_tried_again(tmp_path):
    fault = AttemptFailed("copy differs", retry_after=timedelta(minutes=2))
    async with opened_line(tmp_path, Scripted(script=[fault])) as line:
        await line.house.hand_in(b"x")

        await line.drain()
        assert await line.states() == {"deferred": 1}
        line.house.clock.forward(seconds=119)
        assert await line.turn() == 0
        line.house.clock.forward(seconds=1)
        await line.turn()

        assert await line.states() == {"delivered": 1}


async def test_an_outage_is_one_fact_and_costs_the_queue_nothing(tmp_path):
    destination = Scripted(script=[DestinationUnavailable("502")], well=False)
    async with opened_line(tmp_path, destination) as line:
        for number in range(50):
            await line.house.hand_in(bytes([number]))

        for _ in range(20):
            await line.turn()
            line.house.clock.forward(seconds=25)

        assert len(destination.seen) == 1
        assert await line.states() == {"deferred": 1, "queued": 49}
        assert line.watch.health.circuit is Circuit.OPEN
        destination.well = True
        for _ in range(60):
            await line.turn()
            line.house.clock.forward(seconds=10)
        assert await line.states() == {"delivered": 50}
        assert len(destination.seen) == 51


async def test_a_trial_file_goes_alone(tmp_path):
    async with opened_line(tmp_path, Scripted(script=[DestinationUnavailable("502")])) as line:
        for number in range(5):
            await line.house.hand_in(bytes([number]))
        await line.turn()
        line.house.clock.forward(seconds=10)

        started = await line.worker.turn()
        await line.worker.idle()

        assert started == 1
        assert line.watch.health.circuit is Circuit.CLOSED


async def test_a_lost_answer_is_doubted_at_the_next_attempt(tmp_path):
    async with opened_line(tmp_path, Scripted(script=[OutcomeUnknown("reset")])) as line:
        await line.house.hand_in(b"x")

        await line.turn()
        assert await line.states() == {"verify": 1}
        line.house.clock.forward(minutes=1)
        await line.turn()

        assert [parcel.delivery.maybe_delivered for parcel in line.destination.seen] == [
            False,
            True,
        ]
        assert await line.states() == {"delivered": 1}


async def test_a_stall_is_known_before_the_answer_is_given_up(tmp_path):
    answer = asyncio.Event()

    async def silent(progress):
        progress.body_sent()
        await answer.wait()

    destination = Scripted(script=[silent])
    async with opened_line(tmp_path, destination, slow_after=timedelta(milliseconds=1)) as line:
        await line.house.hand_in(b"x")
        await line.worker.turn()

        await until(lambda: line.watch.health.circuit is Circuit.OPEN)
        answer.set()
        await line.worker.idle()

        assert await line.states() == {"delivered": 1}
        assert line.watch.health.circuit is Circuit.OPEN


async def test_a_destination_that_shows_no_sign_of_life_is_ill_before_it_is_given_up(tmp_path):
    thawed = asyncio.Event()

    async def hangs(_progress):
        await thawed.wait()

    rules = {"silent_after": timedelta(milliseconds=1), "most_carried": 2}
    async with opened_line(tmp_path, Scripted(script=[hangs] * 9), **rules) as line:
        for number in range(4):
            await line.house.hand_in(bytes([number]))
        await line.worker.turn()
        await until(lambda: line.watch.health.circuit is Circuit.OPEN)
        assert line.watch.health.reason == "nothing moved for 0.001 s"

        for _ in range(4):
            line.house.clock.forward(minutes=6)
            await line.worker.turn()
            if line.watch.health.circuit is Circuit.HALF_OPEN and line.destination.under_way < 2:
                await until(lambda: line.watch.health.circuit is Circuit.OPEN)
        assert line.destination.most_under_way == 2

        thawed.set()
        await line.worker.idle()


async def test_a_straggler_from_before_the_stall_is_neither_trial_file_nor_in_its_way(tmp_path):
    answers = [asyncio.Event(), asyncio.Event()]

    async def hangs(answer, fault):
        await answer.wait()
        return fault

    script = [
        None,
        lambda _: hangs(answers[0], DestinationUnavailable("at last: 504")),
        lambda _: hangs(
            answers[1], DestinationUnavailable("502", retry_after=timedelta(seconds=1))
        ),
    ]
    async with opened_line(tmp_path, Scripted(script=script)) as line:
        await line.house.hand_in(b"first")
        await line.turn()
        for number in range(3):
            await line.house.hand_in(bytes([number]))
        await line.worker.turn()
        answers[1].set()
        await until(lambda: line.watch.health.circuit is Circuit.OPEN)
        line.house.clock.forward(seconds=10)

        assert await line.worker.turn() == 1
        await until(lambda: line.watch.health.circuit is Circuit.CLOSED)
        line.house.clock.forward(seconds=1)
        await line.starts_one_more()
        answers[0].set()
        await line.worker.idle()

        assert line.watch.health.circuit is Circuit.CLOSED
        assert line.watch.health.bad_streak == 0


async def test_an_overdue_delivery_counts_once_whatever_its_end(tmp_path):
    answer = asyncio.Event()

    async def silent(progress):
        progress.body_sent()
        await answer.wait()
        return OutcomeUnknown("no answer")

    destination = Scripted(script=[None, None, silent])
    async with opened_line(tmp_path, destination, slow_after=timedelta(milliseconds=1)) as line:
        for number in range(2):
            await line.house.hand_in(bytes([number]))
            await line.turn()
        assert line.watch.health.window == 3.0

        await line.house.hand_in(b"the third")
        await line.worker.turn()
        await until(lambda: line.watch.health.bad_streak == 1)
        answer.set()
        await line.worker.idle()

        assert line.watch.health.bad_streak == 1
        assert await line.states() == {"delivered": 2, "verify": 1}


async def test_a_mirror_waits_its_patience_unless_the_registry_is_stalled(tmp_path):
    async with opened_line(tmp_path, Scripted(name=MIRROR)) as line:
        await line.house.hand_in(b"x")
        assert await line.turn() == 0

        stalled = Health(since=line.house.clock(), circuit=Circuit.OPEN)
        await line.house.destinations.note(REGISTRY, stalled)
        await line.turn()

        assert await line.states() == {"delivered": 1}


async def test_a_fault_of_our_own_is_deferred_and_told(tmp_path):
    async with opened_line(tmp_path, Scripted(script=[KeyError("bug")])) as line:
        upload = await line.house.hand_in(b"x")

        await line.turn()

        registry, _ = await line.house.records.of_upload(upload.id)
        assert registry.state is DeliveryState.DEFERRED
        assert "KeyError" in registry.reason


async def test_missing_bytes_are_parked_not_sent(tmp_path):
    async with opened_line(tmp_path, Scripted()) as line:
        upload = await line.house.hand_in(b"x")
        line.house.spool.path(upload.id).unlink()

        await line.turn()

        assert await line.states() == {"parked": 1}
        assert line.destination.seen == []


@pytest.mark.parametrize(("body_sent", "state"), [(False, "deferred"), (True, "verify")])
async def test_a_stop_lets_go_of_the_lease_at_once(tmp_path, body_sent, state):
    begun, stopping = asyncio.Event(), asyncio.Event()

    async def endless(progress):
        if body_sent:
            progress.body_sent()
        begun.set()
        await asyncio.Event().wait()

    destination = Scripted(script=[endless])
    async with opened_line(tmp_path, destination, grace=timedelta(0)) as line:
        await line.house.hand_in(b"x")
        running = asyncio.create_task(line.worker.run(stopping))
        await begun.wait()

        stopping.set()
        await running

        assert await line.states() == {state: 1}


async def test_a_lane_that_starts_frees_the_leases_of_the_one_before(tmp_path):
    async with opened_line(tmp_path, Scripted()) as line:
        await line.house.hand_in(b"x")
        now = line.house.clock()
        await line.house.queue.claim(
            REGISTRY,
            "pair-1",
            now=now,
            until=now + timedelta(hours=1),
            limit=1,
            ignore_delay=False,
        )
        stopping = asyncio.Event()
        stopping.set()
        await line.worker.run(stopping)
        line.house.clock.forward(seconds=SETTLE.total_seconds())

        await line.turn()

        assert line.destination.seen[0].delivery.maybe_delivered
        assert await line.states() == {"delivered": 1}


async def test_a_ring_starts_work_without_waiting_for_the_poll(tmp_path):
    stopping = asyncio.Event()
    async with opened_line(tmp_path, Scripted(), poll=timedelta(hours=1)) as line:
        running = asyncio.create_task(line.worker.run(stopping))
        await asyncio.sleep(0)
        await line.house.hand_in(b"x")

        line.wake.set()
        await until(lambda: line.destination.held == [b"x"])

        stopping.set()
        await running


async def test_an_operator_s_probe_ends_the_rest_early(tmp_path):
    destination = Scripted(
        script=[DestinationUnavailable("later", retry_after=timedelta(hours=1))], well=None
    )
    async with opened_line(tmp_path, destination) as line:
        await line.house.hand_in(b"x")
        await line.turn()
        line.house.clock.forward(minutes=1)
        assert await line.turn() == 0

        destination.well = True
        await line.house.operations.ask_probe(REGISTRY)
        await line.turn()

        assert await line.states() == {"delivered": 1}


async def test_an_illness_outlives_a_restart(tmp_path):
    ill = Scripted(
        script=[DestinationUnavailable("later", retry_after=timedelta(hours=1))], well=False
    )
    async with opened_line(tmp_path, ill) as line:
        await line.house.hand_in(b"x")
        await line.turn()

    async with opened_line(tmp_path, Scripted(well=False)) as line:
        await line.watch.load()

        assert await line.turn() == 0
        assert line.watch.health.circuit is Circuit.OPEN


async def test_a_lane_that_was_frozen_beyond_its_lease_carries_nothing_twice(tmp_path):
    answer = asyncio.Event()

    async def silent(progress):
        progress.body_sent()
        await answer.wait()

    async with opened_line(tmp_path, Scripted(script=[None, silent])) as line:
        await line.house.hand_in(b"first")
        await line.turn()
        await line.house.hand_in(b"x")
        await line.worker.turn()
        await until(lambda: line.destination.under_way == 1)

        line.house.clock.forward(minutes=10)
        started = await line.worker.turn()
        answer.set()
        await line.worker.idle()

        assert started == 0
        assert len(line.destination.seen) == 2
        assert await line.states() == {"delivered": 2}


async def test_nothing_is_looked_for_while_the_destination_may_still_be_at_work_on_it(tmp_path):
    settle = timedelta(minutes=2)
    destination = Scripted(script=[OutcomeUnknown("reset")])
    async with opened_line(tmp_path, destination, settle=settle) as line:
        await line.house.hand_in(b"x")
        await line.turn()
        assert await line.states() == {"verify": 1}

        line.house.clock.forward(seconds=119)
        early = await line.turn()
        line.house.clock.forward(seconds=1)
        await line.turn()

        assert early == 0
        assert [parcel.delivery.maybe_delivered for parcel in line.destination.seen] == [
            False,
            True,
        ]

"""A backlog against a simulated registry, on a clock that runs as fast as it can.

The registry serves up to its capacity in about a second each and turns the rest away at once;
while it is down it turns everything away. A turned-away file comes back to the backlog.
"""

import heapq
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from random import Random

import pytest

from tests.strategies import EPOCH
from titip.health import (
    Bad,
    Circuit,
    CooledOff,
    Good,
    Health,
    HealthPolicy,
    advance,
    available_slots,
    cooled_off,
)

FILES = 2000
PUSH_BACK = 0.05


@dataclass
class Drain:
    """One run; times in seconds from its start."""

    capacity: int
    backlog: int = FILES
    down: tuple[float, float] = (0.0, 0.0)
    policy: HealthPolicy = field(default_factory=HealthPolicy)
    rng: Random = field(default_factory=lambda: Random(1))
    health: Health = field(default_factory=lambda: Health(EPOCH))
    clock: float = 0.0
    good: int = 0
    bad: list[float] = field(default_factory=list)
    opened: int = 0
    carried: list[tuple[float, int]] = field(default_factory=list)
    under_way: list[tuple[float, bool]] = field(default_factory=list)

    @property
    def now(self):
        return EPOCH + timedelta(seconds=self.clock)

    def run(self):
        while self.backlog or self.under_way:
            if cooled_off(self.health, now=self.now, probed_well=None):
                self.hear(CooledOff())
            for _ in range(
                min(self.backlog, available_slots(self.health, in_flight=len(self.under_way)))
            ):
                self.send()
            self.carried.append((self.clock, len(self.under_way)))
            self.wait()
        return self

    def send(self):
        self.backlog -= 1
        up = not self.down[0] <= self.clock < self.down[1]
        taken = up and sum(served for _, served in self.under_way) < self.capacity
        takes = self.rng.uniform(0.8, 1.2) if taken else PUSH_BACK
        heapq.heappush(self.under_way, (self.clock + takes, taken))

    def wait(self):
        ends = [] if self.health.until is None else [(self.health.until - EPOCH).total_seconds()]
        self.clock = max(self.clock, min(ends + [at for at, _ in self.under_way[:1]]))
        while self.under_way and self.under_way[0][0] <= self.clock:
            _, served = heapq.heappop(self.under_way)
            self.answer(served=served)

    def answer(self, *, served):
        if served:
            self.good += 1
            self.hear(Good())
        else:
            self.backlog += 1
            self.bad.append(self.clock)
            self.hear(Bad("answered 503"))

    def hear(self, event):
        before = self.health
        self.health = advance(before, event, now=self.now, policy=self.policy, rng=self.rng)
        closed = before.circuit is not Circuit.OPEN
        self.opened += closed and self.health.circuit is Circuit.OPEN


@pytest.mark.parametrize("capacity", [8, 9, 100])
def test_a_registry_that_takes_the_whole_window_never_pushes_back(capacity):
    run = Drain(capacity).run()

    assert run.bad == []
    assert run.clock <= 1.2 * FILES / 8


@pytest.mark.parametrize("capacity", range(1, 8))
@pytest.mark.parametrize("seed", range(3))
def test_a_backlog_drains_near_capacity_for_a_bounded_number_of_bad_answers(capacity, seed):
    run = Drain(capacity, rng=Random(seed)).run()

    assert run.good == FILES
    assert len(run.bad) <= FILES / capacity + 10
    assert run.clock <= 1.2 * FILES / capacity
    assert run.opened <= 5


@pytest.mark.parametrize("capacity", range(1, 8))
def test_the_window_comes_to_rest_about_the_capacity(capacity):
    run = Drain(capacity).run()

    settled = [count for at, count in run.carried if at > run.clock / 10]
    assert max(settled) <= capacity + 2
    assert sum(settled) / len(settled) <= capacity + 0.5


def test_an_outage_of_a_day_costs_a_cohort_and_one_trial_file_for_each_rest():
    start, end = 60.0, 60.0 + 86_400
    run = Drain(100, down=(start, end)).run()

    shortest_rest = HealthPolicy().cool_off_ceiling.total_seconds() / 2
    assert run.good == FILES
    assert 200 <= len(run.bad) <= 8 + 7 + 86_400 / shortest_rest
    assert all(start <= at <= end + 1 for at in run.bad)


def test_a_registry_that_came_back_is_found_within_one_rest_and_meets_no_stampede():
    end = 60.0 + 3600
    run = Drain(100, down=(60.0, end)).run()

    after = [(at, count) for at, count in run.carried if at >= end and count]
    found = after[0][0]
    assert found - end <= HealthPolicy().cool_off_ceiling.total_seconds()
    counts = [count for _, count in after]
    assert counts[:2] == [1, 1]
    assert all(later <= earlier + 1 for earlier, later in pairwise(counts))
    assert run.clock - found <= 1.3 * FILES / 8 + 10

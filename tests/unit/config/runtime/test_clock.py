"""A clock that nobody can set, and what becomes of one that was set while Titip was away."""

import asyncio
import json
from datetime import timedelta
from itertools import pairwise

import pytest

from config.runtime.clock import ClockMonitor, noted_against_clock
from config.wiring.storage import open_journal
from storage.clock import SteadyClock, utc_now
from storage.last_seen import last_seen
from tests.cli_world import Desk
from tests.gateway_fixtures import gateway
from tests.storage_fixtures import NOON, Clock, opened_house
from titip.clock import ClockState, advice, grace_after, went_back

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


class Machine:
    """A machine whose clock can be set, and whose time passes when told."""

    def __init__(self):
        self.wall = Clock()
        self.passed = 1000.0
        self.steady = SteadyClock(wall=self.wall, passed=lambda: self.passed)

    def lives(self, **by):
        time = timedelta(**by)
        self.wall.time += time
        self.passed += time.total_seconds()


@pytest.fixture
def machine():
    return Machine()


def test_the_clock_of_this_process_is_right():
    assert abs(utc_now.drift()) < SECOND
    assert utc_now().microsecond % 1000 == 0


def test_time_passes_as_it_does(machine):
    machine.lives(hours=5)

    assert machine.steady() == NOON + 5 * HOUR
    assert machine.steady.drift() == timedelta(0)


@pytest.mark.parametrize("leap", [5 * HOUR, -5 * HOUR])
def test_a_clock_that_was_set_moves_no_time_here(machine, leap):
    before = machine.steady()

    machine.wall.time += leap

    assert machine.steady() == before
    assert machine.steady.drift() == leap


@pytest.mark.parametrize("leap", [HOUR, -HOUR])
def test_it_follows_a_clock_that_was_set_slowly_and_never_backwards(machine, leap):
    machine.wall.time += leap
    seen = [machine.steady()]
    for _ in range(60):
        machine.lives(minutes=1)
        seen.append(machine.steady())

    assert seen == sorted(seen)
    steps = [later - earlier for earlier, later in pairwise(seen)]
    assert all(54 * SECOND <= step <= 66 * SECOND for step in steps)
    assert abs(machine.steady.drift()) == HOUR - timedelta(minutes=6)


def test_it_arrives_at_the_machines_clock_and_stays(machine):
    machine.wall.time += timedelta(seconds=5)
    machine.lives(minutes=2)

    assert machine.steady() == machine.wall()
    assert machine.steady.drift() == timedelta(0)


@pytest.mark.parametrize(
    ("away", "grace"),
    [
        (timedelta(0), timedelta(0)),
        (-3 * HOUR, timedelta(0)),
        (timedelta(minutes=50), timedelta(0)),
        (2 * HOUR, 2 * HOUR),
        (timedelta(days=400), timedelta(days=1)),
    ],
)
def test_nothing_is_removed_for_as_long_as_titip_was_away(away, grace):
    assert grace_after(NOON, now=NOON + away) == grace


def test_a_first_start_knows_of_no_absence():
    assert grace_after(None, now=NOON) == timedelta(0)
    assert went_back(None, now=NOON) == timedelta(0)


def test_a_trusted_clock_needs_no_advice():
    assert advice(ClockState()) == ""
    assert ClockState(set_by=SECOND, went_back=3 * SECOND).trusted


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (ClockState(set_by=HOUR), "set forward by 3,600 s"),
        (ClockState(set_by=-HOUR), "set back by 3,600 s"),
        (ClockState(went_back=2 * HOUR), "went back by 7,200 s"),
    ],
)
def test_a_clock_that_was_set_is_told_with_its_mend(state, says):
    assert says in advice(state)
    assert not state.trusted


async def begun(house, now):
    return await begun_on(house.journal, now)


async def begun_on(journal, now):
    keeper = ClockMonitor(journal, now=lambda: now, drift=timedelta)
    await keeper.begin()
    return keeper


async def test_a_start_after_a_while_has_nothing_against_the_clock(tmp_path):
    with opened_house(tmp_path) as house:
        await begun(house, NOON)

        keeper = await begun(house, NOON + timedelta(minutes=10))

        assert keeper.state().trusted
        assert keeper.no_removal_before <= NOON + timedelta(minutes=10)


async def test_a_start_on_a_clock_that_went_back_tells_how_far(tmp_path):
    with opened_house(tmp_path) as house:
        await begun(house, NOON)

        keeper = await begun(house, NOON - 3 * HOUR)

        assert keeper.state().went_back == 3 * HOUR
        assert await last_seen(house.journal) == NOON - 3 * HOUR


async def test_what_the_rows_tell_counts_where_a_crash_lost_the_last_note(tmp_path):
    with opened_house(tmp_path) as house:
        await begun(house, NOON - HOUR)
        await house.hand_in(b"papers")

        assert (await noted_against_clock(house.journal, now=NOON - HOUR)).went_back == HOUR


async def test_a_grace_outlives_a_restart(tmp_path):
    with opened_house(tmp_path) as house:
        await begun(house, NOON)
        leapt = NOON + timedelta(days=30)
        first = await begun(house, leapt)

        second = await begun(house, leapt + timedelta(minutes=1))

        assert first.no_removal_before == second.no_removal_before == leapt + timedelta(days=1)


async def test_a_grace_noted_by_a_clock_that_was_ahead_ends_within_a_day(tmp_path):
    with opened_house(tmp_path) as house:
        await begun(house, NOON)
        await begun(house, NOON + timedelta(days=365))

        keeper = await begun(house, NOON + timedelta(minutes=5))

        assert keeper.no_removal_before == NOON + timedelta(days=1, minutes=5)


async def test_a_running_process_tells_once_that_the_clock_was_set(tmp_path, capsys):
    drift = [timedelta(0)]
    with opened_house(tmp_path) as house:
        keeper = ClockMonitor(house.journal, now=house.clock, drift=lambda: drift[0])
        await keeper.begin()
        drift[0] = -HOUR
        for _ in range(3):
            house.clock.forward(seconds=30)
            await keeper.look()
        drift[0] = timedelta(0)
        await keeper.look()

        out = capsys.readouterr().out
        assert out.count("clock.was_set") == 1
        assert out.count("clock.agrees_again") == 1
        assert await last_seen(house.journal) == house.clock()


async def test_keeping_the_time_ends_when_titip_stops(tmp_path):
    with opened_house(tmp_path) as house:
        stopping = asyncio.Event()
        stopping.set()

        await ClockMonitor(house.journal, now=house.clock, drift=timedelta).keep(stopping)


async def test_a_clock_that_was_set_is_told_by_the_probe_and_the_status(tmp_path):
    async with gateway(tmp_path, clock=lambda: ClockState(set_by=HOUR)) as gate:
        async with gate.ask("GET", "/readyz?verbose") as answer:
            ready = await answer.json()
        async with gate.ask("GET", "/api/status", of=gate.operator) as answer:
            status = await answer.json()

        assert ready["ready"]
        assert any("set forward by 3,600 s" in one for one in ready["advice"])
        assert status["clock"] == {
            "trusted": False,
            "set_by_seconds": 3600.0,
            "went_back_seconds": 0.0,
        }


def test_check_and_status_tell_of_a_clock_that_went_back(tmp_path):
    desk = Desk.at(tmp_path)
    with open_journal(desk.settings) as books:
        asyncio.run(begun_on(books.journal, utc_now() + HOUR))

    findings = json.loads(desk.run("check", "--json").stdout)["findings"]
    screen = " ".join(desk.run("status").stdout.split())

    assert [one["grade"] for one in findings if "went back by 3," in one["text"]] == ["error"]
    assert "clock went back by 3," in screen

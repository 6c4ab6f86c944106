from datetime import UTC, datetime, timedelta

from titip.clock import ClockState
from titip.delivery import REGISTRY
from titip.json_views import status_json
from titip.policies.brake import AFTER, Brakes, Run
from titip.ports.operations import DestinationStatus, Totals
from titip.ports.storage import DiskSpace

NOW = datetime(2026, 11, 1, 23, 30, tzinfo=UTC)


def shown(runs):
    registry = DestinationStatus(
        REGISTRY, paused=False, health=None, brakes=Brakes(runs, alone=False)
    )
    totals = Totals({}, sealed_bytes=0, open_bytes=0, destinations=[registry])
    found = status_json(totals, DiskSpace(1, 0), version="1", now=NOW, clock=ClockState())
    return found["destinations"][0]["refusing"]  # type: ignore[index]


def refused_since(hour, reason):
    since = NOW - timedelta(hours=hour)
    return Run("run", "alike", reason, since, count=AFTER, others_got_in=False)


def test_a_destination_that_takes_files_refuses_nobody():
    assert shown({}) is None


def test_a_destination_that_refuses_everybody_says_since_when_and_why_and_names_nobody():
    runs = {"Pair 1": refused_since(1, "a later reason"), "Pair 2": refused_since(2, "no form")}

    told = shown(runs)

    assert told == {"since": "2026-11-01T21:30:00.000+00:00", "submitters": 2, "reason": "no form"}

"""An ill destination is asked as often as the settings say."""

from datetime import timedelta
from random import Random

import pytest

from sync.worker.health_monitor import HealthMonitor
from tests.storage_fixtures import opened_house
from tests.unit.sync.worker.test_worker import Scripted
from titip.health import Bad, Circuit, HealthPolicy

EVERY = timedelta(seconds=5)


@pytest.mark.parametrize("late", [timedelta(0), timedelta(microseconds=1), timedelta(hours=1)])
async def test_it_is_asked_again_once_that_long_has_passed_and_not_before(tmp_path, late):
    destination = Scripted(well=False)
    with opened_house(tmp_path) as house:
        watch = HealthMonitor(
            destination,
            house.destinations,
            policy=HealthPolicy(),
            probe_every=EVERY,
            now=house.clock,
            rng=Random(4),
        )
        await watch.note(Bad("503", outage=True))
        assert watch.health.circuit is Circuit.OPEN
        await watch.look()

        house.clock.time += EVERY - timedelta(microseconds=1)
        await watch.look()
        early = destination.probes
        house.clock.time += timedelta(microseconds=1) + late
        await watch.look()

    assert (early, destination.probes) == (1, 2)

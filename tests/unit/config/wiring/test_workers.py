"""The times that the settings give a worker."""

from datetime import timedelta

import pytest

from config.settings import settings_from
from config.wiring.destinations import answer_within
from config.wiring.workers import worker_rules
from titip.delivery import MIRROR, REGISTRY


@pytest.mark.parametrize(
    ("slow_after", "lease"),
    [("30s", timedelta(seconds=90)), ("2s", timedelta(seconds=6)), ("1ms", timedelta(seconds=3))],
)
def test_a_lease_is_three_times_the_patience_and_never_below_three_seconds(slow_after, lease):
    settings = settings_from(None, health={"slow_after": slow_after})

    assert worker_rules(settings, REGISTRY).lease == lease
    assert worker_rules(settings, MIRROR).lease == lease


def test_what_is_left_of_a_cut_lease_is_as_long_as_an_answer_may_take():
    settings = settings_from(None)
    rules = worker_rules(settings, REGISTRY)

    assert rules.settle == answer_within(settings)
    assert rules.lease - rules.lease / 3 >= rules.settle


def test_a_mirror_settles_in_seconds():
    assert worker_rules(settings_from(None), MIRROR).settle == timedelta(seconds=5)

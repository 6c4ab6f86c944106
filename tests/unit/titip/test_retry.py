from datetime import timedelta
from random import Random

import pytest
from hypothesis import given

from tests.strategies import asked, retry_policies, rngs, waits
from titip.retry import JITTER, LONGEST_ASKED, RetryPolicy, respecting

POLICY = RetryPolicy(floor=timedelta(seconds=5), ceiling=timedelta(minutes=30))


def sample(age, *, count=1000):
    rng = Random(11)
    return [POLICY.wait(age, rng) for _ in range(count)]


@pytest.mark.parametrize(
    ("floor", "ceiling"),
    [
        (timedelta(0), timedelta(1)),
        (timedelta(seconds=-1), timedelta(1)),
        (timedelta(seconds=2), timedelta(seconds=1)),
    ],
)
def test_a_policy_that_would_spin_or_contradicts_itself_is_refused(floor, ceiling):
    with pytest.raises(ValueError, match=r"retry\.floor"):
        RetryPolicy(floor=floor, ceiling=ceiling)


def test_a_policy_may_wait_the_same_always():
    same = RetryPolicy(floor=timedelta(seconds=9), ceiling=timedelta(seconds=9))

    assert same.wait(timedelta(hours=1), Random(1)) == timedelta(seconds=9)


@given(retry_policies(), waits(shortest=timedelta(days=-1)), rngs())
def test_every_wait_keeps_within_floor_and_ceiling(policy, age, rng):
    assert policy.floor <= policy.wait(age, rng) <= policy.ceiling


def test_the_wait_is_about_the_age_of_the_trouble():
    age = timedelta(minutes=8)

    got = sample(age)

    assert all(age * (1 - JITTER) <= wait <= age * (1 + JITTER) for wait in got)
    assert min(got) < age * (1 - 0.9 * JITTER)
    assert max(got) > age * (1 + 0.9 * JITTER)
    assert abs(sum(got, timedelta()) / len(got) - age) < age * 0.02


@pytest.mark.parametrize("age", [timedelta(0), timedelta(minutes=8), timedelta(days=3)])
def test_a_backlog_of_the_same_age_does_not_retry_in_waves(age):
    got = sample(age)

    most = max(got) - min(got)
    slices = [sum(1 for wait in got if (wait - min(got)) // (most / 10) == n) for n in range(10)]
    assert max(slices) < len(got) / 5


def test_the_waits_of_an_ever_failing_delivery_about_double_until_the_ceiling():
    rng, age, tries = Random(3), timedelta(0), 0

    while age < timedelta(days=1):
        age += POLICY.wait(age, rng)
        tries += 1

    assert 55 <= tries <= 80


def test_the_same_seed_gives_the_same_wait():
    age = timedelta(minutes=8)

    assert POLICY.wait(age, Random(5)) == POLICY.wait(age, Random(5))
    assert POLICY.wait(age, Random(5)) != POLICY.wait(age, Random(6))


@given(waits(), asked())
def test_what_a_destination_asks_for_only_lengthens_a_wait_and_never_past_an_hour(wait, asked):
    got = respecting(wait, asked)

    assert wait <= got <= max(wait, LONGEST_ASKED)
    assert asked is None or got >= min(asked, LONGEST_ASKED)

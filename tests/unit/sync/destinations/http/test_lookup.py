"""A registry that says "not there" may mean "not yet": how often, and for how long, it is asked."""

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.destinations.http.lookup import PATIENCE, Lookup
from sync.destinations.http.options import RegistryOptions
from sync.destinations.http_answer import Answer
from tests.destination_fakes import RecordingProgress, a_parcel
from titip.errors import OutcomeUnknown

PATIENT = PATIENCE.total_seconds()


class Registry:
    """Shows a file from a moment on; its time passes while somebody rests."""

    def __init__(self, *, there_at=float("inf")):
        self.now = 0.0
        self._there_at = there_at

    async def ask(self, url, headers):
        return Answer(200, b'{"id": 7}') if self.now >= self._there_at else Answer(404)

    async def sleep(self, seconds):
        self.now += seconds


def looked_up(registry):
    url = "https://registry.example"
    options = RegistryOptions(url=url, lookup=f"{url}/{{sha256}}", reference="/id")
    progress = RecordingProgress()
    progress.settling = timedelta(minutes=2)
    lookup = Lookup(options, registry.ask, sleep=registry.sleep)
    return asyncio.run(lookup.patiently(a_parcel(), progress))


@given(there_at=st.floats(0, PATIENT))
def test_a_file_that_turns_up_is_found_before_long(there_at):
    registry = Registry(there_at=there_at)

    arrival = looked_up(registry)

    assert arrival.locator == "7"
    assert registry.now <= 2 * there_at + 1


def test_one_that_does_not_turn_up_is_not_waited_for_beyond_patience():
    registry = Registry()

    with pytest.raises(OutcomeUnknown, match="not there yet") as caught:
        looked_up(registry)

    assert not caught.value.ill
    assert registry.now == PATIENT

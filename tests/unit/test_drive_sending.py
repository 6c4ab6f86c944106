"""One session sent to its end: how long it may stand, and that what goes on is not slowed."""

import asyncio
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.drive_options import DriveOptions
from sync.drive_sending import MOST_STUCK, Rhythm, Sending
from sync.drive_session import Done, Gone, GoOn

URI = "http://drive.example/session"
LENGTH = 10_000


class Session:
    """A session that answers each chunk with its next line, and with the last one for ever."""

    def __init__(self, *script):
        self.script = list(script)
        self.puts = []

    async def put(self, uri, *, offset, size):
        self.puts.append(offset)
        return self.script.pop(0) if len(self.script) > 1 else self.script[0]


async def nobody(uri):
    raise AssertionError(uri)


def sent(session, *, first_wait=0.0):
    sending = Sending(
        session,
        LENGTH,
        rhythm=Rhythm(DriveOptions(endpoint="http://drive.example/")),
        first_wait=first_wait,
        moved=nobody,
    )
    return sending.to_the_end(URI, GoOn(0))


@given(steps=st.lists(st.integers(1, 1000), max_size=5))
def test_a_session_may_stand_for_as_many_rounds_wherever_it_stands(steps):
    reached = list(accumulate(steps, initial=0))
    session = Session(*map(GoOn, reached[1:] or reached))

    assert asyncio.run(sent(session)) == Gone()

    assert session.puts == [*reached[:-1], *[reached[-1]] * MOST_STUCK]


@given(steps=st.lists(st.integers(1, 1000), max_size=5))
def test_a_session_that_goes_on_is_not_waited_for(steps):
    session = Session(*map(GoOn, accumulate(steps)), Done(None))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio, "sleep", nobody)

        assert asyncio.run(sent(session, first_wait=1.0)) == Done(None)

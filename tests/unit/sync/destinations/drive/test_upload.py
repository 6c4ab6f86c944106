"""One session sent to its end: how long it may stand, and that what goes on is not slowed."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.destinations.drive.errors import Transient
from sync.destinations.drive.options import MIB, UNIT, DriveOptions
from sync.destinations.drive.session import Complete, Incomplete, SessionLost, Uncertain
from sync.destinations.drive.upload import MOST_SHORT, MOST_STUCK, DriveChunkSizer, UploadLoop
from sync.destinations.waste import MOST_FALLS
from titip.errors import AttemptFailed

URI = "http://drive.example/session"
LENGTH = 10_000
KIB = 1024


class Session:
    """A session that answers each chunk with its next line, and with the last one for ever."""

    def __init__(self, *script):
        self.script = list(script)
        self.puts = []

    async def put(self, uri, *, offset, size):
        self.puts.append(offset)
        return self.script.pop(0) if len(self.script) > 1 else self.script[0]


class Habit:
    """A session that takes bytes in the way that is given, for ever, and counts what it is sent."""

    def __init__(self, habit, length, *, silent=(False,)):
        self.habit, self.length, self.silent = habit, length, silent
        self.offset, self.puts, self.sent = 0, 0, []

    async def put(self, uri, *, offset, size):
        size = min(size, self.length - offset)
        self.puts += 1
        self.sent.append(size)
        self.offset = self.habit(self.puts, offset, size)
        if self.offset == self.length:
            return Complete(None)
        is_silent = self.silent[self.puts % len(self.silent)]
        return Uncertain(Transient("cut"), silent=True) if is_silent else Incomplete(self.offset)

    async def query(self, uri):
        return Incomplete(self.offset)


async def nobody(uri):
    raise AssertionError(uri)


def sent(session, *, first_wait=0.0, length=LENGTH):
    sending = UploadLoop(
        session,
        length,
        rhythm=DriveChunkSizer(
            DriveOptions(endpoint="http://drive.example/", quick_wait=timedelta(seconds=first_wait))
        ),
        moved=nobody,
    )
    return sending.to_the_end(URI, Incomplete(0))


@given(steps=st.lists(st.integers(1, 1000), max_size=5))
def test_a_session_may_stand_for_as_many_rounds_wherever_it_stands(steps):
    reached = list(accumulate(steps, initial=0))
    session = Session(*map(Incomplete, reached[1:] or reached))

    assert asyncio.run(sent(session)) == SessionLost()

    assert session.puts == [*reached[:-1], *[reached[-1]] * MOST_STUCK]


@given(steps=st.lists(st.integers(1, 1000), max_size=5))
def test_a_session_that_goes_on_is_not_waited_for(steps):
    session = Session(*map(Incomplete, accumulate(steps)), Complete(None))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio, "sleep", nobody)

        assert asyncio.run(sent(session, first_wait=1.0)) == Complete(None)


def test_a_session_that_takes_one_byte_of_each_chunk_ends_the_attempt():
    session = Habit(lambda number, offset, size: offset + 1, 50 * MIB)

    with pytest.raises(AttemptFailed, match="less of each chunk") as caught:
        asyncio.run(sent(session, length=50 * MIB))

    assert caught.value.suspect
    assert session.puts <= MOST_SHORT


@pytest.mark.parametrize("falls_every", range(2, 9))
def test_a_session_that_goes_back_again_and_again_is_given_up(falls_every):
    """Each time it has gone further than ever before."""

    def goes_back(number, offset, size):
        return offset + size - (0 if number % falls_every else size + 512 * KIB)

    session = Habit(goes_back, 5000 * MIB)

    assert asyncio.run(sent(session, length=5000 * MIB)) == SessionLost()

    assert session.puts <= (MOST_FALLS + 1) * falls_every


def test_a_session_that_takes_a_part_of_each_chunk_gets_chunks_that_fit():
    session = Habit(lambda number, offset, size: offset + min(size, 600 * KIB), 50 * MIB)

    assert asyncio.run(sent(session, length=50 * MIB)) == Complete(None)

    assert sum(session.sent) < 2 * 50 * MIB


def test_a_session_that_took_less_once_gets_large_chunks_again():
    session = Habit(lambda number, offset, size: offset + (1 if number == 2 else size), 500 * MIB)

    assert asyncio.run(sent(session, length=500 * MIB)) == Complete(None)

    assert max(session.sent[8:]) >= 8 * MIB


@given(
    takes=st.lists(st.floats(0, 1), min_size=1, max_size=6),
    falls=st.lists(st.sampled_from([0, 0, 0, 0, 1, 256 * KIB, 3 * MIB, 99 * MIB]), min_size=1),
    silent=st.lists(st.booleans(), min_size=1, max_size=6),
)
def test_whatever_a_session_takes_and_gives_up_what_is_sent_to_it_is_bounded(takes, falls, silent):
    def habit(number, offset, size):
        taken = int(size * takes[number % len(takes)])
        return max(0, offset + taken - falls[number % len(falls)])

    length = 20 * MIB
    session = Habit(habit, length, silent=silent)
    with suppress(AttemptFailed, Transient):
        asyncio.run(sent(session, length=length))

    assert sum(session.sent) <= 2 * length + (MOST_SHORT + 1) * max(session.sent)
    assert session.puts <= 2 * length // UNIT

"""A tus registry that may answer anything at any time, and what a delivery makes of it.

In process and on a clock of its own. A registry may be silent, cut off, refuse, or talk nonsense;
it may take a finished upload in, so that its address is gone; it may take little of each chunk, and
forget again and again what it acknowledged. What it does not do is tell of bytes that it does not
hold: nothing could see through that.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.destinations.transport.wire import Reply
from sync.destinations.tus.delivery import MOST_SHORT
from sync.destinations.tus.registry import TusOptions, TusRegistry
from tests.seams.life import CLAIMS, SEAM, Attempts, Clock, life
from tests.seams.memory_wire import Deed, FarSide, MemoryWire, Request, deeds
from titip.delivery import REGISTRY, DeliveryState
from titip.evidence import Evidence

CHUNK = 10
BASE = "http://registry.test/files/"


@dataclass
class Held:
    length: int
    data: bytes = b""

    @property
    def is_whole(self) -> bool:
        return len(self.data) == self.length


@dataclass(frozen=True)
class Habit:
    """What a server does with chunks for ever."""

    takes: int = CHUNK
    """Bytes of each chunk."""
    takes_whole_every: int = 1
    """... but of each chunk of that number all."""
    forgets_every: int = 0
    """Chunks after which it is back at `forgets_to`."""
    forgets_to: int = 0
    conflicts: bool = False
    """It does not tell so at once, but answers 409."""


GOOD = Habit()


@dataclass
class MemoryTus:
    """A tus server that is nothing but memory."""

    takes_in: bool = False
    """A finished upload has left its address at the next question."""
    habit: Habit = GOOD
    chunks: int = 0
    uploads: dict[str, Held] = field(default_factory=dict)
    taken: list[Held] = field(default_factory=list)

    @property
    def effects(self) -> list[Held]:
        return [*self.taken, *(one for one in self.uploads.values() if one.is_whole)]

    def act(self, request: Request, is_whole: bool) -> Reply:
        if self.takes_in and request.method != "POST":
            self._take_in()
        match request.method:
            case "OPTIONS":
                return Reply(204, {"tus-resumable": "1.0.0"})
            case "POST":
                return self._created(request)
            case "HEAD":
                held = self.uploads.get(request.url)
                return Reply(404, {}) if held is None else Reply(200, _told(held))
            case "PATCH":
                return self._appended(request)
            case _:
                return Reply(405, {})

    def _take_in(self) -> None:
        for url, held in list(self.uploads.items()):
            if held.is_whole and held.length:
                self.taken.append(self.uploads.pop(url))

    def _created(self, request: Request) -> Reply:
        url = f"{BASE}{len(self.uploads) + len(self.taken)}"
        self.uploads[url] = Held(int(request.headers["upload-length"]))
        return Reply(201, {"location": url})

    def _appended(self, request: Request) -> Reply:
        held = self.uploads.get(request.url)
        if held is None:
            return Reply(404, {})
        if int(request.headers["upload-offset"]) != len(held.data):
            return Reply(409, {})
        self.chunks += 1
        habit = self.habit
        takes_whole = not self.chunks % habit.takes_whole_every
        held.data += request.body if takes_whole else request.body[: habit.takes]
        if habit.forgets_every and not self.chunks % habit.forgets_every:
            held.data = held.data[: habit.forgets_to]
            if habit.conflicts:
                return Reply(409, {})
        return Reply(204, {"upload-offset": str(len(held.data))})

    def may_say(self, request: Request, odd: Reply) -> Reply:
        """Keep an odd answer from telling of more bytes than there are, or of others' uploads."""
        held = self.uploads.get(request.url)
        there = len(held.data) if held else -1
        headers = dict(odd.headers)
        if _number(headers.get("upload-offset")) > there:
            headers["upload-offset"] = "x"
        if request.method == "POST" and odd.status == 201:
            headers.pop("location", None)
        return replace(odd, headers=headers)


def _number(text):
    return int(text) if text and text.isascii() and text.isdigit() else -1


def _told(held: Held) -> dict[str, str]:
    return {"upload-offset": str(len(held.data)), "upload-length": str(held.length)}


HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "upload-offset": st.sampled_from(["0", "7", "10", "23", "99", "-1", "\xb2", "", "9" * 400]),
        "upload-length": st.sampled_from(["0", "23", "24", "x", "9" * 400]),
        "location": st.sampled_from(["", "/files/0", "http://a..b/", "http://other.test/1", "?"]),
        "retry-after": st.sampled_from(["0", "5", "3600", "x", "9" * 400]),
        "tus-extension": st.sampled_from(["checksum", ",,", "creation"]),
        "tus-checksum-algorithm": st.sampled_from(["sha256", "md5", ","]),
    },
)
BODIES = st.sampled_from([b"", b"<html>Login", b'{"error": "no"}', b"\xff\xfe", b"[" * 5000])
STATUSES = st.integers(100, 599) | st.sampled_from([200, 204, 404, 409, 410, 423, 460, 500, 503])
ODD = st.builds(Reply, STATUSES, HEADERS, BODIES)
DEEDS = deeds(ODD)
STATEMENT = b"a supporter's statement"
HABITS = st.builds(
    Habit,
    takes=st.integers(0, CHUNK),
    takes_whole_every=st.integers(1, 5),
    forgets_every=st.integers(0, 12),
    forgets_to=st.sampled_from([0, 0, 7, 10, 20, 55]),
    conflicts=st.booleans(),
)


async def life_of(script, *, data, takes_in=False, habit=GOOD, resyncs=()):
    """Let one delivery live through its claims; give its row and what the registry holds.

    However the registry is, no attempt sends more than a small multiple of the file.
    """
    tus = MemoryTus(takes_in, habit)
    far = FarSide(tus.act, tus.may_say, list(script))
    attempts = Attempts(far.asked)
    with patch("sync.destinations.tus.registry.HttpConnection", lambda **_: MemoryWire(far)):
        near = TusRegistry(TusOptions(url=BASE, chunk=CHUNK))
        try:
            row = await life(
                near,
                Clock(),
                data=data,
                destination=REGISTRY,
                resyncs=resyncs,
                told=attempts.told,
            )
        finally:
            await near.close()
    for requests in attempts.requests():
        assert len(requests) <= 4 * (len(data) // CHUNK) + 100
        sent = sum(len(one.body) for one in requests if one.method == "PATCH")
        assert sent <= 2 * len(data) + (MOST_SHORT + 1) * CHUNK
    return row, tus


@SEAM
@given(
    script=st.lists(DEEDS, max_size=24),
    data=st.sampled_from([STATEMENT, STATEMENT, STATEMENT * 5, b"a", b""]),
    takes_in=st.booleans(),
    habit=st.just(GOOD) | HABITS,
    resyncs=st.sets(st.integers(1, CLAIMS)),
)
def test_whatever_a_tus_registry_answers_a_file_is_there_once_and_told_only_when_it_is(
    *, script, data, takes_in, habit, resyncs
):
    row, tus = asyncio.run(
        life_of(script, data=data, takes_in=takes_in, habit=habit, resyncs=resyncs)
    )

    assert len(tus.effects) <= 1
    assert all(one.data == data for one in tus.effects)
    if row.state is DeliveryState.DELIVERED:
        assert len(tus.effects) == 1
        assert row.evidence is Evidence.REFERENCE
        assert row.locator


@pytest.mark.parametrize("conflicts", [False, True])
@pytest.mark.parametrize("every", range(1, 13))
def test_an_attempt_at_a_registry_that_forgets_again_and_again_ends(every, conflicts):
    habit = Habit(forgets_every=every, conflicts=conflicts)

    row, tus = asyncio.run(life_of([], data=STATEMENT * 5, habit=habit))

    assert row.state is not DeliveryState.DELIVERED
    assert tus.effects == []


@pytest.mark.parametrize("told", [{}, {"upload-offset": "0"}, {"upload-offset": "20"}])
@pytest.mark.parametrize("status", [200, 204, 409])
def test_an_odd_answer_to_the_last_bytes_leaves_the_file_in_doubt(status, told):
    """The upload was taken in with them, and is gone from its address."""
    script = [Deed()] * 4 + [Deed(odd=Reply(status, told))]

    row, tus = asyncio.run(
        life_of(script, data=STATEMENT, takes_in=True, resyncs=set(range(CLAIMS)))
    )

    assert len(tus.effects) == 1
    assert row.state is DeliveryState.PARKED
    assert row.maybe_delivered


def test_a_tus_registry_that_answers_one_request_oddly_gets_the_file_all_the_same():
    for status in range(100, 600):
        place = status % 5
        script = [Deed()] * place + [Deed(odd=Reply(status, {}), acts=place > 1)]
        row, tus = asyncio.run(
            life_of(script, data=STATEMENT, takes_in=False, resyncs=set(range(CLAIMS)))
        )
        assert len(tus.effects) == 1, status
        assert row.state is DeliveryState.DELIVERED, status

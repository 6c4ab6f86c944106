"""Drive's calls as Titip makes them: what is asked again, what may come back, and where to."""

import asyncio
from datetime import timedelta
from http import HTTPStatus
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import httplib2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.destinations.drive.api import LONGEST_QUICK_WAIT, TRIES, DriveCalls
from sync.destinations.drive.connections import DriveHttp, drive_service
from sync.destinations.drive.credentials import drive_place
from sync.destinations.drive.errors import Transient
from sync.destinations.drive.options import DriveOptions
from sync.destinations.transport.wire import Reply
from titip.errors import AttemptFailed, DestinationUnavailable

if TYPE_CHECKING:
    from sync.destinations.drive.connections import ConnectionPool
    from sync.destinations.transport.wire import HttpConnection

HOME = "http://drive.example:9002/"
SERVICE = drive_service(HOME)


class Scripted:
    """Lines to a Drive that answers the same to whatever it is asked."""

    def __init__(self, answer):
        self.answer = answer
        self.runs = 0

    async def run(self, call):
        self.runs += 1
        return self.answer(call)


def calls_on(answer):
    lines = Scripted(answer)
    return DriveCalls(
        SERVICE, cast("ConnectionPool", lines), options=DriveOptions(endpoint=HOME)
    ), lines


@given(
    status=st.sampled_from([HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT]),
    offset=st.integers(0, 1000),
    size=st.integers(1, 1000),
    more=st.integers(1, 1000),
)
def test_more_of_a_copy_than_was_asked_for_is_no_part_of_it(status, offset, size, more):
    response = httplib2.Response({"status": str(status.value)})
    http = SimpleNamespace(request=lambda *_, **__: (response, bytes(size + more)))
    calls, _ = calls_on(lambda call: call(http))

    with pytest.raises(AttemptFailed, match="more of the copy than was asked for"):
        asyncio.run(calls.part("0123456789", offset=offset, size=size))


@pytest.mark.parametrize(
    ("rest", "tries"),
    [(1.0, TRIES), (LONGEST_QUICK_WAIT, TRIES), (LONGEST_QUICK_WAIT + 0.001, 1), (3600.0, 1)],
)
async def test_a_short_rest_is_waited_for_here_and_a_longer_one_is_the_journals(
    monkeypatch, rest, tries
):
    rests = []

    async def sleep(seconds):
        rests.append(seconds)

    fault = Transient("Drive failed", retry_after=timedelta(seconds=rest))
    calls, lines = calls_on(lambda _: fault)
    monkeypatch.setattr(asyncio, "sleep", sleep)

    with pytest.raises(Transient) as caught:
        await calls.ask_about()

    assert caught.value is fault
    assert lines.runs == tries
    assert len(rests) == tries - 1
    assert all(rest <= one <= LONGEST_QUICK_WAIT for one in rests)


class Heard:
    """A wire that keeps what would have left."""

    def __init__(self):
        self.asked = []

    def ask(self, method, url, **_):
        self.asked.append(url)
        return Reply(200, {})


@pytest.mark.parametrize(
    "elsewhere",
    [
        "http://other.example:9002/files?key=hush",
        "http://drive.example:9003/files?key=hush",
        "https://drive.example:9002/files?key=hush",
        "http://drive.example.other.example:9002/files?key=hush",
        "http://drive.example:9002@other.example/files?key=hush",
        "no address at all, but hush",
    ],
)
def test_nothing_leaves_for_a_place_that_is_not_drives(elsewhere):
    wire = Heard()
    http = DriveHttp(cast("HttpConnection", wire), drive_place(HOME))

    with pytest.raises(DestinationUnavailable, match="look at what stands between") as caught:
        http.request(elsewhere, headers={"Authorization": "Bearer hush"}, body=b"a scan")

    assert "hush" not in caught.value.reason
    assert wire.asked == []
    http.request(f"{HOME}files")
    assert wire.asked == [f"{HOME}files"]

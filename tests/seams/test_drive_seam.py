"""A Drive that may answer anything at any time, and what a copy on its way makes of it.

In process and on a clock of its own. Drive, or what stands between, may be silent, cut off, refuse,
or talk nonsense, its lists may lag behind, and it may reserve an id that is somebody's already. A
session may take little of each chunk, and go back again and again behind what it acknowledged.
What it does not do is tell, as Drive tells it, of a file that it does not hold, or of none where
there is one: nothing could see through that.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import re
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.destinations.copy_check import WithCopyCheck
from sync.destinations.drive.connections import drive_service
from sync.destinations.drive.delivery import MOST_SESSIONS
from sync.destinations.drive.mirror import DriveMirror
from sync.destinations.drive.options import DriveOptions
from sync.destinations.drive.upload import MOST_SHORT
from sync.destinations.transport.wire import Reply
from tests.seams.life import CLAIMS, SEAM, Attempts, Clock, life
from tests.seams.memory_wire import Deed, FarSide, MemoryWire, Request, deeds
from titip.delivery import MIRROR, DeliveryState
from titip.evidence import Evidence

BASE = "http://drive.test/"
FOLDER = "application/vnd.google-apps.folder"
_ASKED = re.compile(r"key='([^']*)' and value='([^']*)'")
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)\Z")
_SERVICE = cache(drive_service)
STATEMENT = b"a supporter's statement"


@dataclass
class Item:
    """A file or folder."""

    body: dict[str, Any]
    data: bytes | None = None
    trashed: bool = False

    def told(self) -> dict[str, Any]:
        told = {**self.body, "trashed": self.trashed, "createdTime": "2026-11-27T16:00:00Z"}
        if self.data is not None:
            told["size"] = str(len(self.data))
            told["md5Checksum"] = hashlib.md5(self.data, usedforsecurity=False).hexdigest()
            told["sha256Checksum"] = hashlib.sha256(self.data).hexdigest()
        return told


@dataclass
class Session:
    body: dict[str, Any]
    length: int
    data: bytes = b""


def strangers() -> dict[str, Item]:
    """Give what is not ours: another upload's copy, a person's file, another party's folder."""
    bodies: list[tuple[dict[str, Any], bytes | None]] = [
        ({"id": "strangers-copy", "appProperties": {"titip_upload": "another"}}, b"another's"),
        ({"id": "strangers-file"}, STATEMENT[::-1]),
        ({"id": "strangers-folder", "appProperties": {"titip_submitter": "another"}}, None),
    ]
    return {body["id"]: Item(body, data) for body, data in bodies}


@dataclass(frozen=True)
class Habit:
    """What sessions do with chunks for ever."""

    takes: int = 1 << 20
    """Bytes of each chunk."""
    forgets_every: int = 0
    """Chunks after which a session gives `forgets` bytes up."""
    forgets: int = 0


GOOD = Habit()


@dataclass
class MemoryDrive:
    """A Drive that is nothing but memory; first it reserves the ids that are `twice`."""

    habit: Habit = GOOD
    chunks: int = 0

    lists_lag: bool = False
    twice: list[str] = field(default_factory=list)
    items: dict[str, Item] = field(default_factory=strangers)
    sessions: dict[str, Session] = field(default_factory=dict)
    numbers: Any = field(default_factory=itertools.count)

    @property
    def copies(self):
        theirs = strangers()
        return [
            one
            for one in self.items.values()
            if one.data is not None and not one.trashed and one.body["id"] not in theirs
        ]

    def act(self, request: Request, is_whole: bool) -> Reply:
        place = urlsplit(request.url)
        if request.method == "PUT":
            return self._put(request, is_whole)
        if not is_whole:
            return _error(400)
        if place.path == "/upload/drive/v3/files":
            return self._opened(request)
        return self._asked(request, parse_qs(place.query), place.path.rpartition("/")[2])

    def _asked(self, request: Request, query: dict[str, list[str]], last: str) -> Reply:
        match request.method, last:
            case "GET", "about":
                return _told({"user": {}})
            case "GET", "generateIds":
                new = f"reserved-{next(self.numbers):04}"
                return _told({"ids": [self.twice.pop(0) if self.twice else new]})
            case "GET", "files":
                return _told({"files": self._found(query["q"][0])})
            case "POST", "files":
                return self._made(json.loads(request.body))
            case _:
                return self._item(request, last)

    def _item(self, request: Request, last: str) -> Reply:
        if last not in self.items:
            return _error(404)
        item = self.items[last]
        item.trashed = item.trashed or request.method == "PATCH"
        return _told(item.told())

    def _found(self, question: str) -> list[dict[str, Any]]:
        asked = _ASKED.search(question)
        assert asked, question
        key, value = asked.groups()
        return [
            one.told()
            for one in self.items.values()
            if not self.lists_lag
            and not one.trashed
            and one.body.get("appProperties", {}).get(key) == value
        ]

    def _made(self, body: dict[str, Any]) -> Reply:
        if body["id"] in self.items:
            return _error(409)
        self.items[body["id"]] = Item(body)
        return _told(body)

    def _opened(self, request: Request) -> Reply:
        body = json.loads(request.body)
        if body["id"] in self.items:
            return _error(409)
        if body["parents"][0] not in self.items:
            return _error(404)
        url = f"{BASE}session/{next(self.numbers)}"
        length = int(request.headers["x-upload-content-length"])
        self.sessions[url] = Session(body, length)
        return Reply(200, {"location": url})

    def _put(self, request: Request, is_whole: bool) -> Reply:
        session = self.sessions.get(request.url)
        if session is None:
            return _error(404)
        asked = request.headers.get("content-range", "")
        known = _RANGE.match(asked)
        if known and int(known[1]) == len(session.data):
            session.data += request.body[: self.habit.takes]
            self.chunks += 1
            if self.habit.forgets_every and not self.chunks % self.habit.forgets_every:
                session.data = session.data[: max(0, len(session.data) - self.habit.forgets)]
        is_question = asked.startswith("bytes */")
        if len(session.data) < session.length or (is_question and not session.length):
            return Reply(308, _reached(session))
        if session.body["id"] not in self.items and (is_whole or session.length):
            self.items[session.body["id"]] = Item(session.body, session.data)
        return _told(self.items[session.body["id"]].told())

    def may_say(self, request: Request, odd: Reply) -> Reply:
        """Keep an odd answer from telling, as Drive would, what is not so."""
        session = self.sessions.get(request.url)
        headers = dict(odd.headers)
        if session is None or _ahead(headers, session):
            headers.pop("range", None)
        is_verdict = odd.status in range(400, 500) and _is_error(odd.body)
        return replace(odd, headers=headers, body=b"" if is_verdict else odd.body)


def _ahead(headers: dict[str, str], session: Session) -> bool:
    found = re.fullmatch(r"bytes=0-([0-9]{1,18})", headers.get("range", ""))
    return found is not None and int(found[1]) >= len(session.data)


def _is_error(body: bytes) -> bool:
    """Tell whether it is how Drive tells a verdict."""
    with suppress(ValueError, RecursionError):
        document = json.loads(body)
        return isinstance(document, dict) and isinstance(document.get("error"), dict)
    return False


def _reached(session: Session) -> dict[str, str]:
    return {"range": f"bytes=0-{len(session.data) - 1}"} if session.data else {}


def _told(document: dict[str, Any]) -> Reply:
    return Reply(200, {"content-type": "application/json"}, json.dumps(document).encode())


def _error(status: int) -> Reply:
    return Reply(status, {}, json.dumps({"error": {"code": status, "errors": []}}).encode())


ODD_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 30) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "id": st.sampled_from(["reserved-0002", "elsewhere-01", "a", "", "../x", "\ud83d", 7, []]),
        "ids": st.sampled_from([[], ["x"], ["another-0001"], [7], {"a": 1}, None]),
        "files": ODD_JSON,
        "size": st.sampled_from(["23", 23, "0", -1, "x", None]),
        "sha256Checksum": st.sampled_from(["", "0" * 64, 7, None]),
        "md5Checksum": st.sampled_from(["", "0" * 32, 7, None]),
        "trashed": ODD_JSON,
        "parents": ODD_JSON,
        "error": ODD_JSON,
        "user": ODD_JSON,
    },
).map(lambda document: json.dumps(document).encode())
PAGES = st.sampled_from([b"", b"<html>Login", b"Not Found", b"\xff\xfe", b"null", b"[" * 5000])
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "range": st.sampled_from(
            ["bytes=0-9", "bytes=0-22", "bytes=5-9", "x", "bytes=0-" + "9" * 99]
        ),
        "location": st.sampled_from(
            ["", "session/0", f"{BASE}session/9", "http://a..b/", "http://other.test/1", "?"]
        ),
        "retry-after": st.sampled_from(["0", "5", "3600", "x", "9" * 400]),
    },
)
STATUSES = st.integers(100, 599) | st.sampled_from(
    [200, 201, 308, 400, 400, 403, 404, 404, 404, 409, 410, 429, 503]
)
ODD = st.builds(Reply, STATUSES, HEADERS, PAGES | DOCUMENTS)
DEEDS = deeds(ODD)
TROUBLES = st.builds(
    lambda calm, more: [Deed()] * calm + more,
    st.integers(0, 10),
    st.lists(DEEDS, min_size=1, max_size=20),
)


HABITS = st.builds(
    Habit,
    takes=st.sampled_from([0, 1, 2, 7, 20, 199]),
    forgets_every=st.integers(0, 5),
    forgets=st.sampled_from([1, 3, 50, 1000]),
)


async def life_of(script, *, data, habit=GOOD, lists_lag=False, twice=(), resyncs=()):
    """Let one copy live through its claims; give its row and what Drive holds.

    However Drive is, no session of an attempt is sent more than a bounded multiple of the file,
    which is one chunk here.
    """
    drive = MemoryDrive(habit, lists_lag=lists_lag, twice=list(twice))
    clock = Clock()
    far = FarSide(drive.act, drive.may_say, list(script))
    attempts = Attempts(far.asked)
    options = DriveOptions(
        endpoint=BASE, quick_wait=timedelta(0), creates_per_second=1e6, workers=1
    )
    with (
        patch("sync.destinations.drive.connections.HttpConnection", lambda **_: MemoryWire(far)),
        patch("sync.destinations.drive.mirror.drive_service", _SERVICE),
        patch("asyncio.sleep", clock.sleep),
    ):
        near = WithCopyCheck(DriveMirror(options), must_prove=True)
        try:
            row = await life(
                near,
                clock,
                data=data,
                destination=MIRROR,
                resyncs=resyncs,
                told=attempts.told,
            )
        finally:
            await near.close()
    for requests in attempts.requests():
        puts = [one for one in requests if one.method == "PUT"]
        assert len(puts) <= MOST_SESSIONS * 4 * MOST_SHORT
        most = 2 * len(data) + (MOST_SHORT + 1) * len(data)
        assert sum(len(one.body) for one in puts) <= MOST_SESSIONS * most
    return row, drive


@SEAM
@given(
    script=TROUBLES,
    data=st.sampled_from([STATEMENT, STATEMENT, STATEMENT * 9, b"a", b""]),
    habit=st.just(GOOD) | HABITS,
    lists_lag=st.booleans(),
    twice=st.lists(st.sampled_from([*strangers(), "reserved-0000", "reserved-0001"]), max_size=4),
    resyncs=st.sets(st.integers(1, CLAIMS)),
)
def test_whatever_drive_answers_a_copy_is_there_once_and_told_only_when_it_is(
    *, script, data, habit, lists_lag, twice, resyncs
):
    row, drive = asyncio.run(
        life_of(script, data=data, habit=habit, lists_lag=lists_lag, twice=twice, resyncs=resyncs)
    )

    assert len(drive.copies) <= 1
    assert {one: drive.items[one] for one in strangers()} == strangers()
    assert not any(one.body["parents"][0] in strangers() for one in drive.copies)
    assert all(one.data == data for one in drive.copies)
    if row.state is DeliveryState.DELIVERED:
        assert row.evidence is Evidence.DIGEST
        assert [one.body["id"] for one in drive.copies] == [row.locator]


@pytest.mark.parametrize(
    "habit",
    [Habit(takes=1), Habit(takes=2, forgets_every=2, forgets=1), Habit(takes=0)],
    ids=["takes a byte", "goes back", "takes nothing"],
)
def test_an_attempt_at_a_drive_that_takes_next_to_nothing_ends(habit):
    row, drive = asyncio.run(life_of([], data=STATEMENT * 20, habit=habit))

    assert row.state is not DeliveryState.DELIVERED
    assert drive.copies == []


@pytest.mark.parametrize("before", range(3), ids=["copy", "root", "submitter"])
@pytest.mark.parametrize("stranger", strangers())
def test_an_id_that_is_somebody_s_already_costs_the_copy_nothing_but_another_id(stranger, before):
    twice = [f"unused-{n:05}" for n in range(before)] + [stranger]
    row, drive = asyncio.run(life_of([], data=STATEMENT, twice=twice))
    assert row.state is DeliveryState.DELIVERED
    assert len(drive.copies) == 1
    assert {one: drive.items[one] for one in strangers()} == strangers()
    assert drive.copies[0].body["parents"][0] not in strangers()


def test_a_drive_that_answers_one_request_oddly_gets_the_copy_all_the_same():
    for status in range(100, 600):
        script = [Deed() for _ in range(status % 9)] + [Deed(odd=Reply(status, {}))]
        row, drive = asyncio.run(life_of(script, data=STATEMENT, resyncs=set(range(CLAIMS))))
        assert row.state is DeliveryState.DELIVERED, status
        assert len(drive.copies) == 1, status


@pytest.mark.parametrize("page", [b"", b"<html>Not here"], ids=["empty", "page"])
def test_what_stands_between_speaks_no_verdict_on_a_copy(page):
    """An answer was lost; then something else answers in Drive's place for a while."""
    for statuses in itertools.product([400, 404, 409, 410, 200], repeat=3):
        lost = [Deed()] * 8 + [Deed(dies=True)]
        between = [Deed(acts=False, odd=Reply(status, {}, page)) for status in statuses]
        row, drive = asyncio.run(
            life_of(lost + between, data=STATEMENT, resyncs=set(range(CLAIMS)))
        )
        assert row.state is DeliveryState.DELIVERED, statuses
        assert len(drive.copies) == 1, statuses

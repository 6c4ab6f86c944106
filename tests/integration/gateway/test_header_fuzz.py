"""No head at all leads to a 5xx, to a hang, or to a byte that nobody had a right to hand in."""

import asyncio
import hashlib
import json
import logging
from contextlib import suppress
from dataclasses import dataclass

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict

from gateway.ingest.min_rate import Pace
from gateway.options import GatewayOptions
from gateway.protocol import detect, draft, plain, tus
from gateway.protocol.commands import Append, Create, Fetch, Inspect, Terminate
from gateway.protocol.errors import ProtocolViolation
from gateway.transport.connection_limits import ConnectionLimits
from tests.gateway_fixtures import gateway
from tests.integration.gateway import raw_requests
from tests.integration.gateway.hostile import (
    DEFERRED,
    FOREIGN,
    HELD,
    HOSTILE,
    LENGTH,
    NAMES,
    OPEN,
    PART,
    SEALED,
    TOKEN,
)
from tests.integration.gateway.raw_requests import SMUGGLED, SMUGGLED_LENGTH, Framing
from tests.nightly import NIGHTLY
from tests.stateful.two_clients.talk import Answer, Line
from titip.upload import Sealed, Upload, UploadId, UploadState, advance

EXAMPLES = 20_000 if NIGHTLY else 300

HANG = 5.0
OPTIONS = GatewayOptions(
    pace=Pace(idle=0.1), connections=ConnectionLimits(head_timeout=0.3), reserve=0
)
MARK = "the-one-after"
PROBE = f"OPTIONS /files/ HTTP/1.1\r\nHost: titip\r\nX-Request-ID: {MARK}\r\n\r\n".encode()

thorough = settings(
    max_examples=EXAMPLES,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was answered, and what there was before and after it."""

    answers: list[Answer]
    before: dict[str, tuple[Upload, bytes]]
    after: dict[str, tuple[Upload, bytes]]

    @property
    def changed(self):
        """Give the uploads that are not as they were."""
        return {one for one, held in self.after.items() if self.before.get(one) != held}


class Room:
    """One gateway for all examples; the loop stands still between them."""

    def __init__(self, loop, gate):
        self.loop = loop
        self.gate = gate
        self.token = gate.lo["Authorization"].removeprefix("Bearer ")
        gate.store.path(UploadId(SEALED)).write_bytes(HELD)

    def send(self, raw):
        self._furnish()
        before = self._held()
        answers = self.loop.run_until_complete(self._bounded(raw))
        return Outcome(answers, before, self._held())

    def _furnish(self):
        store, now = self.gate.store, self.gate.store.now()
        for held in (store.uploads, store.spool, store.deliveries, store.joined_from):
            held.clear()
        lengths = {OPEN: LENGTH, DEFERRED: None, PART: LENGTH, FOREIGN: LENGTH, SEALED: len(HELD)}
        for which, length in lengths.items():
            whose = "stranger-pair" if which == FOREIGN else "lo-pair"
            concat = "partial" if which == PART else ""
            one = Upload(UploadId(which), whose, length, now, offset=len(HELD), concat=concat)
            if which == SEALED:
                one = advance(one, Sealed(hashlib.sha256(HELD).hexdigest()), now=now)
            store.uploads[one.id], store.spool[one.id] = one, HELD

    def _held(self):
        store = self.gate.store
        return {one: (upload, store.spool.get(one, b"")) for one, upload in store.uploads.items()}

    async def _bounded(self, raw):
        line = await Line.open(self.gate.port)
        try:
            async with asyncio.timeout(HANG):
                return [one async for one in self._answers(line, raw)]
        finally:
            await line.close(reset=True)

    async def _answers(self, line, raw):
        line.writer.write(raw.said(self.token))
        method = raw.method
        while True:
            try:
                answer = await line.answer(method)
            except (EOFError, OSError, asyncio.LimitOverrunError):
                return
            yield answer
            if raw.framing is not Framing.WHOLE or raw.version != "HTTP/1.1":
                return
            told = answer.headers.get("X-Request-ID")
            if told == MARK or answer.headers.get("Connection", "").lower() == "close":
                return
            if told != SMUGGLED:
                line.writer.write(PROBE)
            method = "POST"


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    loop = asyncio.new_event_loop()
    running = gateway(tmp_path_factory.mktemp("fuzz"), OPTIONS)
    try:
        yield Room(loop, loop.run_until_complete(running.__aenter__()))
    finally:
        loop.run_until_complete(running.__aexit__(None, None, None))
        loop.run_until_complete(_end_lingerers())
        loop.close()
        structlog.reset_defaults()


async def _end_lingerers():
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


# ---------------------------------------------------------------- what must hold


@pytest.mark.holds("titip:fuzz")
@thorough
@given(raw_requests.requests())
def test_whatever_a_head_says_it_is_carried_out_or_refused_with_a_problem(room, raw):
    outcome = room.send(raw)

    for answer in outcome.answers:
        is_good_or_a_problem(raw, answer)
    nothing_is_smuggled_in(raw, outcome)
    if outcome.answers:
        only_what_was_answered_was_done(raw, outcome)
    else:
        assert raw.framing in {Framing.OPEN, Framing.UNKNOWN}, "closed without a word"
        assert not outcome.changed


def is_good_or_a_problem(raw, answer):
    assert answer.headers["Tus-Resumable"] == "1.0.0", answer
    if answer.status < 400:
        assert answer.status in {200, 201, 204, 206, 304}, answer
        return
    if raw.method == "GET" and answer.status == 412 and not answer.body:
        return  # of plain HTTP alone: what was asked of the file is not there
    told = answer.headers.get("Content-Type", "")
    assert told.startswith("application/problem+json"), (answer, told)
    if answer.body:
        assert json.loads(answer.body)["status"] == answer.status
    silent = answer.status == 503 and answer.body and b"problem:silent" in answer.body
    waits = raw.framing in {Framing.OPEN, Framing.UNKNOWN}
    assert answer.status < 500 or (silent and waits), (answer, answer.body)


def nothing_is_smuggled_in(raw, outcome):
    """A second request is only what follows a first one whose end is beyond doubt."""
    asked = [one.headers.get("X-Request-ID") for one in outcome.answers]
    hidden = [upload for upload, _ in outcome.after.values() if upload.length == SMUGGLED_LENGTH]
    if raw.framing in {Framing.WRONG, Framing.BROKEN}:
        assert SMUGGLED not in asked
    if raw.framing is not Framing.UNKNOWN and not raw.rest:
        assert not hidden
        assert len([one for one in asked if one != MARK]) <= 1


def only_what_was_answered_was_done(raw, outcome):
    first = outcome.answers[0]
    changed = {one for one in outcome.changed if outcome.after[one][0].length != SMUGGLED_LENGTH}
    if raw.framing is Framing.WRONG:
        assert first.status >= 400, first
    if not changed:
        return
    assert may_change(raw), "changed without a token"
    assert len(changed) == 1
    (which,) = changed
    upload, held = outcome.after[which]
    assert upload.submitter == "lo-pair"
    if upload.state is UploadState.TERMINATED:
        assert first.status == 204
        return
    if upload.is_final:
        return
    begun = outcome.before.get(which, (None, b""))[1]
    assert held.startswith(begun)
    came = held[len(begun) :]
    if raw.framing is Framing.WHOLE and first.status < 300:
        assert came == raw.content
    if first.status >= 300:
        assert first.offset() == upload.offset, first
        assert raw.framing is not Framing.WHOLE


def may_change(raw):
    shown = " ".join(raw.values("Authorization")[:1]).split()
    return [one.lower() for one in shown] == ["bearer", TOKEN]


# ---------------------------------------------------------------- the pure readers

FIELDS = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(HOSTILE) | st.text(max_size=30)), max_size=6
)
COMMANDS = (Append, Create, Fetch, Inspect, Terminate)


@pytest.mark.holds("titip:fuzz")
@thorough
@given(st.sampled_from(raw_requests.RIGHT), FIELDS, st.booleans())
def test_whatever_the_fields_are_each_reader_gives_a_command_or_a_violation(raw, more, item):
    fields = CIMultiDict([*raw.headers, *more])

    dialect = detect.dialect_of(raw.method, fields)

    assert dialect in detect.Dialect
    with suppress(ProtocolViolation):
        method = tus.effective_method(raw.method, fields)
        assert isinstance(tus.parse(method, fields, item=item), COMMANDS)
    for version in (draft.interop(fields), 6, 8):
        with suppress(ProtocolViolation):
            name = "x" if item else ""
            assert isinstance(draft.parse(raw.method, fields, item=name, version=version), COMMANDS)
    with suppress(ProtocolViolation):
        assert isinstance(plain.parse(fields, name="x" if item else ""), Create)

"""Requests that HTTP itself does not allow: each gets a problem, in the words of tus, at once."""

import asyncio
import errno
import json

import pytest

from gateway.context import CONTEXT
from gateway.ingest.min_rate import Pace
from gateway.options import GatewayOptions
from gateway.transport.connection_limits import ConnectionLimits
from tests.gateway_fixtures import BOUND, BYTES, gateway, id_of
from tests.waiting import until

HOST = b"Host: titip\r\n"
END = b"\r\n"
CHUNKED = {**BYTES, "Upload-Offset": "0", "Transfer-Encoding": "chunked"}


@pytest.fixture
async def gate(tmp_path):
    pace = Pace(idle=BOUND * 3)  # what is malformed is not taken for silence
    async with gateway(tmp_path, GatewayOptions(pace=pace)) as running:
        yield running


async def received(gate, path):
    """Wait until the body's bytes so far were read."""
    locks = gate.app[CONTEXT].locks
    await until(lambda: (hold := locks.holder(id_of(path))) and hold.waiting_since)


async def answered(line):
    """Read one answer: its status, headers and problem."""
    status, headers = await line.answer()
    body = await line.reader.readexactly(int(headers["Content-Length"]))
    return status, headers, json.loads(body)


MALFORMED = {
    "no request at all": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + END + END,
    "another protocol": b"PRI * HTTP/2.0" + END + END + b"SM" + END + END,
    "no version": b"GET /livez" + END + HOST + END,
    "no address": b"CONNECT  " + END + HOST + END,
    "an unknown version": b"GET /livez HTTP/9.9" + END + HOST + END,
    "a method that is none": b"G@T /livez HTTP/1.1" + END + HOST + END,
    "a space in the path": b"GET /li vez HTTP/1.1" + END + HOST + END,
    "no host": b"GET /livez HTTP/1.1" + END + END,
    "a header without a name": b"GET /livez HTTP/1.1" + END + HOST + b": x" + END + END,
    "a header without a colon": b"GET /livez HTTP/1.1" + END + HOST + b"nonsense" + END + END,
    "a space before the colon": b"GET /livez HTTP/1.1" + END + HOST + b"A : b" + END + END,
    "a folded header": b"GET /livez HTTP/1.1" + END + HOST + b"A: b" + END + b" c" + END + END,
    "a NUL in a header": b"GET /livez HTTP/1.1" + END + HOST + b"A: \0" + END + END,
    "a bare line feed": b"GET /livez HTTP/1.1\nHost: titip\nA: b\n\n",
    "a length that is none": b"PATCH /files/x HTTP/1.1"
    + END
    + HOST
    + b"Content-Length: -5"
    + END
    + END,
    "two lengths": b"PATCH /files/x HTTP/1.1"
    + END
    + HOST
    + b"Content-Length: 5"
    + END
    + b"Content-Length: 6"
    + END
    + END,
    "a length and chunks": b"PATCH /files/x HTTP/1.1"
    + END
    + HOST
    + b"Content-Length: 5"
    + END
    + b"Transfer-Encoding: chunked"
    + END
    + END,
    "an unknown transfer encoding": b"PATCH /files/x HTTP/1.1"
    + END
    + HOST
    + b"Transfer-Encoding: gzip"
    + END
    + END,
    "too many headers": b"GET /livez HTTP/1.1" + END + HOST + b"A: b\r\n" * 2000 + END,
}


@pytest.mark.holds("titip:resumable-on-errors", "titip:problems", "titip:fuzz")
@pytest.mark.parametrize("head", MALFORMED.values(), ids=MALFORMED)
async def test_a_malformed_head_gets_a_problem_and_an_end(gate, head):
    line = await gate.dial()

    await line.send(head)

    status, headers, problem = await answered(line)
    assert (status, problem["status"]) == (400, 400)
    assert problem["type"] == "urn:titip:problem:bad-request"
    assert headers["Content-Type"].startswith("application/problem+json")
    assert headers["Tus-Resumable"] == "1.0.0"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Server"] == "titip"
    assert headers["Connection"] == "close"
    await line.closed()


@pytest.mark.parametrize(
    "head",
    [
        b"GET /livez HTTP/1.1\r\nHost: titip\r\nA: " + b"x" * (70 << 10) + b"\r\n\r\n",
        b"GET /" + b"x" * (70 << 10) + b" HTTP/1.1\r\nHost: titip\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: titip\r\n" + (b"A: " + b"x" * 1200 + b"\r\n") * 120,
    ],
    ids=["a header", "the address", "all of it"],
)
async def test_a_head_that_is_too_large_gets_its_problem(gate, head):
    line = await gate.dial()

    await line.send(head)

    status, headers, problem = await answered(line)
    assert (status, problem["status"]) == (431, 431)
    assert problem["type"] == "urn:titip:problem:head-too-large"
    assert headers["Tus-Resumable"] == "1.0.0"
    await line.closed()


async def test_an_answer_is_not_lost_to_what_the_sender_still_says(gate):
    line = await gate.dial()

    await line.send(b"G@T /livez HTTP/1.1\r\n" + b"x" * (8 << 20))

    assert (await answered(line))[0] == 400
    await line.closed()


@pytest.mark.holds("titip:resumable-on-errors", "titip:problems", "titip:fuzz")
async def test_an_expectation_that_nobody_knows_gets_a_problem_too(gate):
    for path, expected, refusal in (
        (b"/livez", b"tea", 417),
        (b"/nowhere", b"tea", 417),
        (b"/livez", b"\xa5", 400),
    ):
        line = await gate.dial()
        await line.send(b"GET %s HTTP/1.1\r\nHost: t\r\nExpect: %s\r\n\r\n" % (path, expected))

        status, headers, problem = await answered(line)

        assert (status, problem["status"]) == (refusal, refusal)
        assert headers["Tus-Resumable"] == "1.0.0"
        await line.closed()


async def test_what_was_asked_before_the_nonsense_is_answered_first(gate):
    line = await gate.dial()
    path = await gate.created(10)
    await line.say("PATCH", path, {**BYTES, "Upload-Offset": "0", "Content-Length": "4"}, b"01")
    await received(gate, path)
    await line.send(b"23")
    assert (await line.answer())[0] == 204
    await line.send(b"nonsense\r\n\r\n")

    assert (await answered(line))[0] == 400
    assert await gate.offset(path) == 4


@pytest.mark.holds("tus:core-network-errors", "titip:cut-keeps")
@pytest.mark.parametrize(
    "rest", [b"nonsense\r\n", b"-4\r\nxxxx\r\n", b"4\r\n4567!!", b"0\r\nno trailer\r\n\r\n"]
)
async def test_a_malformed_chunk_ends_the_body_at_once_as_a_cut(gate, rest):
    path = await gate.created(10)
    line = await gate.dial()
    await line.say("PATCH", path, CHUNKED, b"4\r\n0123\r\n")
    await received(gate, path)

    await line.send(rest)

    status, headers, problem = await answered(line)
    kept = 8 if rest.startswith(b"4") else 4
    assert (status, problem["type"]) == (400, "urn:titip:problem:body-cut")
    assert (headers["Upload-Offset"], headers["Connection"]) == (str(kept), "close")
    assert gate.kept(path) == b"01234567"[:kept]
    await line.closed()


async def test_a_malformed_chunk_after_a_refusal_only_ends_the_connection(gate):
    path = await gate.created(10)
    line = await gate.dial()
    await line.say("PATCH", path, {**CHUNKED, "Upload-Offset": "5"}, b"4\r\n0123\r\n")
    assert (await line.answer())[0] == 409

    await line.send(b"nonsense\r\n")

    await line.closed()
    assert await gate.offset(path) == 0


async def test_a_malformed_chunk_that_comes_with_its_head_reaches_no_upload(gate):
    path = await gate.created(10)
    line = await gate.dial()

    await line.say("PATCH", path, CHUNKED, b"4\r\n0123\r\nnonsense\r\n")

    assert (await answered(line))[0] == 400
    await line.closed()
    assert await gate.offset(path) in {0, 4}


@pytest.mark.holds("titip:resumable-on-errors", "titip:problems")
async def test_a_turned_away_connection_hears_it_in_the_words_of_tus(tmp_path):
    async with gateway(tmp_path, GatewayOptions(connections=ConnectionLimits(most=0))) as running:
        line = await running.dial()

        status, headers, problem = await answered(line)

        assert (status, problem["type"]) == (503, "urn:titip:problem:busy")
        assert (headers["Tus-Resumable"], headers["Retry-After"]) == ("1.0.0", "5")
        await line.closed()


async def test_a_sender_that_is_gone_before_it_hears_its_refusal_is_no_fault(
    gate, caplog, monkeypatch
):
    left = asyncio.Event()

    def gone(_transport):
        left.set()
        raise OSError(errno.ENOTCONN, "Transport endpoint is not connected")

    monkeypatch.setattr("asyncio.selector_events._SelectorSocketTransport.write_eof", gone)
    line = await gate.dial()
    await line.send(b"G@T / HTTP/1.1\r\n\r\n")
    await asyncio.wait_for(left.wait(), 10)
    line.writer.transport.abort()

    await until(lambda: gate.app[CONTEXT].connections.number == 0)
    assert not caplog.records


async def test_connections_that_end_badly_leave_nothing_behind(gate, caplog):
    for said in (b"G@T / HTTP/1.1\r\n\r\n", b"GET /livez HTTP/1.1\r\n"):
        line = await gate.dial()
        await line.send(said)
        line.writer.transport.abort()

    await until(lambda: gate.app[CONTEXT].connections.number == 0)
    assert not caplog.records

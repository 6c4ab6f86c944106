"""A short torture, with another seed each time, and what its checker says if it is lied to."""

import asyncio
import hashlib
from random import SystemRandom

import pytest

from tests.torture.ledger import Ledger, Paper, content, repr_digest
from tests.torture.run import Plan, torture
from tests.torture.wire import Ending, LineLost, Request, Wire

SECONDS = 18
SMALL = b"papers of a supporter"


@pytest.mark.holds(
    "titip:offset-stable", "draft:offset-never-back", "draft6:offset-never-back", "titip:cut-keeps"
)
@pytest.mark.e2e
@pytest.mark.timeout(280)
async def test_a_tortured_server_loses_nothing_and_doubles_nothing(tmp_path):
    seed = SystemRandom().randrange(1 << 32)

    outcome = await torture(Plan(SECONDS, seed, senders=5, quick=True, least=10), tmp_path)

    again = f"again with: python -m tests.torture --seconds {SECONDS} --senders 5 --seed {seed}"
    assert outcome.wrong == [], f"{again}\n{outcome.report}"
    assert outcome.kills >= 3
    assert outcome.seals >= 10


def a_promise(ledger, *, length=100):
    paper = Paper.make("seed", submitter="pair-1", length=length, key="")
    return ledger.begun("u1", paper)


def test_an_offset_that_goes_back_is_a_loss():
    ledger = Ledger()
    promise = a_promise(ledger)
    ledger.covers(promise, 60, digest=None, what="patches")

    ledger.asked(promise, 59, floor=promise.offset)

    assert ledger.count("lost") == 1


def test_a_seal_without_its_digest_or_with_another_one_is_a_loss():
    ledger = Ledger()
    promise = a_promise(ledger)

    ledger.covers(promise, 100, digest=None, what="patches")
    ledger.covers(promise, 100, digest=repr_digest("00" * 32), what="heads")

    assert ledger.count("lost") == 2


def test_an_upload_that_is_given_to_two_papers_is_a_leak():
    ledger = Ledger()
    a_promise(ledger)

    a_promise(ledger, length=99)

    assert ledger.count("visible") == 1


def test_a_paper_s_bytes_come_back_from_its_seed():
    paper = Paper.make("seed", submitter="pair-1", length=1000, key="")

    assert hashlib.sha256(content("seed", 1000)).hexdigest() == paper.sha256


async def heard(request):
    """Send a request to a server that keeps what it hears and answers 204 at the end of a line."""
    came = bytearray()
    over = asyncio.Event()

    async def serve(reader, writer):
        while piece := await _piece(reader):
            came.extend(piece)
            if came.endswith(SMALL):
                writer.write(b"HTTP/1.1 204 No Content\r\nUpload-Offset: 21\r\n\r\n")
                await writer.drain()
        writer.close()
        over.set()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        wire = Wire(server.sockets[0].getsockname()[1])
        try:
            answer = await wire.ask(request, within=10)
        except LineLost:
            answer = None
        wire.hang_up()
        await asyncio.wait_for(over.wait(), 10)
    return answer, bytes(came)


async def _piece(reader):
    try:
        return await reader.read(4096)
    except ConnectionError:
        return b""


async def test_the_wire_sends_a_body_in_slices_and_reads_the_answer():
    request = Request("PATCH", "/files/u1", {"Upload-Offset": "0"}, SMALL, slices=(4, 7))

    answer, came = await heard(request)

    assert (answer.status, answer.offset) == (204, 21)
    assert came.startswith(b"PATCH /files/u1 HTTP/1.1\r\nHost: torture\r\n")
    assert came.endswith(b"Content-Length: 21\r\n\r\n" + SMALL)


@pytest.mark.parametrize("ending", [Ending.CUT, Ending.LEFT])
async def test_the_wire_can_stop_in_the_midst_of_a_body(ending):
    request = Request("PATCH", "/files/u1", {}, SMALL, ending=ending, stop_after=6)

    answer, came = await heard(request)

    assert answer is None
    assert came.endswith(b"papers") or ending is Ending.CUT

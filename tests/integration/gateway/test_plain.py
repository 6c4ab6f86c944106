"""A whole file in one plain request: kept whole or not at all, and answered with a receipt."""

import base64
import hashlib

import pytest

from gateway.context import CONTEXT
from gateway.ingest.min_rate import Pace
from gateway.options import GatewayOptions
from tests.gateway_fixtures import BOUND, gateway, id_of
from tests.integration.gateway.draft_line import begun, dial, speak
from tests.waiting import until
from titip.metadata import filename
from titip.upload import UploadState

EAGER = Pace(idle=3 * BOUND, patience=BOUND, commit_bytes=0, flush=0.01)


@pytest.fixture
async def gate(tmp_path):
    async with gateway(tmp_path, GatewayOptions(pace=EAGER)) as running:
        yield running


def plainly(gate, method, path, headers=(), *, body=None, of=None):
    return speak(gate, method, path, headers, body=body, of=of, version=None)


async def half_sent(gate, headers, body=b"0123"):
    """Send the half of a file."""
    line = await dial(gate)
    await line.ask("PUT", "/files/a.pdf", headers, body, version=None)
    holds = gate.app[CONTEXT].locks._holds  # noqa: SLF001
    await until(lambda: any(hold.waiting_since is not None for hold in holds.values()))
    return line


@pytest.mark.holds("titip:plain-receipt", "titip:dialects")
async def test_a_plain_file_is_answered_with_its_receipt(gate):
    answer = await plainly(gate, "POST", "/files/", body=b"01234567")

    receipt = await answer.json()
    upload = gate.store.uploads[id_of(answer.headers["Location"])]
    assert answer.status == 201
    assert upload.state is UploadState.SEALED
    assert (receipt["upload"], receipt["length"]) == (upload.id, 8)
    assert receipt["sha256"] == hashlib.sha256(b"01234567").hexdigest()
    assert answer.headers["Repr-Digest"].startswith("sha-256=:")
    assert "Upload-Secret" not in answer.headers
    assert gate.store.commits == 1


@pytest.mark.holds("titip:plain-name")
async def test_the_address_of_a_put_names_the_file(gate):
    told = {"Content-Type": "application/pdf"}

    answer = await plainly(gate, "PUT", "/files/surat%20%E2%82%AC.pdf", told, body=b"0")

    upload = gate.store.uploads[id_of(answer.headers["Location"])]
    assert filename(upload.metadata) == "surat €.pdf"
    assert (await answer.json())["filename"] == "surat €.pdf"


async def test_an_empty_file_is_a_file(gate):
    answer = await plainly(gate, "PUT", "/files/empty.txt", body=b"")

    assert answer.status == 201
    assert (await answer.json())["length"] == 0


@pytest.mark.holds("titip:plain-whole")
@pytest.mark.parametrize(
    ("told", "body"),
    [({"Content-Length": "8"}, b"0123"), ({"Transfer-Encoding": "chunked"}, b"4\r\n0123\r\n")],
)
async def test_of_a_file_that_was_cut_nothing_is_kept(gate, told, body):
    line = await half_sent(gate, told, body)

    await line.cut()

    await until(lambda: not len(gate.app[CONTEXT].locks))
    assert not gate.store.uploads
    assert not gate.store.commits


@pytest.mark.holds("titip:plain-whole")
async def test_a_stop_keeps_nothing_of_a_file_that_is_not_whole(gate):
    line = await half_sent(gate, {"Content-Length": "8"})

    gate.app[CONTEXT].draining.set()

    heard = await line.hear()
    assert (heard.status, gate.store.uploads) == (503, {})
    await line.cut()


async def test_a_body_that_is_waited_for_is_invited(gate):
    line = await dial(gate)
    await line.ask(
        "PUT", "/files/a", {"Content-Length": "2", "Expect": "100-continue"}, version=None
    )
    assert (await line.answer())[0] == 100

    await line.send(b"01")

    assert (await line.hear()).status == 201


@pytest.mark.holds("titip:proof-declared", "titip:proof-refused", "draft:digest-whole")
async def test_a_file_that_is_another_one_is_not_kept(gate):
    right = base64.b64encode(hashlib.sha256(b"0123").digest()).decode()
    told = {"Repr-Digest": f"sha-256=:{right}:"}

    refused = await plainly(gate, "PUT", "/files/a", told, body=b"9999")
    taken = await plainly(gate, "PUT", "/files/a", told, body=b"0123")

    assert (refused.status, taken.status) == (422, 201)
    assert len(gate.store.uploads) == 1


@pytest.mark.holds("titip:key-once")
async def test_a_file_that_is_sent_again_under_its_key_is_the_same(gate):
    key = {"Idempotency-Key": '"k"'}

    first = await plainly(gate, "PUT", "/files/a", key, body=b"0123")
    again = await plainly(gate, "PUT", "/files/a", key, body=b"0123")

    assert again.status == 201
    assert await again.json() == await first.json()


async def test_a_whole_file_is_not_the_unfinished_one_of_its_key(gate):
    await begun(gate, b"01", Idempotency_Key='"k"', Upload_Length="4")

    answer = await plainly(gate, "PUT", "/files/a", {"Idempotency-Key": '"k"'}, body=b"0123")

    assert answer.status == 422


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_file_that_is_too_large_is_refused(tmp_path, chunked):
    async def pieces():
        yield b"01234567"

    async with gateway(tmp_path, GatewayOptions(max_upload=5)) as gate:
        body = pieces() if chunked else b"01234567"

        answer = await plainly(gate, "PUT", "/files/a", body=body)

        assert answer.status == 413
        assert not gate.store.uploads


@pytest.mark.holds("titip:own-only")
async def test_nobody_hands_a_file_in_without_a_token(gate):
    answer = await plainly(gate, "PUT", "/files/a", body=b"0", of={})

    assert answer.status == 401
    assert not gate.store.uploads


async def test_a_form_is_no_file(gate):
    told = {"Content-Type": "multipart/form-data; boundary=x"}

    assert (await plainly(gate, "POST", "/files/", told, body=b"--x--")).status == 412

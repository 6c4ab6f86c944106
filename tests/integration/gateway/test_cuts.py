"""What is kept when lines break, senders fall silent, disks fail and the gateway is to stop."""

import asyncio
import base64
import hashlib
from dataclasses import replace

import pytest

from gateway.context import CONTEXT
from gateway.ingest.min_rate import Pace
from gateway.options import GatewayOptions
from gateway.uploads import routes
from tests.gateway_fixtures import BOUND, BYTES, gateway, id_of
from tests.waiting import until
from titip.upload import UploadState

MIB = 1 << 20
PACE = Pace(idle=BOUND, patience=BOUND)


def patch(offset, size):
    return {**BYTES, "Upload-Offset": str(offset), "Content-Length": str(size)}


def paced(**changes):
    return GatewayOptions(pace=replace(PACE, **changes))


@pytest.fixture
async def gate(tmp_path):
    async with gateway(tmp_path, paced()) as running:
        yield running


def holder(gate, path):
    return gate.app[CONTEXT].locks.holder(id_of(path))


async def received(gate, path):
    """Wait until the holder has read what was sent and waits for more."""
    await until(lambda: (hold := holder(gate, path)) is not None and hold.waiting_since is not None)


@pytest.mark.holds("titip:cut-keeps", "tus:core-network-errors", "tus:core-store-most")
async def test_a_cut_keeps_the_prefix_and_lets_go(gate):
    path = await gate.created(10)
    line = await gate.dial()
    await line.say("PATCH", path, patch(0, 10), b"0123")
    await received(gate, path)

    await line.cut()

    await until(lambda: holder(gate, path) is None)
    assert await gate.offset(path) == 4
    assert gate.kept(path) == b"0123"


@pytest.mark.holds("titip:cut-keeps", "tus:core-store-most")
async def test_a_cut_keeps_what_arrived_while_the_disk_was_busy(gate):
    path = await gate.created(8 * MIB)
    gate.store.may_write.clear()
    line = await gate.dial()
    await line.say("PATCH", path, patch(0, 8 * MIB), b"x" * (5 * MIB // 2))
    await until(lambda: gate.store.hops)

    await line.cut()
    gate.store.may_write.set()

    await until(lambda: holder(gate, path) is None)
    assert await gate.offset(path) == 5 * MIB // 2


@pytest.mark.holds("tus:checksum-cut")
async def test_a_cut_body_with_a_checksum_is_dropped(gate):
    path = await gate.created(10, b"01")
    told = base64.b64encode(hashlib.sha256(b"23456789").digest()).decode()
    line = await gate.dial()
    headers = {**patch(2, 8), "Upload-Checksum": f"sha256 {told}"}
    await line.say("PATCH", path, headers, b"2345")
    await received(gate, path)

    await line.cut()

    await until(lambda: holder(gate, path) is None)
    assert await gate.offset(path) == 2


@pytest.mark.holds("titip:cut-keeps", "tus:with-upload-most")
async def test_a_creation_cut_in_its_body_keeps_what_came(gate):
    line = await gate.dial()
    headers = {**BYTES, "Upload-Length": "10", "Content-Length": "10"}
    await line.say("POST", "/files/", headers, b"0123")
    await until(lambda: gate.app[CONTEXT].locks._holds)  # noqa: SLF001

    await line.cut()

    await until(lambda: gate.store.uploads)
    assert [one.offset for one in gate.store.uploads.values()] == [4]


@pytest.mark.holds("titip:key-once")
async def test_a_creation_sent_again_under_its_key_takes_over_and_finds_what_came(gate):
    dead = await gate.dial()
    headers = {**BYTES, "Upload-Length": "10", "Idempotency-Key": '"k"'}
    await dead.say("POST", "/files/", {**headers, "Content-Length": "10"}, b"0123")
    locks = gate.app[CONTEXT].locks
    await until(lambda: any(hold.waiting_since for hold in locks._holds.values()))  # noqa: SLF001

    async with gate.ask("POST", "/files/", headers) as again:
        assert (again.status, again.headers["Upload-Offset"]) == (201, "4")

    status, told = await dead.answer()
    assert (status, told["Upload-Offset"]) == (201, "4")
    assert told["Location"].rpartition("/")[2] == again.headers["Location"].rpartition("/")[2]
    await dead.cut()


async def test_all_bytes_of_a_cut_chunked_body_seal_the_upload(gate):
    path = await gate.created(4)
    line = await gate.dial()
    headers = {**BYTES, "Upload-Offset": "0", "Transfer-Encoding": "chunked"}
    await line.say("PATCH", path, headers, b"4\r\n0123\r\n")
    await received(gate, path)

    await line.cut()

    await until(lambda: gate.store.uploads[id_of(path)].state is UploadState.SEALED)


@pytest.mark.holds("titip:takeover-saves", "titip:race-safe")
async def test_a_newcomer_takes_over_from_a_half_open_request_whose_bytes_are_saved(gate):
    path = await gate.created(10)
    dead = await gate.dial()
    await dead.say("PATCH", path, patch(0, 10), b"0123")
    await received(gate, path)

    async with gate.append(path, 0, b"0123456789") as early:
        assert (early.status, early.headers["Upload-Offset"]) == (409, "4")
    async with gate.append(path, 4, b"456789") as resumed:
        assert (resumed.status, resumed.headers["Upload-Offset"]) == (204, "10")

    status, headers = await dead.answer()
    assert (status, headers["Upload-Offset"], headers["Connection"]) == (423, "4", "close")
    assert gate.kept(path) == b"0123456789"
    await dead.cut()


async def test_a_termination_takes_over_too(gate):
    path = await gate.created(10)
    dead = await gate.dial()
    await dead.say("PATCH", path, patch(0, 10), b"0123")
    await received(gate, path)

    async with gate.ask("DELETE", path) as answer:
        assert answer.status == 204

    await dead.cut()


@pytest.mark.holds("titip:own-only")
async def test_a_stranger_asks_nobody_to_leave(gate):
    path = await gate.created(10)
    line = await gate.dial()
    await line.say("PATCH", path, patch(0, 10), b"0123")
    await received(gate, path)

    for ask in (
        gate.append(path, 0, b"x", of=gate.stranger),
        gate.ask("DELETE", path, of=gate.stranger),
        gate.ask("HEAD", path, of=gate.stranger),
    ):
        async with ask as answer:
            assert answer.status == 404
    await line.send(b"456789")

    assert (await line.answer())[0] == 204
    await line.cut()


async def test_a_holder_that_cannot_let_go_is_not_waited_for_for_ever(tmp_path):
    async with gateway(tmp_path, paced(patience=0.05)) as gate:
        path = await gate.created(10)
        gate.store.may_write.clear()
        line = await gate.dial()
        await line.say("PATCH", path, patch(0, 10), b"0123456789")
        await until(lambda: gate.store.hops)

        async with gate.append(path, 0, b"x") as answer:
            assert answer.status == 423

        assert "Retry-After" in answer.headers
        gate.store.may_write.set()
        assert (await line.answer())[0] == 204
        await line.cut()


@pytest.mark.holds("titip:head-harmless")
async def test_head_does_not_harm_a_healthy_request(gate, monkeypatch):
    monkeypatch.setattr(routes, "SILENCE", 0.1)
    length = 1 << 20
    path = await gate.created(length, b"01")
    line = await gate.dial()
    await line.say("PATCH", path, patch(2, length - 2), b"2345")
    await received(gate, path)

    asking, sent = asyncio.create_task(gate.offset(path)), 6
    while not asking.done():
        await line.send(b"6")
        sent += 1
        await asyncio.sleep(0)
    await line.send(b"7" * (length - sent))

    assert await asking == 2
    assert (await line.answer())[0] == 204
    await line.cut()


@pytest.mark.holds("titip:takeover-saves")
async def test_head_has_a_silent_request_saved_and_tells_the_offset_after(gate, monkeypatch):
    monkeypatch.setattr(routes, "SILENCE", 0.0)
    path = await gate.created(10)
    dead = await gate.dial()
    await dead.say("PATCH", path, patch(0, 10), b"0123")
    await received(gate, path)

    assert await gate.offset(path) == 4

    await dead.cut()


@pytest.mark.holds("tus:core-timeouts", "tus:core-timeout-closes", "tus:core-store-most")
async def test_a_sender_that_falls_silent_is_let_go_with_its_bytes_kept(tmp_path):
    async with gateway(tmp_path, paced(idle=0.05)) as gate:
        path = await gate.created(10)
        line = await gate.dial()

        await line.say("PATCH", path, patch(0, 10), b"0123")

        status, headers = await line.answer()
        assert (status, headers["Upload-Offset"], headers["Connection"]) == (503, "4", "close")
        assert "Retry-After" in headers
        assert await gate.offset(path) == 4
        await line.cut()


@pytest.mark.holds("tus:with-upload-offset", "tus:core-timeout-closes")
async def test_a_creation_whose_sender_falls_silent_is_told_what_was_kept(tmp_path):
    async with gateway(tmp_path, paced(idle=0.05)) as gate:
        line = await gate.dial()
        headers = {**BYTES, "Upload-Length": "10", "Content-Length": "10"}

        await line.say("POST", "/files/", headers, b"0123")

        status, told = await line.answer()
        assert (status, told["Upload-Offset"], told["Connection"]) == (201, "4", "close")
        await line.cut()


async def test_a_slow_sender_is_not_silent(tmp_path):
    async with gateway(tmp_path, paced(idle=2.0)) as gate:
        path = await gate.created(5)
        line = await gate.dial()
        await line.say("PATCH", path, patch(0, 5))

        for piece in (b"0", b"1", b"2", b"3", b"4"):
            await received(gate, path)
            await line.send(piece)

        assert (await line.answer())[0] == 204
        await line.cut()


async def test_draining_ends_bodies_with_their_bytes_kept_and_lets_nothing_begin(gate):
    path = await gate.created(10)
    line = await gate.dial()
    await line.say("PATCH", path, patch(0, 10), b"0123")
    await received(gate, path)

    gate.app[CONTEXT].draining.set()

    status, headers = await line.answer()
    assert (status, headers["Upload-Offset"], headers["Connection"]) == (503, "4", "close")
    assert "Retry-After" in headers
    assert await gate.offset(path) == 4
    for ask in (
        gate.append(path, 4, b"456789"),
        gate.ask("POST", "/files/", {"Upload-Length": "1"}),
    ):
        async with ask as answer:
            assert answer.status == 503
            assert answer.headers["Connection"] == "close"
            assert "Retry-After" in answer.headers
    async with gate.ask("GET", "/readyz") as ready:
        assert ready.status == 503
    await line.cut()


async def test_a_long_body_is_committed_on_its_way(tmp_path):
    async with gateway(tmp_path, paced(commit_bytes=1 * MIB)) as gate:
        path = await gate.created(8 * MIB)
        line = await gate.dial()

        await line.say("PATCH", path, patch(0, 8 * MIB), b"x" * (5 * MIB))

        await until(lambda: gate.store.uploads[id_of(path)].offset >= 2 * MIB)
        await line.cut()


@pytest.mark.holds("tus:checksum-discarded")
async def test_a_body_that_counts_only_as_a_whole_is_not(tmp_path):
    async with gateway(tmp_path, paced(commit_bytes=1)) as gate:
        data = b"x" * (4 * MIB)
        path = await gate.created(len(data))
        wrong = {"Upload-Checksum": "sha1 " + base64.b64encode(b"\0" * 20).decode()}

        async with gate.append(path, 0, data, wrong) as answer:
            assert answer.status == 460

        assert await gate.offset(path) == 0


@pytest.mark.holds("tus:core-store-most")
async def test_a_full_disk_keeps_what_was_written_before(gate):
    path = await gate.created(8 * MIB)
    line = await gate.dial()
    await line.say("PATCH", path, patch(0, 8 * MIB), b"x" * (5 * MIB))
    await until(lambda: gate.store.hops >= 2)
    await received(gate, path)

    gate.store.full = True
    await line.send(b"x" * (3 * MIB))

    status, headers = await line.answer()
    assert status == 507
    assert "Retry-After" in headers
    assert await gate.offset(path) >= 2 * MIB
    await line.cut()


async def test_a_disk_that_fails_is_noticed_while_the_sender_is_silent(gate):
    path = await gate.created(8 * MIB)
    gate.store.may_write.clear()
    line = await gate.dial()
    await line.say("PATCH", path, patch(0, 8 * MIB), b"x" * (5 * MIB // 2))
    await until(lambda: gate.store.hops)
    gate.store.full = True

    gate.store.may_write.set()

    assert (await line.answer())[0] == 507
    await line.cut()


@pytest.mark.holds("titip:head-never-5xx")
async def test_head_never_answers_that_the_fault_is_ours(gate):
    path = await gate.created(10, b"01234")

    gate.store.broken = True
    async with gate.ask("HEAD", path) as head:
        assert head.status == 423
    async with gate.append(path, 5, b"x") as append:
        assert append.status == 503
    async with gate.ask("POST", path, {"X-HTTP-Method-Override": "HEAD"}) as overridden:
        assert overridden.status == 423

    assert "Upload-Offset" not in head.headers
    assert head.headers["Tus-Resumable"] == "1.0.0"


@pytest.mark.holds("titip:head-never-5xx")
async def test_even_a_fault_nobody_thought_of_spares_head(gate, monkeypatch):
    path = await gate.created(10)

    async def find(_upload):
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(gate.store, "find", find)
    async with gate.ask("HEAD", path) as head:
        assert head.status == 423
    async with gate.append(path, 0, b"x") as append:
        assert append.status == 500
        assert "secret" not in await append.text()


@pytest.mark.holds("tus:with-upload-continue")
async def test_a_body_is_invited_only_when_it_is_wanted(gate):
    path = await gate.created(4)
    line = await gate.dial()

    await line.say("PATCH", path, {**patch(0, 4), "Expect": "100-continue"})

    assert (await line.answer())[0] == 100
    await line.send(b"0123")
    assert (await line.answer())[0] == 204
    await line.say("PATCH", path, {**patch(9, 4), "Expect": "100-continue"})
    status, headers = await line.answer()
    assert (status, headers["Connection"]) == (409, "close")
    await line.cut()


@pytest.mark.holds("titip:refused-body-closes")
async def test_a_large_body_that_is_refused_closes_the_connection(gate):
    path = await gate.created(MIB)
    line = await gate.dial()

    await line.say("PATCH", path, patch(5, MIB))

    status, headers = await line.answer()
    assert (status, headers["Connection"]) == (409, "close")
    await line.cut()


async def test_a_small_body_that_is_refused_does_not(gate):
    path = await gate.created(10)
    line = await gate.dial()

    await line.say("PATCH", path, patch(5, 5), b"01234")
    status, headers = await line.answer()
    size = int(headers["Content-Length"])
    await line.reader.readexactly(size)
    await line.say("HEAD", path, {})

    assert (status, headers.get("Connection")) == (409, None)
    assert (await line.answer())[0] == 200
    await line.cut()


async def test_many_tiny_pieces_are_taken_in_whole(gate):
    data = bytes(range(256)) * 20
    path = await gate.created(len(data))

    async def pieces():
        for byte in data:
            yield bytes([byte])

    async with asyncio.timeout(BOUND * 3), gate.append(path, 0, pieces()) as answer:
        assert answer.status == 204

    assert gate.kept(path) == data

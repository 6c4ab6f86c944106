"""Who goes on with an upload, and what is kept, when lines go dead, break, or are there twice.

The real gateway over the real store, with a bad line between it and its senders.
"""

import asyncio
import base64
import hashlib
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random

import pytest
from aiohttp import ClientError

from gateway.context import CONTEXT
from gateway.ingest.min_rate import Pace
from gateway.options import GatewayOptions
from gateway.uploads import routes
from tests.concat_fixtures import RealDoor, opened_door
from tests.fault_proxy import (
    CutAfter,
    Duplicate,
    FaultProxy,
    HalfClose,
    LoseAnswer,
    Reset,
    Stall,
    Through,
    Way,
    fault_proxy,
)
from tests.gateway_fixtures import BYTES, Line, id_of
from tests.waiting import BOUND, until
from titip.upload import UploadState

KIB, MIB = 1 << 10, 1 << 20
DATA = Random(11).randbytes(300_000)
PACE = Pace(idle=3 * BOUND)
"""What is dead is not found out by its silence."""

CUTS = (0, 1, 2, 4095, 65_536, 131_071, 262_144, 262_145, 299_999, 300_000)


@dataclass
class World:
    """A gateway, and the line that leads to it."""

    door: RealDoor
    proxy: FaultProxy

    def holder(self, path):
        return self.door.app[CONTEXT].locks.holder(id_of(path))

    async def dial(self):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.proxy.port)
        self.door.lines.append(Line(reader, writer, self.door.lo))
        return self.door.lines[-1]

    def append(self, path, offset, body, headers=None):
        """Send a PATCH over a line of its own, through the proxy."""
        sent = {"Connection": "close", **(headers or {})}
        return self.door.append(self.proxy.url + path, offset, body, sent)

    async def patching(self, path, data, fault, headers=None, *, after=0):
        """Send one PATCH over a line with that fault, which strikes so far into the body."""
        line = await self.dial()
        told = {**BYTES, "Upload-Offset": "0", **(headers or {})}
        if "Transfer-Encoding" not in told:
            told["Content-Length"] = str(len(data))
        head = _size_of_head(path, {**line.token, **told})
        kept = {"rate": fault.rate, "delay": fault.delay}
        self.proxy.plan(type(fault)(head + after, **kept))
        line.writer.transport.set_write_buffer_limits(1 << 30)
        await line.say("PATCH", path, told, data)
        return line

    async def struck(self, times=1):
        await until(lambda: self.proxy.struck >= times)

    async def kept(self, path):
        """Give the committed bytes."""
        upload = await self.door.store.find(id_of(path))
        assert upload is not None
        assert self.door.house is not None
        if upload.offset == 0:
            return b""
        return self.door.house.spool.path(id_of(path)).read_bytes()[: upload.offset]

    async def fell_silent(self, path):
        """Wait until the gateway has read all that will ever come over a stalled line."""
        now = asyncio.get_running_loop().time
        await self.struck()
        await until(lambda: (hold := self.holder(path)) and hold.silent_for(now()) > 0.05)

    async def comes_to(self, path, size):
        """Wait until nobody holds the upload and so many bytes are committed."""

        async def has_come():
            return self.holder(path) is None and await self.door.offset(path) == size

        await until(has_come)

    async def is_let_go(self, path):
        await until(lambda: self.holder(path) is None)


def _size_of_head(path, headers):
    sent = {"Host": "titip", "Tus-Resumable": "1.0.0", **headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
    return len(f"PATCH {path} HTTP/1.1\r\n{lines}\r\n")


@asynccontextmanager
async def opened_world(root, pace=PACE):
    async with (
        opened_door(root, GatewayOptions(reserve=0, pace=pace)) as door,
        fault_proxy(door.port) as proxy,
    ):
        yield World(door, proxy)
        for line in door.lines:
            line.writer.transport.abort()


@pytest.fixture
async def world(tmp_path):
    async with opened_world(tmp_path) as running:
        yield running


@pytest.mark.holds("titip:takeover", "titip:takeover-saves")
async def test_a_half_open_request_is_taken_over_from_within_a_second(world):
    now = asyncio.get_running_loop().time
    data = Random(1).randbytes(8 * MIB)
    path = await world.door.created(len(data))
    came = 5 * MIB + 12_345
    await world.patching(path, data, Stall(0), after=came)
    await world.fell_silent(path)

    begun = now()
    async with world.append(path, came, data[came:]) as answer:
        elapsed = now() - begun
        assert (answer.status, answer.headers["Upload-Offset"]) == (204, str(len(data)))

    assert elapsed < 1
    assert await world.kept(path) == data
    assert not world.proxy.crossings[0].ended.is_set()


@pytest.mark.holds("titip:takeover", "titip:takeover-saves")
async def test_a_newcomer_that_knows_no_offset_is_told_within_a_second(world):
    now = asyncio.get_running_loop().time
    path = await world.door.created(len(DATA))
    await world.patching(path, DATA, Stall(0), after=200_000)
    await world.fell_silent(path)

    begun = now()
    async with world.append(path, 0, DATA) as early:
        assert (early.status, early.headers["Upload-Offset"]) == (409, "200000")
    async with world.append(path, 200_000, DATA[200_000:]) as resumed:
        assert resumed.status == 204

    assert now() - begun < 1
    assert await world.kept(path) == DATA


@pytest.mark.holds("titip:takeover", "titip:takeover-saves")
async def test_a_newcomer_that_asks_with_head_first_has_taken_over_within_a_second(world):
    now = asyncio.get_running_loop().time
    path = await world.door.created(len(DATA))
    await world.patching(path, DATA, Stall(0), after=200_000)
    await world.fell_silent(path)

    begun = now()
    async with world.door.ask("HEAD", world.proxy.url + path, {"Connection": "close"}) as head:
        offset = int(head.headers["Upload-Offset"])
    async with world.append(path, offset, DATA[offset:]) as resumed:
        assert resumed.status == 204

    elapsed = now() - begun
    assert offset == 200_000
    assert elapsed < 1
    assert await world.kept(path) == DATA


@pytest.mark.holds("titip:takeover", "titip:takeover-saves")
async def test_a_slow_request_is_taken_over_from_too_and_told(world):
    now = asyncio.get_running_loop().time
    path = await world.door.created(len(DATA))
    slow = await world.patching(path, DATA, CutAfter(0, rate=100 * KIB), after=len(DATA))
    await until(lambda: (hold := world.holder(path)) and hold.waiting_since)

    begun = now()
    async with world.append(path, len(DATA), b"") as early:
        elapsed = now() - begun
        saved = int(early.headers["Upload-Offset"])
        assert early.status == 409

    assert elapsed < 1
    assert 0 < saved < len(DATA)
    status, told = await slow.answer()
    assert (status, told["Upload-Offset"]) == (423, str(saved))
    assert await world.kept(path) == DATA[:saved]


@pytest.mark.holds("titip:takeover")
async def test_the_silence_of_a_dead_line_is_counted_from_its_last_byte(tmp_path):
    async with opened_world(tmp_path, Pace(flush=0.4)) as world:
        now = asyncio.get_running_loop().time
        path = await world.door.created(len(DATA))
        await world.patching(path, DATA, Stall(0), after=1000)
        await world.struck()

        begun = now()
        await until(lambda: (hold := world.holder(path)) and hold.silent_for(now()) > 0.6)

        assert now() - begun < 0.9


@pytest.mark.holds("titip:head-harmless")
async def test_heads_during_a_patch_tell_the_committed_offset_and_harm_nothing(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(routes, "SILENCE", 0.25)
    async with opened_world(tmp_path, Pace(commit_bytes=1, flush=0.02)) as world:
        path = await world.door.created(len(DATA))
        world.proxy.plan(Through(rate=300_000))
        line = await world.dial()
        headers = {**BYTES, "Upload-Offset": "0", "Content-Length": str(len(DATA))}
        sending = asyncio.create_task(line.say("PATCH", path, headers, DATA))

        told = [0]
        while told[-1] < len(DATA):
            told.append(await world.door.offset(path))
            kept = await world.kept(path)
            assert kept == DATA[: len(kept)]
            assert told[-1] <= len(kept)

        await sending
        assert (await line.answer())[0] == 204
        assert told == sorted(told)
        assert len(set(told)) > 2


@pytest.mark.holds("titip:race-safe")
@pytest.mark.parametrize("seed", range(4))
async def test_two_senders_of_one_upload_never_spoil_it(world, seed):
    rng = Random(seed)
    path = await world.door.created(len(DATA))
    world.proxy.plan(
        *(rng.choice((CutAfter, Reset, HalfClose))(rng.randrange(60_000)) for _ in range(6)),
        Duplicate(),
    )

    async def send(rng):
        offset = 0
        while offset < len(DATA):
            size = rng.choice((1, 1000, 50_000, len(DATA)))
            try:
                async with world.append(path, offset, DATA[offset : offset + size]) as answer:
                    assert answer.status in {204, 400, 403, 409, 423}, await answer.text()
            except (ClientError, ConnectionError):
                pass
            offset = await world.door.offset(path)

    async with asyncio.timeout(2 * BOUND):
        await asyncio.gather(send(Random(seed + 100)), send(Random(seed + 200)))

    upload = await world.door.store.find(id_of(path))
    assert upload.state is UploadState.SEALED
    assert upload.sha256 == hashlib.sha256(DATA).hexdigest()
    assert await world.kept(path) == DATA
    async with world.door.ask("GET", f"/api/uploads/{upload.id}") as told:
        assert len((await told.json())["deliveries"]) == 2


@pytest.mark.holds("titip:cut-keeps")
@pytest.mark.parametrize("fault", [CutAfter, HalfClose])
async def test_a_cut_at_any_byte_keeps_all_that_came(world, fault):
    for number, cut in enumerate(CUTS, 1):
        path = await world.door.created(len(DATA))

        line = await world.patching(path, DATA, fault(0), after=cut)
        await world.struck(number)

        await world.comes_to(path, cut)
        assert await world.kept(path) == DATA[:cut]
        line.writer.transport.abort()


@pytest.mark.holds("titip:cut-keeps")
async def test_a_reset_at_any_byte_keeps_a_prefix_that_can_be_gone_on_with(world):
    for number, cut in enumerate(CUTS, 1):
        path = await world.door.created(len(DATA))

        await world.patching(path, DATA, Reset(0), after=cut)
        await world.struck(number)
        offset = await world.door.offset(path)
        kept = await world.kept(path)

        assert offset <= cut
        assert kept == DATA[: len(kept)]
        if len(kept) < len(DATA):
            await world.is_let_go(path)
            offset = await world.door.offset(path)
            async with world.append(path, offset, DATA[offset:]) as answer:
                assert answer.status == 204
        assert await world.kept(path) == DATA


@pytest.mark.holds("tus:checksum-cut", "tus:checksum-discarded")
@pytest.mark.parametrize("fault", [CutAfter, Reset, HalfClose])
async def test_a_cut_of_a_body_with_a_checksum_keeps_all_or_nothing(world, fault):
    told = base64.b64encode(hashlib.sha256(DATA).digest()).decode()
    for number, cut in enumerate((1, 150_000, 299_999, 300_000), 1):
        path = await world.door.created(len(DATA))

        await world.patching(path, DATA, fault(0), {"Upload-Checksum": f"sha256 {told}"}, after=cut)
        await world.struck(number)
        await world.is_let_go(path)

        offset = await world.door.offset(path)
        assert offset in ({0, cut} if cut == len(DATA) else {0})
        assert await world.kept(path) == DATA[:offset]


@pytest.mark.holds("titip:cut-keeps")
async def test_a_cut_anywhere_in_a_chunked_body_keeps_what_its_chunks_brought(world):
    sizes = (1, 1000, 70_000, 128_999, 100_000)
    wire, brought, at = b"", [], 0
    for size in sizes:
        head = b"%x\r\n" % size
        brought += [at] * len(head) + [at + n for n in range(1, size + 1)]
        at += size
        brought += [at] * 2
        wire += head + DATA[at - size : at] + b"\r\n"
    cuts = (1, 2, 3, 4, 5, 8, 500, 1009, 1010, 1012, 71_000, 200_020, len(wire) - 1)

    for number, cut in enumerate(cuts, 1):
        path = await world.door.created(len(DATA) + 1)
        await world.patching(path, wire, CutAfter(0), {"Transfer-Encoding": "chunked"}, after=cut)
        await world.struck(number)

        expected = brought[cut - 1]
        await world.comes_to(path, expected)
        assert await world.kept(path) == DATA[:expected]


async def test_a_cut_in_the_head_begins_nothing(world):
    path = await world.door.created(len(DATA))

    for number, cut in enumerate((1, 50, 100), 1):
        await world.patching(path, DATA, CutAfter(0), after=-cut)
        await world.struck(number)

    await until(lambda: world.door.app[CONTEXT].connections.number <= 1)
    assert world.holder(path) is None
    assert await world.door.offset(path) == 0


async def test_a_lost_answer_loses_no_byte(world):
    path = await world.door.created(len(DATA))
    world.proxy.plan(LoseAnswer())

    with pytest.raises((ClientError, ConnectionError)):
        async with world.append(path, 0, DATA):
            pass

    assert await world.door.offset(path) == len(DATA)
    assert await world.kept(path) == DATA


async def test_a_sender_that_closes_its_half_after_its_request_is_answered(world):
    path = await world.door.created(len(DATA))

    line = await world.patching(path, DATA, HalfClose(0), after=len(DATA))

    status, headers = await line.answer()
    assert (status, headers["Upload-Offset"]) == (204, str(len(DATA)))
    await line.closed()


@pytest.mark.holds("titip:race-safe")
async def test_a_request_that_comes_twice_at_once_is_taken_once(world):
    path = await world.door.created(len(DATA))
    world.proxy.plan(Duplicate())

    async with world.append(path, 0, DATA) as answer:
        assert answer.status in {204, 403, 409, 423}
    crossing = world.proxy.crossings[0]
    await until(lambda: crossing.twin_answer)
    await world.is_let_go(path)

    statuses = {answer.status, int(crossing.twin_answer.split()[1])}
    offset = await world.door.offset(path)
    assert await world.kept(path) == DATA[:offset]
    assert offset == len(DATA) or 204 not in statuses


@pytest.mark.holds("titip:key-once")
async def test_a_creation_that_comes_twice_at_once_begins_one_upload(world):
    world.proxy.plan(Duplicate())
    headers = {"Upload-Length": "6", "Idempotency-Key": '"once"', **BYTES, "Connection": "close"}

    async with world.door.ask("POST", world.proxy.url + "/files/", headers, body=b"papers") as one:
        assert one.status == 201
    crossing = world.proxy.crossings[0]
    await until(lambda: b"\r\n\r\n" in crossing.twin_answer)

    path = one.headers["Location"].removeprefix(world.proxy.url)
    assert path.encode() in crossing.twin_answer
    assert await world.door.offset(path) == 6


async def test_a_stalled_answer_holds_up_nobody_else(world):
    path = await world.door.created(len(DATA))
    world.proxy.plan(Stall(0, way=Way.DOWN))
    sending = asyncio.create_task(_send_and_wait(world, path))
    await world.struck()

    assert await world.door.offset(path) == len(DATA)

    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)


async def _send_and_wait(world, path):
    async with world.append(path, 0, DATA):
        pass

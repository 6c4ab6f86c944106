"""The bad line does what it was told to, and nothing else."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from tests.fault_proxy import (
    CutAfter,
    Duplicate,
    HalfClose,
    LoseAnswer,
    Reset,
    Stall,
    Through,
    Way,
    fault_proxy,
)
from tests.waiting import BOUND, until

ASK, ANSWER = b"x" * 200_000, b"y" * 200_000


class Far:
    """The far end: keeps what each connection brought, and how it ended."""

    def __init__(self):
        self.heard = []
        self.endings = []
        self.answer_after = len(ASK)

    async def serve(self, reader, writer):
        heard = bytearray()
        self.heard.append(heard)
        try:
            while piece := await reader.read(1 << 16):
                heard += piece
                if len(heard) == self.answer_after:
                    writer.write(ANSWER)
                    await writer.drain()
            self.endings.append("end")
        except ConnectionError:
            self.endings.append("reset")
        writer.close()


@asynccontextmanager
async def lines(**how):
    """Give the proxy, its far end, and a way to dial it."""
    far, dialled = Far(), []
    server = await asyncio.start_server(far.serve, "127.0.0.1", 0)
    async with fault_proxy(server.sockets[0].getsockname()[1], **how) as proxy:

        async def dial(said=ASK):
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
            dialled.append(writer)
            writer.write(said)
            await writer.drain()
            return reader, writer

        try:
            yield proxy, far, dial
        finally:
            for writer in dialled:
                writer.transport.abort()
            server.close()


async def heard_of(reader, count):
    async with asyncio.timeout(BOUND):
        return await reader.readexactly(count)


async def ending_of(reader):
    """Tell what came, and how it ended."""
    heard = b""
    try:
        async with asyncio.timeout(BOUND):
            while piece := await reader.read(1 << 16):
                heard += piece
    except ConnectionError:
        return heard, "reset"
    return heard, "end"


async def test_all_passes_and_is_counted():
    async with lines() as (proxy, far, dial):
        reader, writer = await dial()

        assert await heard_of(reader, len(ANSWER)) == ANSWER
        writer.write_eof()

        assert await ending_of(reader) == (b"", "end")
        assert far.heard == [ASK]
        assert [(one.up, one.down) for one in proxy.crossings] == [(len(ASK), len(ANSWER))]


async def test_connections_take_the_plans_in_order_and_then_pass():
    async with lines() as (proxy, far, dial):
        proxy.plan(CutAfter(70_000), CutAfter(0))

        for _ in range(2):
            reader, _writer = await dial()
            assert await ending_of(reader) == (b"", "reset")
        reader, _writer = await dial()
        assert await heard_of(reader, len(ANSWER)) == ANSWER

        assert [one.up for one in proxy.crossings] == [70_000, 0, len(ASK)]
        assert [len(heard) for heard in far.heard] == [70_000, 0, len(ASK)]
        assert far.endings == ["end", "end"]


async def test_a_plan_that_found_no_occasion_waits_for_the_next_connection():
    async with lines() as (proxy, _far, dial):
        proxy.plan(CutAfter(100))
        silent, short = await dial(b""), await dial(b"short")
        for _reader, writer in (silent, short):
            writer.write_eof()
            await ending_of(_reader)

        reader, _writer = await dial()

        assert await ending_of(reader) == (b"", "reset")
        assert [one.up for one in proxy.crossings] == [5, 100]
        assert proxy.struck == 1


async def test_an_answer_is_cut_at_its_byte():
    async with lines() as (proxy, far, dial):
        proxy.plan(CutAfter(1000, way=Way.DOWN))
        reader, _writer = await dial()

        assert await ending_of(reader) == (ANSWER[:1000], "end")
        await until(lambda: far.endings == ["reset"])


async def test_a_reset_reaches_both_ends():
    async with lines() as (proxy, far, dial):
        proxy.plan(Reset(1000))
        reader, _writer = await dial()

        assert await ending_of(reader) == (b"", "reset")
        await until(lambda: far.endings == ["reset"])


@pytest.mark.parametrize(
    ("fault", "up", "down"),
    [
        (Stall(1000), 1000, 0),
        (Stall(1000, way=Way.DOWN), len(ASK), 1000),
    ],
)
async def test_a_stalled_line_tells_neither_end_what_the_other_does(fault, up, down):
    async with lines() as (proxy, far, dial):
        proxy.plan(fault)
        _reader, writer = await dial()
        await until(lambda: proxy.struck)

        writer.transport.abort()

        with pytest.raises(TimeoutError):
            await until(lambda: far.endings, within=0.1)
        assert (proxy.crossings[0].up, proxy.crossings[0].down) == (up, down)
        assert len(far.heard[0]) == up
        assert not proxy.crossings[0].ended.is_set()


async def test_a_line_closed_on_one_side_goes_on_the_other_way():
    async with lines() as (proxy, far, dial):
        far.answer_after = 1000
        proxy.plan(HalfClose(1000))
        reader, _writer = await dial()

        assert await heard_of(reader, len(ANSWER)) == ANSWER
        assert far.endings == ["end"]
        assert proxy.crossings[0].up == 1000


async def test_an_answer_is_lost_once_the_question_went_through():
    async with lines() as (proxy, far, dial):
        proxy.plan(LoseAnswer())
        reader, _writer = await dial()

        assert await ending_of(reader) == (b"", "reset")
        assert far.heard == [ASK]


async def test_answers_before_the_one_to_be_lost_pass_and_so_do_interim_ones():
    interim, final = b"HTTP/1.1 104 Go on\r\nA: b\r\n\r\n", b"HTTP/1.1 201 Created\r\n\r\n"
    said = []

    async def serve(reader, writer):
        for answer in (final, interim, interim + final):
            said.append(await reader.read(1 << 16))
            writer.write(answer)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with fault_proxy(server.sockets[0].getsockname()[1]) as proxy:
        proxy.plan(LoseAnswer(1))
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        for answer in (final, interim):
            writer.write(b"?")
            assert await heard_of(reader, len(answer)) == answer
        writer.write(b"?")

        assert await ending_of(reader) == (interim, "reset")
        assert said == [b"?"] * 3
    server.close()


async def test_a_duplicate_sends_the_same_bytes_twice_and_keeps_its_answer():
    async with lines() as (proxy, far, dial):
        proxy.plan(Duplicate())
        reader, writer = await dial()

        assert await heard_of(reader, len(ANSWER)) == ANSWER
        await until(lambda: proxy.crossings[0].twin_answer == ANSWER)
        writer.write_eof()

        assert await ending_of(reader) == (b"", "end")
        assert far.heard == [ASK, ASK]
        await until(lambda: far.endings == ["end", "end"])


async def test_a_throttled_line_takes_its_time_and_loses_nothing():
    loop = asyncio.get_running_loop()
    async with lines(always=Through(rate=1_000_000)) as (_proxy, far, dial):
        begun = loop.time()
        reader, _writer = await dial()

        assert await heard_of(reader, len(ANSWER)) == ANSWER
        assert loop.time() - begun >= 0.4
        assert far.heard == [ASK]


async def test_a_late_line_delays_every_piece():
    loop = asyncio.get_running_loop()
    async with lines() as (proxy, far, dial):
        far.answer_after = 1
        proxy.plan(Through(delay=0.05))
        begun = loop.time()
        reader, _writer = await dial(b"?")

        assert await heard_of(reader, 1) == b"y"
        assert loop.time() - begun >= 0.1


async def test_a_dead_far_end_resets_the_near_one():
    async with fault_proxy(1) as proxy:
        reader, _writer = await asyncio.open_connection("127.0.0.1", proxy.port)

        assert await ending_of(reader) == (b"", "reset")
        _writer.close()

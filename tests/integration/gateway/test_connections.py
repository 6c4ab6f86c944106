"""Connections and bodies that would take a place away from others."""

import asyncio
from dataclasses import replace

import pytest

from gateway.context import CONTEXT
from gateway.ingest.min_rate import Pace
from gateway.options import GatewayOptions
from gateway.transport.connection_limits import ConnectionLimits
from tests.gateway_fixtures import BYTES, TUS, gateway
from tests.waiting import until

LIMITS = ConnectionLimits(head_timeout=0.1)


def limited(**limits):
    return GatewayOptions(connections=replace(LIMITS, **limits))


def closed_because(gate, reason):
    counter = gate.app[CONTEXT].metrics.connections_closed.labels(reason=reason)
    return next(iter(counter.collect())).samples[0].value


async def test_a_head_that_trickles_in_is_cut(tmp_path):
    async with gateway(tmp_path, limited()) as gate:
        line = await gate.dial()
        await line.send(b"GET /livez HTTP/1.1\r\nHost: ti")

        await line.closed()

        assert closed_because(gate, "slow_head") == 1


async def test_a_connection_that_never_says_a_word_is_cut(tmp_path):
    async with gateway(tmp_path, limited()) as gate:
        line = await gate.dial()

        await line.closed()

        assert closed_because(gate, "slow_head") == 1


async def test_a_second_head_that_trickles_in_is_cut_too(tmp_path):
    async with gateway(tmp_path, limited()) as gate:
        line = await gate.dial()
        await line.say("OPTIONS", "/files/", {})
        assert (await line.answer())[0] == 200
        await line.send(b"GET /livez")

        await line.closed()

        assert closed_because(gate, "slow_head") == 1


async def test_a_connection_at_rest_and_a_slow_body_are_no_slow_heads(tmp_path):
    async with gateway(tmp_path, limited()) as gate:
        resting, sending = await gate.dial(), await gate.dial()
        await resting.say("OPTIONS", "/files/", {})
        await resting.answer()
        headers = {"Upload-Length": "9", "Content-Length": "9", **BYTES}
        await sending.say("POST", "/files/", headers, b"four")
        quiet = await gate.dial()
        await quiet.closed()  # the sweep that cut this one looked at the others as well

        await sending.send(b" more")
        await resting.say("OPTIONS", "/files/", {})

        assert (await sending.answer())[0] == 201
        assert (await resting.answer())[0] == 200


@pytest.mark.holds("titip:heads-fit")
async def test_a_head_without_an_end_is_refused_before_it_fills_the_memory(tmp_path):
    async with gateway(tmp_path, limited(head_bytes=64 << 10, head_timeout=10)) as gate:
        line = await gate.dial()
        await line.send(b"GET /livez HTTP/1.1\r\n")
        for number in range(100):
            await line.send(b"X-%d: %s\r\n" % (number, b"x" * 1000))

        status, _ = await line.answer()

        assert status == 431
        await line.closed()


async def test_a_single_header_without_an_end_is_refused(tmp_path):
    async with gateway(tmp_path, limited(head_timeout=10)) as gate:
        line = await gate.dial()
        await line.send(b"GET /livez HTTP/1.1\r\nX: " + b"x" * (80 << 10))

        status, _ = await line.answer()

        assert status in {400, 431}
        await line.closed()


async def test_at_the_limit_the_connection_idle_for_longest_makes_room(tmp_path):
    async with gateway(tmp_path, limited(most=3, head_timeout=60, quiet=0)) as gate:
        lines = [await gate.dial() for _ in range(3)]
        for line in lines:
            await line.say("OPTIONS", "/files/", {})
            await line.answer()

        newcomer = await gate.dial()
        await newcomer.say("OPTIONS", "/files/", {})

        assert (await newcomer.answer())[0] == 200
        await lines[0].closed()
        await lines[2].say("OPTIONS", "/files/", {})
        assert (await lines[2].answer())[0] == 200


async def test_where_all_are_busy_a_newcomer_is_told_to_come_again(tmp_path):
    async with gateway(tmp_path, limited(most=1)) as gate:
        busy = await gate.dial()
        headers = {"Upload-Length": "9", "Content-Length": "9", **BYTES}
        await busy.say("POST", "/files/", headers, b"four")
        await until(lambda: len(gate.app[CONTEXT].locks) == 1)
        newcomer = await gate.dial()

        status, told = await newcomer.answer()

        assert (status, told["Retry-After"]) == (503, "5")
        await newcomer.closed()
        await busy.send(b" more")
        assert (await busy.answer())[0] == 201


async def test_a_place_that_was_left_is_taken_again(tmp_path):
    async with gateway(tmp_path, limited(most=1)) as gate:
        for _ in range(3):
            line = await gate.dial()
            await line.say("OPTIONS", "/files/", {})
            assert (await line.answer())[0] == 200
            await line.cut()
            await until(lambda: gate.app[CONTEXT].connections.number == 0)


async def test_a_body_without_a_descriptor_left_is_told_to_come_again(tmp_path):
    async with gateway(tmp_path, limited(descriptors=2)) as gate:
        line = await gate.dial()
        headers = {"Upload-Length": "4", "Content-Length": "4", **BYTES}
        await line.say("POST", "/files/", headers, b"four")

        assert (await line.answer())[0] == 503


@pytest.mark.holds("tus:core-timeouts", "draft:security-slow")
async def test_a_body_that_trickles_ends_as_silent_and_keeps_what_came(tmp_path):
    pace = Pace(min_rate=1000, rate_window=0.05)
    async with gateway(tmp_path, GatewayOptions(pace=pace)) as gate:
        path = await gate.created(2000)
        line = await gate.dial()
        headers = {"Upload-Offset": "0", "Content-Length": "2000", **BYTES, **TUS}
        await line.say("PATCH", path, headers, b"a few")
        until_cut = asyncio.ensure_future(line.answer())
        sent = 5
        while not until_cut.done():
            await asyncio.wait({until_cut}, timeout=0.02)
            await line.send(b"x")
            sent += 1

        status, told = await until_cut

        assert status == 503
        assert 5 <= int(told["Upload-Offset"]) <= sent
        assert await gate.offset(path) == int(told["Upload-Offset"])


async def test_what_a_slow_sender_brought_does_not_wait_in_memory(tmp_path):
    async with gateway(tmp_path, GatewayOptions(pace=Pace(flush=0.01))) as gate:
        path = await gate.created(1000)
        line = await gate.dial()
        headers = {"Upload-Offset": "0", "Content-Length": "1000", **BYTES, **TUS}

        hops = gate.store.hops
        await line.say("PATCH", path, headers, b"a few")

        await until(lambda: gate.store.hops == hops + 1)


@pytest.mark.holds("draft:security-slow")
async def test_a_thousand_creations_without_a_byte_are_bounded_for_each_submitter(tmp_path):
    async with gateway(tmp_path, GatewayOptions(max_open_uploads=10)) as gate:
        answers = []
        for _ in range(20):
            async with gate.ask("POST", "/files/", {"Upload-Length": "5"}) as answer:
                answers.append((answer.status, answer.headers.get("Retry-After")))

        assert answers == [(201, None)] * 10 + [(429, "60")] * 10
        await gate.created(5, of=gate.stranger)


async def test_whole_files_are_not_counted_as_unfinished(tmp_path):
    async with gateway(tmp_path, GatewayOptions(max_open_uploads=2)) as gate:
        for _ in range(5):
            await gate.created(3, b"abc")


async def test_a_place_for_an_unfinished_upload_is_free_once_one_was_ended(tmp_path):
    async with gateway(tmp_path, GatewayOptions(max_open_uploads=1)) as gate:
        path = await gate.created(5)
        async with gate.ask("DELETE", path) as answer:
            assert answer.status == 204

        await gate.created(5)


@pytest.mark.parametrize(
    ("bodies", "batch"), [(0, 1 << 20), (128, 1 << 20), (256, 1 << 19), (10_000, 64 << 10)]
)
def test_the_more_bodies_there_are_the_smaller_their_batches(bodies, batch):
    assert Pace().batch_among(bodies) == batch

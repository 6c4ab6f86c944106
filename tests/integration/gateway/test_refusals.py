"""Refusals that the fuzz of heads and the two senders found wanting, one by one."""

from dataclasses import replace

import pytest

from gateway.ingest.min_rate import Pace
from gateway.options import GatewayOptions
from tests.gateway_fixtures import BYTES, gateway
from titip.upload import UploadState

SMALL_STEPS = replace(Pace(), batch=4, least=4, flush=0, commit_bytes=4)


@pytest.fixture
async def gate(tmp_path):
    async with gateway(tmp_path, GatewayOptions(pace=SMALL_STEPS)) as running:
        yield running


@pytest.mark.parametrize("path", ["/files", "/files/"])
@pytest.mark.parametrize("method", ["PATCH", "HEAD", "DELETE"])
async def test_what_needs_an_upload_is_refused_at_the_address_of_all(gate, path, method):
    headers = {**BYTES, "Upload-Offset": "0"}

    async with gate.ask(method, path, headers) as answer:
        assert answer.status == 405
        assert "POST" in answer.headers["Allow"]


async def test_an_empty_body_is_compared_with_its_checksum_too(gate):
    path = await gate.created(4)
    headers = {"Upload-Checksum": "sha1 " + "A" * 27 + "="}

    async with gate.append(path, 0, b"", headers) as answer:
        assert answer.status == 460

    right = {"Upload-Checksum": "sha1 2jmj7l5rSw0yVb/vlWAYkK/YBwk="}
    async with gate.append(path, 0, b"", right) as answer:
        assert answer.status == 204


async def test_a_creation_that_turns_out_too_long_leaves_nothing_of_what_was_committed(
    gate,
):
    line = await gate.dial()
    headers = {**BYTES, "Upload-Length": "10", "Transfer-Encoding": "chunked"}
    await line.say("POST", "/files/", headers)
    for _ in range(3):
        await line.send(b"4\r\n0123\r\n")

    assert (await line.answer())[0] == 413
    assert all(one.state is UploadState.TERMINATED for one in gate.store.uploads.values())
    assert not any(gate.store.spool.values())

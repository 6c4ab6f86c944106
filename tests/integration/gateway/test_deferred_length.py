"""Uploads whose length their sender tells only later (tus: creation-defer-length)."""

import pytest

from gateway import admission
from gateway.ingest.min_rate import Pace
from gateway.options import GatewayOptions
from tests.gateway_fixtures import BYTES, gateway
from tests.waiting import until
from titip.upload import UploadState

OPEN_ENDED = {"Upload-Defer-Length": "1"}


async def begun(titip, body=None):
    headers = {**OPEN_ENDED, **(BYTES if body else {})}
    async with titip.ask("POST", "/files/", headers, body=body) as answer:
        assert answer.status == 201, await answer.text()
        return answer.headers["Location"].removeprefix(titip.url)


@pytest.mark.holds("tus:defer-omitted", "tus:defer-head", "tus:defer-measured", "tus:defer-value")
async def test_a_length_left_open_is_told_by_the_patch_that_knows_it(tmp_path):
    async with gateway(tmp_path) as titip:
        path = await begun(titip)
        async with titip.ask("HEAD", path) as before:
            pass
        async with titip.append(path, 0, b"abc"):
            pass
        async with titip.append(path, 3, b"de", {"Upload-Length": "6"}) as measured:
            assert measured.status == 204
        async with titip.ask("HEAD", path) as after:
            pass
        async with titip.append(path, 5, b"f") as last:
            proof = last.headers["Repr-Digest"]

        assert before.headers["Upload-Defer-Length"] == "1"
        assert "Upload-Length" not in before.headers
        assert "Upload-Defer-Length" not in after.headers
        assert (after.headers["Upload-Length"], after.headers["Upload-Offset"]) == ("6", "5")
        assert proof.startswith("sha-256=:")
        assert titip.kept(path) == b"abcdef"


@pytest.mark.holds("tus:defer-measured")
async def test_a_length_told_without_bytes_seals_what_is_whole(tmp_path):
    async with gateway(tmp_path) as titip:
        path = await begun(titip, b"abc")

        async with titip.append(path, 3, b"", {"Upload-Length": "3"}) as answer:
            assert answer.status == 204
            assert "Repr-Digest" in answer.headers

        assert [one.state for one in titip.store.uploads.values()] == [UploadState.SEALED]


@pytest.mark.holds("tus:defer-fixed")
async def test_a_length_is_never_told_twice_differently(tmp_path):
    async with gateway(tmp_path) as titip:
        path = await begun(titip)
        async with titip.append(path, 0, b"ab", {"Upload-Length": "4"}):
            pass

        async with titip.append(path, 2, b"c", {"Upload-Length": "5"}) as other:
            problem = await other.json()
        async with titip.append(path, 2, b"c", {"Upload-Length": "4"}) as same:
            pass

        assert (other.status, problem["type"]) == (400, "urn:titip:problem:inconsistent-length")
        assert (same.status, same.headers["Upload-Offset"]) == (204, "3")


@pytest.mark.holds("tus:defer-too-short")
async def test_a_length_below_what_is_there_is_refused(tmp_path):
    async with gateway(tmp_path) as titip:
        path = await begun(titip, b"abcd")

        async with titip.append(path, 4, b"", {"Upload-Length": "3"}) as answer:
            assert answer.status == 413

        assert await titip.offset(path) == 4


async def test_an_upload_of_open_length_may_not_grow_past_the_limit(tmp_path):
    async with gateway(tmp_path, GatewayOptions(max_upload=5)) as titip:
        path = await begun(titip)
        line = await titip.dial()
        chunked = {"Upload-Offset": "0", "Transfer-Encoding": "chunked", **BYTES}
        await line.say("PATCH", path, chunked, b"6\r\nabcdef\r\n0\r\n\r\n")
        streamed, _ = await line.answer()

        async with titip.append(path, 0, b"abcdef") as counted:
            pass
        async with titip.append(path, 0, b"a", {"Upload-Length": "6"}) as told:
            pass

        assert (streamed, counted.status, told.status) == (413, 413, 413)
        assert await titip.offset(path) == 0


async def test_a_body_that_never_tells_its_length_leaves_the_others_their_room(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(admission, "FRESH", 0.0)
    pace = Pace(batch=1 << 16, least=1 << 16)
    async with gateway(tmp_path, GatewayOptions(reserve=1 << 20, pace=pace)) as titip:
        path = await begun(titip)
        line = await titip.dial()
        chunked = {"Upload-Offset": "0", "Transfer-Encoding": "chunked", **BYTES}
        piece = b"20000\r\n" + bytes(0x20000) + b"\r\n"
        await line.say("PATCH", path, chunked, piece)
        await until(lambda: titip.store.hops)

        titip.store.free = (1 << 20) + 10
        await line.send(piece)
        status, _ = await line.answer()

        assert status == 507
        assert await titip.offset(path) > 0


async def test_a_length_that_finds_no_room_is_refused_and_nothing_is_lost(tmp_path):
    async with gateway(tmp_path, GatewayOptions(reserve=100)) as titip:
        titip.store.free = 110
        path = await begun(titip, b"ab")

        async with titip.append(path, 2, b"c", {"Upload-Length": "500"}) as answer:
            assert answer.status == 507

        assert await titip.offset(path) == 2

"""The IETF draft where two are there at once: two requests on one upload, two protocols."""

from random import Random

import pytest

from gateway.options import GatewayOptions
from gateway.uploads import offset as inspecting
from tests.gateway_fixtures import BYTES, TUS, gateway, id_of
from tests.integration.gateway.draft_fixtures import BOTH, EAGER, PACE, half_sent, last
from tests.integration.gateway.draft_line import append, begun, dial, speak
from titip.upload import UploadState


@pytest.fixture
async def gate(tmp_path):
    async with gateway(tmp_path, GatewayOptions(pace=PACE)) as running:
        yield running


@pytest.fixture
async def eager(tmp_path):
    async with gateway(tmp_path, GatewayOptions(pace=EAGER)) as running:
        yield running


# ---------------------------------------------------------------- two requests at once


@pytest.mark.holds(
    "draft:race-takes-over",
    "draft:race-offset-current",
    "draft:race-offset-usable",
    "draft:race-abrupt",
    "draft6:head-usable",
)
@BOTH
@pytest.mark.parametrize("method", ["HEAD", "GET"])
async def test_asking_for_the_offset_ends_the_request_before(gate, method, version):
    dead, path, _ = await half_sent(gate)

    asked = await speak(gate, method, path, version=version)

    assert asked.headers["Upload-Offset"] == "4"
    answer = await append(gate, path, 4, b"4567", complete="?1", version=version)
    assert answer.headers["Upload-Complete"] == "?1"
    heard = await dead.hear()
    assert (heard.status, heard.headers["Connection"]) == (423, "close")
    await dead.cut()


@pytest.mark.holds("draft:race-offset-current", "titip:head-never-5xx")
async def test_no_offset_is_told_while_it_may_still_move(gate, monkeypatch):
    monkeypatch.setattr(inspecting, "BRIEFLY", 0.05)
    dead, path, _ = await half_sent(gate)
    gate.store.may_write.clear()

    asked = await speak(gate, "HEAD", path)

    assert (asked.status, "Upload-Offset" in asked.headers) == (423, False)
    gate.store.may_write.set()
    assert (await dead.hear()).headers["Upload-Offset"] == "4"
    await dead.cut()


@pytest.mark.holds("draft:race-takes-over", "draft:race-safe", "draft6:append-alone")
async def test_an_append_takes_over_from_the_request_before(gate):
    dead, path, _ = await half_sent(gate)

    early = await append(gate, path, 0, b"0123")
    late = await append(gate, path, 4, b"4567", complete="?1")

    assert (early.status, early.headers["Upload-Offset"]) == (409, "4")
    assert (late.status, gate.kept(path)) == (200, b"01234567")
    await dead.cut()


@pytest.mark.holds("draft:cancel-ends-requests", "draft:cancel-ends", "draft:race-safe")
@BOTH
async def test_an_end_ends_the_request_before(gate, version):
    dead, path, _ = await half_sent(gate)

    answer = await speak(gate, "DELETE", path, version=version)

    assert answer.status == 204
    assert gate.store.uploads[id_of(path)].state is UploadState.TERMINATED
    assert (await dead.hear()).status == 423
    gone = 404 if version == 6 else 410
    assert (await speak(gate, "HEAD", path, version=version)).status == gone
    await dead.cut()


async def test_a_sealed_upload_cannot_be_ended(gate):
    path = await begun(gate, b"01234567", complete="?1")

    answer = await speak(gate, "DELETE", path)

    assert (answer.status, answer.headers["Upload-Complete"]) == (403, "?0")


@pytest.mark.holds("draft:race-safe", "draft:race-offset-usable", "titip:race-safe")
@pytest.mark.parametrize("seed", range(12))
async def test_whatever_half_open_requests_are_about_every_told_offset_can_be_used(eager, seed):
    chance = Random(seed)
    data = chance.randbytes(4000)
    path = await begun(eager)
    lines, offset = [], 0
    for _ in range(8):
        line = await dial(eager)
        rest = data[offset:]
        await line.ask("PATCH", path, last(offset, len(rest)))
        await line.send(rest[: chance.randrange(len(rest) // 4)])
        lines.append(line)
        if chance.random() < 0.5:
            await line.cut()

        asked = await speak(eager, chance.choice(["HEAD", "GET"]), path)

        offset = int(asked.headers["Upload-Offset"])
        piece = data[offset : offset + chance.randrange(200)]
        answer = await append(eager, path, offset, piece)
        assert (asked.headers["Upload-Complete"], answer.status) == ("?0", 204)
        offset += len(piece)

    assert (await append(eager, path, offset, data[offset:], complete="?1")).status == 200
    assert eager.kept(path) == data
    for line in lines:
        await line.cut()


# ---------------------------------------------------------------- one store for all


@pytest.mark.holds("titip:dialects")
async def test_an_upload_of_tus_is_gone_on_with_in_the_draft(gate):
    path = await gate.created(8, b"0123")

    asked = await speak(gate, "HEAD", path)
    answer = await append(gate, path, 4, b"4567", complete="?1")

    assert (asked.headers["Upload-Offset"], asked.headers["Upload-Length"]) == ("4", "8")
    assert answer.headers["Upload-Complete"] == "?1"
    assert await gate.offset(path) == 8


@pytest.mark.holds("titip:dialects", "draft:creation-metadata")
async def test_an_upload_of_the_draft_is_gone_on_with_in_tus(gate):
    told = {"Content_Disposition": "inline; filename=a.pdf", "Upload_Length": "8"}
    path = await begun(gate, b"0123", **told)

    async with gate.ask("HEAD", path) as asked:
        assert asked.headers["Upload-Metadata"].startswith("filename YS5wZGY=")
    async with gate.append(path, 4, b"4567") as answer:
        assert answer.status == 204

    assert (await speak(gate, "HEAD", path)).headers["Upload-Complete"] == "?1"


async def test_a_part_is_not_complete_by_the_word_of_the_draft(gate):
    path = await gate.created(4, b"01", {"Upload-Concat": "partial"})

    answer = await append(gate, path, 2, b"23", complete="?1")

    assert (answer.status, answer.headers["Upload-Complete"]) == (204, "?0")
    assert gate.store.uploads[id_of(path)].state is UploadState.OPEN


@pytest.mark.holds("draft:digest-running")
async def test_an_unfinished_upload_has_no_digest_yet(gate):
    path = await begun(gate, b"0123")

    asked = await speak(gate, "HEAD", path, {"Want-Repr-Digest": "sha-256=1"})

    assert "Repr-Digest" not in asked.headers


async def test_where_both_are_spoken_tus_is_meant(gate):
    told = {**TUS, **BYTES, "Upload-Length": "4", "Upload-Complete": "?0"}

    answer = await speak(gate, "POST", "/files/", told, body=b"0123")

    assert "Upload-Complete" not in answer.headers
    assert gate.store.uploads[id_of(answer.headers["Location"])].state is UploadState.SEALED

"""Concatenation over real sockets and a real store: parts, what is joined from them, and cuts."""

import asyncio
import base64
import os

import pytest

from gateway.options import GatewayOptions
from tests.concat_fixtures import PART, opened_door
from tests.gateway_fixtures import BYTES, id_of
from tests.storage_fixtures import sha256
from titip.upload import UploadState


@pytest.fixture
async def door(tmp_path):
    async with opened_door(tmp_path) as door:
        yield door


@pytest.mark.holds(
    "tus:concat-order", "tus:concat-length-sum", "tus:concat-head-joined", "tus:concat-head-echo"
)
async def test_parts_sent_at_once_become_one_file_in_the_order_named(door):
    pieces = [os.urandom(200_000 + number) for number in range(4)]
    parts = await asyncio.gather(*(door.part(piece) for piece in pieces))

    async with door.join(*reversed(parts)) as answer:
        path = answer.headers["Location"].removeprefix(door.url)
        assert answer.status == 201
        assert answer.headers["Upload-Offset"] == str(sum(map(len, pieces)))
        assert "Repr-Digest" in answer.headers

    whole = b"".join(reversed(pieces))
    _, headers = await door.head(path)
    assert headers["Upload-Offset"] == headers["Upload-Length"] == str(len(whole))
    assert headers["Upload-Concat"] == "final;" + " ".join(reversed(parts))
    assert await door.sealed(path) == whole
    kept = await door.store.find(id_of(path))
    assert (kept.state, kept.sha256) == (UploadState.SEALED, sha256(whole))


@pytest.mark.holds("tus:concat-parts-reused", "tus:concat-urls")
async def test_a_part_may_come_again_by_any_of_its_addresses(door):
    one, other = await door.part(b"one,"), await door.part(b"other,")

    first = await door.joined(one, door.url + other, one)
    second = await door.joined(f"https://proxy.example/intake{other}", id_of(one))

    assert await door.sealed(first) == b"one,other,one,"
    assert await door.sealed(second) == b"other,one,"


@pytest.mark.holds("tus:concat-metadata-own")
async def test_metadata_is_the_whole_s_own(door):
    headers = {**PART, **BYTES, "Upload-Length": "4", "Upload-Metadata": "filename cGFydA=="}
    async with door.ask("POST", "/files/", headers, body=b"part") as answer:
        part = answer.headers["Location"]

    named = await door.joined(part, Upload_Metadata="filename d2hvbGU=")
    bare = await door.joined(part)

    assert (await door.head(named))[1]["Upload-Metadata"] == "filename d2hvbGU="
    assert "Upload-Metadata" not in (await door.head(bare))[1]


@pytest.mark.holds("tus:concat-head-partial", "tus:concat-head-echo")
async def test_a_part_tells_its_offset_and_what_it_is(door):
    part = await door.part(b"par", length=4)

    status, headers = await door.head(part)

    assert status == 200
    assert (headers["Upload-Offset"], headers["Upload-Length"]) == ("3", "4")
    assert headers["Upload-Concat"] == "partial"


@pytest.mark.holds("titip:concat-once")
async def test_asking_again_finds_the_first_one(door):
    parts = [await door.part(b"one"), await door.part(b"two")]

    first = await door.joined(*parts, Upload_Metadata="filename eA==")
    again = await door.joined(*(door.url + one for one in parts), Upload_Metadata="filename eA==")
    other = await door.joined(*parts)

    assert first == again != other


@pytest.mark.holds("titip:concat-once")
async def test_asking_twice_at_once_begins_one(door):
    parts = [await door.part(os.urandom(1 << 20)) for _ in range(2)]

    locations = await asyncio.gather(*(door.joined(*parts) for _ in range(4)))

    assert len(set(locations)) == 1
    assert len(await door.house.joiner.unfinished()) <= 1
    assert len(await door.sealed(locations[0])) == 2 << 20


@pytest.mark.holds(
    "tus:concat-unfinished-accepted", "tus:concat-head-unjoined", "tus:concat-head-length"
)
async def test_it_may_be_asked_for_before_its_parts_are_complete(door):
    one, other = await door.part(b"one"), await door.part(b"oth", length=5)

    async with door.join(one, other) as answer:
        path = answer.headers["Location"].removeprefix(door.url)
        assert answer.status == 201
        assert "Upload-Offset" not in answer.headers
    _, headers = await door.head(path)
    assert "Upload-Offset" not in headers
    assert headers["Upload-Length"] == "8"
    async with door.append(other, 3, b"er") as answer:
        assert answer.status == 204

    assert await door.sealed(path) == b"oneother"


@pytest.mark.holds("tus:concat-head-length")
async def test_its_length_is_told_once_it_can_be(door):
    one, other = await door.part(b"one"), await door.part(b"oth", length=None)

    path = await door.joined(one, other)
    _, early = await door.head(path)
    async with door.append(other, 3, b"e", {"Upload-Length": "5"}) as answer:
        assert answer.status == 204
    _, later = await door.head(path)

    assert "Upload-Length" not in early
    assert (later["Upload-Length"], "Upload-Offset" in later) == ("8", False)
    async with door.append(other, 4, b"r") as answer:
        assert answer.status == 204
    assert await door.sealed(path) == b"oneother"


async def test_last_parts_that_end_at_the_same_moment_join_it(door):
    for _ in range(5):
        parts = await asyncio.gather(*(door.part(b"a", length=2) for _ in range(4)))
        path = await door.joined(*parts)

        async def last(part):
            async with door.append(part, 1, b"b") as answer:
                assert answer.status == 204

        await asyncio.gather(*map(last, parts))

        assert await door.sealed(path) == b"abababab"


@pytest.mark.holds("tus:concat-patch-final-403", "tus:concat-patch-final-untouched")
@pytest.mark.parametrize("offset", [0, 3, 7])
async def test_nothing_is_appended_to_what_is_joined(door, offset):
    part = await door.part(b"one", length=4)
    waiting = await door.joined(part)
    sealed = await door.joined(await door.part(b"two"))

    for path in (waiting, sealed):
        async with door.append(path, offset, b"x") as answer:
            assert answer.status == 403

    assert await door.offset(part) == 3
    assert await door.sealed(sealed) == b"two"


@pytest.mark.holds("titip:concat-own-parts")
async def test_a_stranger_s_part_is_refused_as_if_there_were_none(door):
    foreign, mine = await door.part(b"theirs", of=door.stranger), await door.part(b"mine")

    async with door.join(mine, "/files/" + "0" * 32) as answer:
        unknown = (answer.status, await answer.json())
    async with door.join(mine, foreign) as answer:
        theirs = (answer.status, await answer.json())

    assert unknown == theirs
    assert unknown[0] == 400
    assert "part 2 is no upload of this submitter" in unknown[1]["detail"]
    assert await door.house.joiner.unfinished() == []


@pytest.mark.holds("tus:concat-value", "tus:concat-no-length")
@pytest.mark.parametrize(
    "headers",
    [
        {"Upload-Concat": "final;"},
        {"Upload-Concat": "final;/elsewhere/1"},
        {"Upload-Concat": "whole"},
        {"Upload-Concat": "final;{part}", "Upload-Length": "4"},
        {"Upload-Concat": "final;{part}", "Upload-Defer-Length": "1"},
        {"Upload-Concat": "final;{whole}"},
    ],
)
async def test_what_makes_no_sense_is_refused(door, headers):
    part, whole = await door.part(b"part"), await door.created(5, b"whole")
    sent = {name: value.format(part=part, whole=whole) for name, value in headers.items()}

    async with door.ask("POST", "/files/", sent) as answer:
        assert answer.status == 400
        assert (await answer.json())["detail"]


async def test_what_would_be_larger_than_one_upload_may_be_is_refused(tmp_path):
    async with opened_door(tmp_path, GatewayOptions(reserve=0, max_upload=10)) as door:
        part = await door.part(b"12345678")

        async with door.join(part, part) as answer:
            assert answer.status == 413
            assert answer.headers["Tus-Max-Size"] == "10"

        assert await door.house.joiner.unfinished() == []


async def test_a_part_is_withdrawn_only_when_nothing_waits_for_it(door):
    part, other = await door.part(b"part"), await door.part(b"oth", length=5)
    waiting = await door.joined(part, other)

    statuses = []
    for path in (part, waiting, waiting, part, other):
        async with door.ask("DELETE", path) as answer:
            statuses.append(answer.status)

    assert statuses == [409, 204, 410, 204, 204]
    async with door.join(part) as answer:
        assert answer.status == 400
        assert "terminated: hand it in again" in (await answer.json())["detail"]


async def test_what_was_sealed_cannot_be_withdrawn_and_its_parts_can(door):
    part = await door.part(b"part")
    path = await door.joined(part)
    assert await door.sealed(path) == b"part"

    async with door.ask("DELETE", path) as answer:
        assert answer.status == 403
    async with door.ask("DELETE", part) as answer:
        assert answer.status == 204

    assert await door.sealed(path) == b"part"


async def test_another_digest_than_declared_is_refused_and_a_right_one_taken(door):
    part = await door.part(b"part")

    async with door.join(part, Upload_Metadata="sha256 " + meta(sha256(b"other"))) as answer:
        assert answer.status == 422
        assert "parts are still there" in (await answer.json())["detail"]
    path = await door.joined(part, Upload_Metadata="sha256 " + meta(sha256(b"part")))

    assert await door.sealed(path) == b"part"


def meta(text):
    return base64.b64encode(text.encode()).decode()


@pytest.mark.holds("titip:concat-goes-on")
async def test_a_kill_between_the_begin_and_the_seal_costs_nothing(tmp_path, monkeypatch):
    async with opened_door(tmp_path) as door:
        parts = [await door.part(os.urandom(100_000)) for _ in range(3)]
        data = b"".join(door.house.spool.path(id_of(one)).read_bytes() for one in parts)

        async def killed(final):
            await asyncio.get_running_loop().create_future()

        monkeypatch.setattr(door.house.joiner, "finish", killed)
        path = await door.joined(*parts)
        assert "Upload-Offset" not in (await door.head(path))[1]
        door.house.spool.path(id_of(path)).write_bytes(b"torn")

    async with opened_door(tmp_path) as again:
        assert await again.sealed(path) == data
        assert await again.joined(*parts) == path

"""The extensions of tus 1.0 to the letter, over a real socket: what other tests do not show."""

import base64
import hashlib
import re
from dataclasses import replace
from email.utils import parsedate_to_datetime

import pytest

from gateway.options import GatewayOptions
from tests.fakes import utc_now
from tests.gateway_fixtures import BYTES, answered, gateway, id_of
from titip.upload import UploadState

MIB = 1 << 20
RFC_9110 = re.compile(
    r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d "
    r"(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT",
)


def checksum(algorithm, data):
    return f"{algorithm} {base64.b64encode(hashlib.new(algorithm, data).digest()).decode()}"


async def expired(gate):
    """Begin an upload, and have it expire."""
    path = await gate.created(10, b"01234")
    upload = gate.store.uploads[id_of(path)]
    gate.store.uploads[upload.id] = replace(upload, state=UploadState.EXPIRED, ended_at=utc_now())
    return path


# ---------------------------------------------------------------- checksum


@pytest.mark.holds("tus:checksum-discarded", "tus:checksum-verified", "tus:checksum-mismatch-460")
async def test_a_body_with_another_checksum_leaves_no_byte_and_no_trace(gate):
    path = await gate.created(3 * MIB, b"x" * MIB)
    before = gate.store.uploads[id_of(path)]
    body = b"y" * (2 * MIB)

    answer = await answered(
        gate.append(path, MIB, body, {"Upload-Checksum": checksum("sha1", b"z")})
    )

    assert answer.status == 460
    assert gate.store.uploads[id_of(path)] == before
    assert gate.kept(path) == b"x" * MIB


@pytest.mark.holds("tus:checksum-discarded", "tus:checksum-unknown-400", "tus:checksum-header")
@pytest.mark.parametrize("told", ["crc99 YQ==", "sha1", "SHA1 YQ==", "sha1 YQ==", "sha1  !"])
async def test_a_body_whose_checksum_cannot_be_checked_is_not_kept(gate, told):
    path = await gate.created(10, b"01234")

    answer = await answered(gate.append(path, 5, b"56789", {"Upload-Checksum": told}))

    assert answer.status == 400
    assert await gate.offset(path) == 5
    assert gate.kept(path) == b"01234"


# ---------------------------------------------------------------- creation


@pytest.mark.holds("tus:creation-201", "tus:creation-location", "tus:expiration-creation")
async def test_a_creation_tells_an_address_that_can_be_used_as_it_is(gate):
    created = await answered(gate.ask("POST", "/files/", {"Upload-Length": "6"}))
    address = created.headers["Location"]

    asked = await answered(gate.ask("HEAD", address))
    handed_in = await answered(gate.append(address, 0, b"papers"))

    assert (created.status, asked.status, handed_in.status) == (201, 200, 204)
    assert RFC_9110.fullmatch(created.headers["Upload-Expires"])


@pytest.mark.holds("tus:creation-too-large")
async def test_a_length_over_the_limit_begins_nothing_and_its_body_is_not_read(tmp_path):
    async with gateway(tmp_path, GatewayOptions(max_upload=MIB)) as gate:
        line = await gate.dial()
        size = str(MIB + 1)

        await line.say("POST", "/files/", {**BYTES, "Upload-Length": size, "Content-Length": size})

        status, told = await line.answer()
        assert (status, told["Tus-Max-Size"], told["Connection"]) == (413, str(MIB), "close")
        assert "Location" not in told
        assert not gate.store.uploads
        await line.cut()


@pytest.mark.holds("tus:defer-value", "tus:defer-value-400", "tus:creation-length-needed")
@pytest.mark.parametrize(
    "told",
    [
        {},
        {"Upload-Defer-Length": "0"},
        {"Upload-Defer-Length": "2"},
        {"Upload-Defer-Length": "true"},
        {"Upload-Defer-Length": ""},
        {"Upload-Defer-Length": "1", "Upload-Length": "6"},
    ],
)
async def test_a_creation_tells_its_length_or_that_it_will(gate, told):
    answer = await answered(gate.ask("POST", "/files/", told))

    assert answer.status == 400
    assert not gate.store.uploads


@pytest.mark.holds("tus:with-upload-continue", "tus:with-upload-offset")
async def test_the_first_bytes_are_invited_once_the_creation_is_found_good(gate):
    line = await gate.dial()
    good = {**BYTES, "Content-Length": "6", "Expect": "100-continue"}

    await line.say("POST", "/files/", {**good, "Upload-Length": "5"})
    refused = await line.answer()
    await line.cut()
    line = await gate.dial()
    await line.say("POST", "/files/", {**good, "Upload-Length": "6"})
    invited = await line.answer()
    await line.send(b"papers")
    status, told = await line.answer()

    assert (refused[0], refused[1]["Connection"], invited[0]) == (413, "close", 100)
    assert (status, told["Upload-Offset"]) == (201, "6")
    await line.cut()


@pytest.mark.holds("tus:with-upload-rules", "titip:length-413")
async def test_first_bytes_past_the_length_begin_nothing(gate):
    async def endless():
        for _ in range(4):
            yield b"x" * MIB

    told = {**BYTES, "Upload-Length": str(MIB)}

    answer = await answered(gate.ask("POST", "/files/", told, body=endless()))

    assert answer.status == 413
    assert "Location" not in answer.headers
    assert all(one.offset <= MIB for one in gate.store.uploads.values())


# ---------------------------------------------------------------- concatenation


@pytest.mark.holds(
    "tus:concat-creation",
    "tus:concat-head-echo",
    "tus:concat-metadata-own",
    "tus:concat-patch-final-403",
    "tus:concat-patch-final-untouched",
)
async def test_what_is_a_part_and_what_is_joined_is_told_from_the_first_answer_on(gate):
    part = {**BYTES, "Upload-Length": "3", "Upload-Concat": "partial", "Upload-Metadata": "a YQ=="}
    begun = [
        await answered(gate.ask("POST", "/files/", part, body=data)) for data in (b"pap", b"ers")
    ]
    named = "final;" + " ".join(one.headers["Location"] for one in begun)
    final = await answered(gate.ask("POST", "/files/", {"Upload-Concat": named}))

    heads = [await answered(gate.ask("HEAD", one.headers["Location"])) for one in (*begun, final)]

    told = ["partial", "partial", named]
    assert [one.headers["Upload-Concat"] for one in (*begun, final)] == told
    assert [one.headers["Upload-Concat"] for one in heads] == told
    assert "Upload-Metadata" not in heads[2].headers
    for offset, body in ((6, b""), (6, b"x"), (0, b"x")):
        appended = await answered(gate.append(final.headers["Location"], offset, body))
        assert appended.status == 403
    assert gate.kept(final.headers["Location"]) == b"papers"


# ---------------------------------------------------------------- expiration, termination


@pytest.mark.holds("tus:expiration-patch", "tus:expiration-date", "tus:expiration-moves")
async def test_each_append_tells_anew_when_the_upload_expires(gate):
    path = await gate.created(10)
    upload = gate.store.uploads[id_of(path)]
    long_ago = utc_now().replace(year=2020, day=1)
    gate.store.uploads[upload.id] = replace(upload, created_at=long_ago, touched_at=long_ago)

    before = (await answered(gate.ask("HEAD", path))).headers["Upload-Expires"]
    first = await answered(gate.append(path, 0, b"01234"))
    nothing = await answered(gate.append(path, 5, b""))

    for answer in (first, nothing):
        assert RFC_9110.fullmatch(answer.headers["Upload-Expires"])
        assert parsedate_to_datetime(answer.headers["Upload-Expires"]) > utc_now()
    assert parsedate_to_datetime(before) < utc_now()


@pytest.mark.holds("tus:expiration-patch", "titip:proof-told")
async def test_a_refused_append_tells_it_too(gate):
    path, sealed = await gate.created(10, b"01234"), await gate.created(6, b"papers")
    wrong = {"Upload-Checksum": checksum("sha1", b"other")}

    refused = [
        await answered(gate.append(path, 4, b"x")),
        await answered(gate.append(path, 5, b"567890")),
        await answered(gate.append(path, 5, b"56789", wrong)),
        await answered(gate.append(path, 5, b"x", {"Content-Type": "text/plain"})),
        await answered(gate.append(path, "five", b"x")),
    ]
    late = await answered(gate.append(sealed, 3, b"ers"))
    strange = await answered(gate.append(path, 5, b"x", of=gate.stranger))
    other = await answered(gate.append(path, 5, b"x", {"Tus-Resumable": "0.2.2"}))

    assert [one.status for one in refused] == [409, 413, 460, 415, 400]
    assert all(RFC_9110.fullmatch(one.headers["Upload-Expires"]) for one in refused)
    assert (late.status, "Upload-Expires" in late.headers) == (409, False)
    assert "Repr-Digest" in late.headers
    assert [one.status for one in (strange, other)] == [404, 412]
    assert not any("Upload-Expires" in one.headers for one in (strange, other))


@pytest.mark.holds("tus:expiration-gone", "tus:expiration-410", "tus:core-head-missing")
async def test_going_on_with_an_expired_upload_is_told_that_it_is_gone(gate):
    path = await expired(gate)

    told = [await answered(gate.ask("HEAD", path)), await answered(gate.append(path, 5, b"x"))]

    assert [one.status for one in told] == [410, 410]
    assert not any("Upload-Offset" in one.headers for one in told)


@pytest.mark.holds("tus:termination-204", "tus:termination-frees", "tus:termination-gone")
async def test_an_ended_upload_gives_back_what_it_took_up(gate):
    path = await gate.created(10, b"01234")

    ended = await answered(gate.ask("DELETE", path, {"Content-Length": "0"}))

    assert ended.status == 204
    assert id_of(path) not in gate.store.spool
    assert (await gate.store.room()).promised == 0
    assert (await answered(gate.ask("HEAD", path))).status == 410

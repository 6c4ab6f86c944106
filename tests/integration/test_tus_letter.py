"""tus 1.0 to the letter, over a real socket: what other tests do not show already."""

import base64
import hashlib
import re
from dataclasses import replace
from email.utils import parsedate_to_datetime

import pytest
from aiohttp import ClientSession

from gateway.checksum import ALGORITHMS
from gateway.deps import GatewayOptions
from tests.fakes import utc_now
from tests.gateway_rooms import BYTES, TUS, gateway, id_of
from titip.upload import UploadState

MIB = 1 << 20
NOWHERE = "/files/" + "0" * 32
RFC_9110 = re.compile(
    r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d "
    r"(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT",
)
ALWAYS_READABLE = {
    "Cache-Control",
    "Content-Language",
    "Content-Length",
    "Content-Type",
    "Expires",
    "Last-Modified",
    "Pragma",
}
"""What a page may read of any answer (the Fetch standard's safelist)."""

NOT_FOR_PAGES = {
    "Accept-Ranges",
    "Access-Control-Allow-Origin",
    "Access-Control-Expose-Headers",
    "Allow",
    "Connection",
    "Content-Security-Policy",
    "Date",
    "Etag",
    "Server",
    "Set-Cookie",
    "Vary",
    "X-Content-Type-Options",
}
"""What speaks to the browser or to a proxy, and not to the page."""


@pytest.fixture
async def gate(tmp_path):
    async with gateway(tmp_path) as running:
        yield running


def checksum(algorithm, data):
    return f"{algorithm} {base64.b64encode(hashlib.new(algorithm, data).digest()).decode()}"


async def answered(ask):
    async with ask as answer:
        await answer.read()
    return answer


async def expired(gate):
    """Begin an upload, and have it expire."""
    path = await gate.created(10, b"01234")
    upload = gate.store.uploads[id_of(path)]
    gate.store.uploads[upload.id] = replace(upload, state=UploadState.EXPIRED, ended_at=utc_now())
    return path


# ---------------------------------------------------------------- versions


@pytest.mark.holds("tus:core-version-412-unprocessed", "titip:refused-body-closes")
@pytest.mark.parametrize("version", ["0.2.2", "1.0", "1.0.0,0.2.2", "2.0.0", ""])
async def test_a_body_in_another_version_is_neither_invited_nor_read_nor_kept(gate, version):
    path = await gate.created(2 * MIB)
    commits, lookups = gate.store.commits, gate.tokens.lookups
    line = await gate.dial()
    other = {**BYTES, "Tus-Resumable": version, "Content-Length": str(2 * MIB)}

    await line.say("PATCH", path, {**other, "Upload-Offset": "0", "Expect": "100-continue"})

    status, told = await line.answer()
    assert (status, told["Tus-Version"], told["Connection"]) == (412, "1.0.0", "close")
    assert (gate.store.commits, gate.tokens.lookups) == (commits, lookups)
    assert gate.kept(path) == b""
    await line.cut()


@pytest.mark.holds("tus:core-version-412-unprocessed")
async def test_a_creation_in_another_version_begins_nothing(gate):
    other = {"Tus-Resumable": "0.2.2", "Upload-Length": "6", **BYTES}

    answer = await answered(gate.ask("POST", "/files/", other, body=b"papers"))

    assert answer.status == 412
    assert "Location" not in answer.headers
    assert not gate.store.uploads


@pytest.mark.holds("tus:core-version-412-unprocessed")
async def test_a_termination_in_another_version_ends_nothing(gate):
    path = await gate.created(10, b"01234")

    answer = await answered(gate.ask("DELETE", path, {"Tus-Resumable": "0.2.2"}))

    assert answer.status == 412
    assert await gate.offset(path) == 5


@pytest.mark.holds("tus:core-resumable-everywhere", "titip:resumable-on-errors", "titip:problems")
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("HEAD", NOWHERE, 404),
        ("PATCH", NOWHERE, 400),
        ("DELETE", NOWHERE, 404),
        ("POST", "/files/", 400),
        ("PUT", NOWHERE, 405),
        ("GET", "/files/a/b/c", 404),
        ("POST", "/files/%00%ff", 405),
        ("GET", "/nowhere", 404),
    ],
)
async def test_each_refusal_names_the_version(gate, method, path, status):
    answer = await answered(gate.ask(method, path, BYTES))

    assert answer.status == status
    assert answer.headers["Tus-Resumable"] == "1.0.0"
    assert answer.content_type == "application/problem+json"


# ---------------------------------------------------------------- OPTIONS


@pytest.mark.holds(
    "tus:core-options-version",
    "tus:core-options-rest",
    "tus:core-options-ignores",
    "tus:checksum-options",
    "titip:options-everywhere",
)
@pytest.mark.parametrize("path", ["/files", "/files/", NOWHERE, "/files/a/b", "/", "/nowhere"])
@pytest.mark.parametrize("version", [{}, {"Tus-Resumable": "0.2.2"}, {"Tus-Resumable": "1.0.0"}])
async def test_options_is_answered_at_every_address_and_version_without_a_token(
    gate, path, version
):
    answer = await answered(gate.session.options(gate.url + path, headers=version))

    assert answer.status == 200
    assert answer.headers["Tus-Version"] == "1.0.0"
    assert answer.headers["Tus-Extension"].startswith("creation,")
    assert int(answer.headers["Tus-Max-Size"]) > 0
    assert answer.headers["Tus-Checksum-Algorithm"].split(",") == list(ALGORITHMS)
    assert gate.tokens.lookups == 0


@pytest.mark.holds("tus:checksum-names", "tus:checksum-sha1")
def test_names_of_algorithms_are_small_ascii():
    assert all(re.fullmatch(r"[!-@\[-~]+", name) for name in ALGORITHMS)
    assert "sha1" in ALGORITHMS


# ---------------------------------------------------------------- HEAD


@pytest.mark.holds("tus:core-head-offset", "tus:core-head-length", "tus:core-head-no-store")
@pytest.mark.parametrize(
    ("length", "body"), [(10, None), (10, b"01234"), (6, b"papers"), (0, None)]
)
async def test_head_tells_offset_and_length_at_the_beginning_midway_and_at_the_end(
    gate, length, body
):
    path = await gate.created(length, body)

    answer = await answered(gate.ask("HEAD", path))

    assert answer.status == 200
    assert answer.headers["Upload-Offset"] == str(len(body or b""))
    assert answer.headers["Upload-Length"] == str(length)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Upload-Defer-Length" not in answer.headers


@pytest.mark.holds("tus:core-head-missing")
@pytest.mark.parametrize("path", [NOWHERE, "/files/none", "/files/" + "A" * 32])
async def test_head_of_what_is_not_there_tells_no_offset(gate, path):
    answer = await answered(gate.ask("HEAD", path))

    assert answer.status == 404
    assert "Upload-Offset" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.holds("tus:creation-metadata-echo", "tus:creation-metadata-empty")
@pytest.mark.parametrize(
    "header",
    [
        "filename bGFwb3Jhbi5wZGY=",
        "flag",
        "flag ,filename YQ==",
        "a YQ==, b Yg==,c",
        "X-Odd_key!~ " + base64.b64encode("ß Ø 文 \r\n".encode()).decode(),
        "raw " + base64.b64encode(bytes(range(256))).decode(),
    ],
)
async def test_metadata_comes_back_as_it_was_given(gate, header):
    path = await gate.created(1, headers={"Upload-Metadata": header})

    answer = await answered(gate.ask("HEAD", path))

    assert answer.headers["Upload-Metadata"] == header


@pytest.mark.holds(
    "tus:creation-metadata-grammar",
    "tus:creation-metadata-key",
    "tus:creation-metadata-base64",
    "tus:creation-metadata-unique",
)
@pytest.mark.parametrize(
    "header", ["a b c", ",", "a YQ==,,b", "a !", "a YQ", "a,a", " , ", "a=b c"]
)
async def test_metadata_out_of_form_begins_nothing(gate, header):
    told = {"Upload-Length": "1", "Upload-Metadata": header}

    answer = await answered(gate.ask("POST", "/files/", told))

    assert answer.status == 400
    assert not gate.store.uploads


# ---------------------------------------------------------------- PATCH


@pytest.mark.holds("tus:core-patch-type", "titip:refused-body-closes")
async def test_a_large_body_of_another_type_is_not_read(gate):
    path = await gate.created(2 * MIB)
    line = await gate.dial()
    headers = {"Upload-Offset": "0", "Content-Length": str(2 * MIB), "Content-Type": "text/plain"}

    await line.say("PATCH", path, headers)

    status, told = await line.answer()
    assert (status, told["Connection"]) == (415, "close")
    assert await gate.offset(path) == 0
    await line.cut()


@pytest.mark.holds("tus:core-offset-conflict")
@pytest.mark.parametrize("offset", [0, 4, 6, 10, 11])
async def test_no_other_offset_changes_anything(gate, offset):
    path = await gate.created(10, b"01234")
    before = gate.store.uploads[id_of(path)]

    answer = await answered(gate.append(path, offset, b"x"))

    assert (answer.status, answer.headers["Upload-Offset"]) == (409, "5")
    assert gate.store.uploads[id_of(path)] == before
    assert gate.kept(path) == b"01234"


@pytest.mark.holds("tus:core-offset-number", "tus:core-length-number")
@pytest.mark.parametrize("number", ["-1", "+1", "1.0", "0x1", "one", "1,1", "9" * 41])
async def test_what_is_no_number_is_refused(gate, number):
    path = await gate.created(10)

    appended = await answered(gate.ask("PATCH", path, {**BYTES, "Upload-Offset": number}))
    created = await answered(gate.ask("POST", "/files/", {"Upload-Length": number}))

    assert (appended.status, created.status) == (400, 400)
    assert len(gate.store.uploads) == 1


@pytest.mark.holds("tus:core-patch-pieces", "tus:core-patch-offset-sum")
async def test_many_small_patches_are_as_good_as_one(gate):
    data = bytes(range(40))
    path = await gate.created(len(data))

    offsets = []
    for at in range(0, len(data), 8):
        answer = await answered(gate.append(path, at, data[at : at + 8]))
        offsets.append((answer.status, answer.headers["Upload-Offset"]))

    assert offsets == [(204, str(at + 8)) for at in range(0, len(data), 8)]
    assert gate.kept(path) == data


@pytest.mark.holds("titip:length-413")
async def test_nothing_past_the_length_is_stored(gate):
    path = await gate.created(3 * MIB, b"x" * MIB)

    async def endless():
        for _ in range(8):
            yield b"y" * MIB

    answer = await answered(gate.append(path, MIB, endless()))

    assert answer.status == 413
    assert gate.kept(path) in (b"x" * MIB, b"x" * MIB + b"y" * MIB)
    assert await gate.offset(path) == len(gate.kept(path))


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


# ---------------------------------------------------------------- pages of other origins


@pytest.mark.holds("titip:cors-exposed")
async def test_a_page_may_read_every_header_that_speaks_to_it(gate):
    page = {"Origin": "https://page.example"}
    told = {"Upload-Metadata": "filename YQ==", **page}
    path = await gate.created(6, headers=told)

    heard = [
        await answered(ask)
        for ask in (
            gate.ask("POST", "/files/", {"Upload-Length": "9", **told}),
            gate.ask("POST", "/files/", {"Upload-Defer-Length": "1", **told}),
            gate.ask("OPTIONS", path, page),
            gate.ask("HEAD", path, page),
            gate.append(path, 3, b"x", page),
            gate.append(path, 0, b"past the length", page),
            gate.append(path, 0, b"papers", page),
            gate.ask("HEAD", path, page),
            gate.ask("GET", path, page),
            gate.ask("HEAD", path, {**page, "Tus-Resumable": "0.2.2"}),
            gate.ask("HEAD", NOWHERE, page),
        )
    ]

    for answer in heard:
        readable = set(answer.headers["Access-Control-Expose-Headers"].split(", "))
        sent = {name for name in answer.headers if not name.startswith("Access-Control-")}
        assert sent <= readable | ALWAYS_READABLE | NOT_FOR_PAGES


@pytest.mark.holds("titip:cors-exposed", "titip:cors-sendable")
async def test_a_page_may_read_and_send_the_headers_of_both_protocols(gate):
    asked = {"Origin": "https://page.example", "Access-Control-Request-Method": "PATCH"}

    answer = await answered(gate.session.options(gate.url + "/files/", headers=asked))

    readable = set(answer.headers["Access-Control-Expose-Headers"].split(", "))
    sendable = set(answer.headers["Access-Control-Allow-Headers"].split(", "))
    both = {"Upload-Offset", "Upload-Length", "Upload-Complete", "Upload-Metadata", "Repr-Digest"}
    assert readable >= both | {"Location", "Upload-Expires", "Upload-Limit", "Upload-Secret"}
    assert sendable >= both - {"Repr-Digest"} | {"Upload-Checksum", "Content-Type", *TUS}


# ---------------------------------------------------------------- any headers at all


@pytest.mark.holds("titip:heads-fit")
async def test_metadata_of_sixty_thousand_letters_goes_in_and_comes_out(gate):
    header = "note " + base64.b64encode(b"x" * 44_000).decode()
    path = await gate.created(1, headers={"Upload-Metadata": header})

    async with (
        ClientSession(max_field_size=1 << 17, max_line_size=1 << 17) as session,
        session.head(gate.url + path, headers={**gate.lo, **TUS}) as answer,
    ):
        assert answer.headers["Upload-Metadata"] == header

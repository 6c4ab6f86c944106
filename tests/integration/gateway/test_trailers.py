"""A checksum that follows its body: a trailer field is read, compared, and left to its request."""

import base64
import hashlib
import zlib

import pytest

from gateway.ingest.min_rate import Pace
from gateway.options import GatewayOptions
from gateway.transport.trailers import MAX_SECTION
from tests.gateway_fixtures import BYTES, TUS, gateway, id_of
from titip.upload import UploadState

CHUNKED = {**BYTES, "Transfer-Encoding": "chunked"}
TRAILED = {**CHUNKED, "Trailer": "Upload-Checksum"}
ALGORITHMS = ("sha1", "sha256", "sha512", "md5", "crc32")


@pytest.fixture
async def gate(tmp_path):
    async with gateway(tmp_path, GatewayOptions(pace=Pace(commit_bytes=1 << 16))) as running:
        yield running


@pytest.fixture
async def line(gate):
    return await gate.dial()


def checksum(data, algorithm="sha1"):
    """Write an Upload-Checksum."""
    crc = zlib.crc32(data).to_bytes(4, "big")
    digest = crc if algorithm == "crc32" else hashlib.new(algorithm, data).digest()
    return f"{algorithm} {base64.b64encode(digest).decode()}"


def chunks(data, size=7):
    """Write a body in chunks, but for what ends it."""
    pieces = (data[at : at + size] for at in range(0, len(data), size))
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)


def ended(*fields):
    """Write what ends a body in chunks, with these trailer fields."""
    return b"0\r\n" + "".join(f"{field}\r\n" for field in fields).encode() + b"\r\n"


def patch(line, path, headers, body, *, offset=0):
    """Write a PATCH with this body."""
    sent = {"Host": "titip", **line.token, **TUS, "Upload-Offset": str(offset), **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
    return f"PATCH {path} HTTP/1.1\r\n{head}\r\n".encode() + body


async def patched(line, path, body, *, offset=0, headers=TRAILED):
    """Send a PATCH with this body and give the answer's status."""
    await line.send(patch(line, path, headers, body, offset=offset))
    return (await told(line))[0]


async def told(line):
    """Read an answer with what it says."""
    status, headers = await line.answer()
    await line.reader.readexactly(int(headers.get("Content-Length", "0")))
    return status, headers


@pytest.mark.holds("tus:checksum-trailer-announced")
async def test_the_extension_is_announced(gate):
    async with gate.ask("OPTIONS", "/files/") as answer:
        assert "checksum-trailer" in answer.headers["Tus-Extension"].split(",")


@pytest.mark.holds("tus:checksum-trailer-compared")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_a_body_that_fits_the_checksum_after_it_is_kept(gate, line, algorithm):
    data = b"signed at the end"
    path = await gate.created(len(data))

    body = chunks(data) + ended("X-Other: 1", f"upload-checksum:{checksum(data, algorithm)} ")
    status = await patched(line, path, body)

    assert status == 204
    assert gate.kept(path) == data
    assert gate.store.uploads[id_of(path)].state is UploadState.SEALED


@pytest.mark.holds("tus:checksum-trailer-compared")
async def test_a_body_that_does_not_fit_the_checksum_after_it_is_not_kept(gate, line):
    path = await gate.created(10, body=b"01")

    body = chunks(b"23456") + ended(f"Upload-Checksum: {checksum(b'other')}")
    status = await patched(line, path, body, offset=2)

    assert status == 460
    assert await gate.offset(path) == 2
    assert gate.kept(path) == b"01"


@pytest.mark.holds("tus:checksum-trailer-missing")
@pytest.mark.parametrize(
    "fields",
    [
        (),
        ("X-Other: 1",),
        ("Upload-Checksum: sha1",),
        ("Upload-Checksum: sha1 AAAA",),
        ("Upload-Checksum: sha3 AAAA",),
        ("Upload-Checksum:",),
        (f"Upload-Checksum: {checksum(b'23456')}", f"Upload-Checksum: {checksum(b'23456')}"),
        (f"Upload-Checksum: {checksum(b'23456')}", "X-Long: " + "x" * MAX_SECTION),
    ],
)
async def test_a_body_without_the_checksum_it_announced_is_not_kept(gate, line, fields):
    path = await gate.created(10, body=b"01")

    status = await patched(line, path, chunks(b"23456") + ended(*fields), offset=2)

    assert status == 400
    assert await gate.offset(path) == 2
    assert gate.kept(path) == b"01"


@pytest.mark.holds("tus:checksum-trailer-missing")
@pytest.mark.parametrize("field", ["no field", "A : b", " folded", "A: b\rc", "A: \0", "\nA: b"])
async def test_a_malformed_trailer_is_an_answer_and_nothing_kept(gate, line, field):
    path = await gate.created(10, body=b"01")

    body = chunks(b"23456") + ended(f"Upload-Checksum: {checksum(b'23456')}", field)
    status = await patched(line, path, body, offset=2)

    assert status == 400
    assert await gate.offset(path) == 2


@pytest.mark.parametrize(
    "headers",
    [
        {**BYTES, "Content-Length": "5", "Trailer": "Upload-Checksum"},
        {**TRAILED, "Upload-Checksum": checksum(b"23456")},
    ],
    ids=["no chunks", "header and trailer"],
)
async def test_a_trailer_that_cannot_be_is_refused(gate, line, headers):
    path = await gate.created(10, body=b"01")

    body = b"23456" if "Content-Length" in headers else chunks(b"23456") + ended()
    status = await patched(line, path, body, offset=2, headers=headers)

    assert status == 400
    assert await gate.offset(path) == 2


@pytest.mark.holds("tus:checksum-trailer-cut")
@pytest.mark.parametrize("half", [False, True], ids=["cut", "half closed"])
@pytest.mark.parametrize("came", [0, 3, 20, 48])
async def test_a_cut_before_the_end_of_the_trailer_keeps_nothing(gate, line, came, half):
    path = await gate.created(5)
    end = ended(f"Upload-Checksum: {checksum(b'01234')}")
    assert came < len(end)

    await line.say("PATCH", path, {"Upload-Offset": "0", **TRAILED}, chunks(b"01234") + end[:came])
    if half:
        line.writer.write_eof()
        await line.closed()
    else:
        await line.cut()

    assert await gate.offset(path) == 0
    assert gate.kept(path) == b""


@pytest.mark.holds("tus:checksum-trailer-compared")
@pytest.mark.parametrize("fits", [True, False])
async def test_a_large_body_is_kept_whole_or_not_at_all(gate, line, fits):
    data = b"0123456789abcdef" * (1 << 16)
    path = await gate.created(len(data))

    end = ended(f"Upload-Checksum: {checksum(data if fits else b'', 'sha256')}")
    status = await patched(line, path, chunks(data, size=8191) + end)

    assert status == (204 if fits else 460)
    assert await gate.offset(path) == (len(data) if fits else 0)


@pytest.mark.holds("tus:checksum-trailer-compared")
async def test_it_may_come_byte_by_byte(gate, line):
    path = await gate.created(5)
    body = chunks(b"01234", 2) + ended(f"Upload-Checksum: {checksum(b'01234')}")

    await line.say("PATCH", path, {"Upload-Offset": "0", **TRAILED})
    for byte in body:
        await line.send(bytes([byte]))

    assert (await told(line))[0] == 204


@pytest.mark.holds("tus:checksum-trailer-compared")
@pytest.mark.parametrize(("meant", "status"), [(b"01234", 201), (b"other", 460)])
async def test_a_creation_may_bring_it_too(gate, line, meant, status):
    body = chunks(b"01234") + ended(f"Upload-Checksum: {checksum(meant)}")

    await line.say("POST", "/files/", {"Upload-Length": "5", **TRAILED}, body)
    got, headers = await told(line)

    assert got == status
    assert headers.get("Upload-Offset") == ("5" if status == 201 else None)
    assert len(gate.store.uploads) == (1 if status == 201 else 0)


async def test_another_method_may_stand_for_patch(gate, line):
    path = await gate.created(5)
    headers = {"Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH", **TRAILED}

    body = chunks(b"01234") + ended(f"Upload-Checksum: {checksum(b'01234')}")
    await line.say("POST", path, headers, body)

    assert (await told(line))[0] == 204


@pytest.mark.holds("tus:checksum-trailer-separate")
@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("last", [(), ("Upload-Offset: 0",), ("X-A: 1", "X-B: 2")])
async def test_a_trailer_field_is_no_header_of_the_next_request(gate, line, announced, last):
    path = await gate.created(10)
    headers = TRAILED if announced else CHUNKED

    end = ended(f"Upload-Checksum: {checksum(b'01234')}", *last)
    first = await patched(line, path, chunks(b"01234") + end, headers=headers)
    second = await patched(line, path, chunks(b"56789") + ended(), offset=5, headers=CHUNKED)

    assert (first, second) == (204, 204)
    assert gate.kept(path) == b"0123456789"


@pytest.mark.holds("tus:checksum-trailer-separate")
async def test_requests_that_are_sent_at_once_are_each_taken_for_themselves(gate, line):
    path = await gate.created(15)
    fits = {at: ended(f"Upload-Checksum: {checksum(at)}") for at in (b"01234", b"abcde")}

    await line.send(
        patch(line, path, TRAILED, chunks(b"01234") + fits[b"01234"])
        + patch(line, path, {**BYTES, "Content-Length": "5"}, b"56789", offset=5)
        + patch(line, path, TRAILED, chunks(b"abcde") + fits[b"abcde"], offset=10)
    )

    assert [(await told(line))[0] for _ in range(3)] == [204, 204, 204]
    assert gate.kept(path) == b"0123456789abcde"


@pytest.mark.holds("tus:checksum-trailer-separate")
@pytest.mark.parametrize(
    "fields",
    [
        ("X-Long: " + "x" * MAX_SECTION, "Upload-Offset: 0"),
        ("Host: other",),
        ("Connection: close", "X-Other: 1"),
    ],
    ids=["too large", "of a head", "about the connection"],
)
async def test_a_trailer_that_would_harm_the_next_request_ends_its_connection(gate, line, fields):
    path = await gate.created(10)
    end = ended(*fields)

    await line.say("PATCH", path, {"Upload-Offset": "0", **CHUNKED}, chunks(b"01234") + end)
    status, headers = await told(line)

    assert (status, headers["Connection"]) == (204, "close")
    await line.closed()


async def test_a_request_that_overtakes_a_large_one_is_answered_or_not_taken(gate, line):
    data = b"0123456789abcdef" * (1 << 16)
    path = await gate.created(len(data) + 5)
    end = ended(f"Upload-Checksum: {checksum(data)}")

    await line.send(
        patch(line, path, TRAILED, chunks(data, size=1 << 14) + end)
        + patch(line, path, CHUNKED, chunks(b"56789") + ended(), offset=len(data))
    )
    first, headers = await told(line)
    goes_on = headers.get("Connection") != "close"
    if goes_on:
        await told(line)

    assert first == 204
    assert await gate.offset(path) == len(data) + (5 if goes_on else 0)

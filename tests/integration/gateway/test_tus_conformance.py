"""The core of tus 1.0 to the letter, over a real socket: what other tests do not show."""

import base64
import re

import pytest
from aiohttp import ClientSession

from gateway.protocol.checksum import ALGORITHMS
from tests.gateway_fixtures import BYTES, TUS, answered, id_of
from titip.upload import UploadState

MIB = 1 << 20
NOWHERE = "/files/" + "0" * 32


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


# ---------------------------------------------------------------- method override


@pytest.mark.holds("tus:core-override", "tus:core-override-actual-ignored")
@pytest.mark.parametrize("sent", ["POST", "PUT", "GET", "PATCH", "DELETE"])
async def test_the_method_that_is_meant_counts_whatever_is_sent(gate, sent):
    path = await gate.created(10, b"01234")

    def meant(method, headers=(), body=None):
        told = {"X-HTTP-Method-Override": method, **dict(headers)}
        return answered(gate.ask(sent, path, told, body=body))

    asked = await meant("HEAD")
    appended = await meant("PATCH", {**BYTES, "Upload-Offset": "5"}, b"567")
    offered = await meant("OPTIONS")
    ended = await meant("delete")

    assert (asked.status, asked.headers["Upload-Offset"]) == (200, "5")
    assert (appended.status, appended.headers["Upload-Offset"]) == (204, "8")
    assert (offered.status, offered.headers["Tus-Version"]) == (200, "1.0.0")
    assert ended.status == 204
    assert gate.store.uploads[id_of(path)].state is UploadState.TERMINATED

"""The IETF draft to the letter, over a real socket: appending, ending, proofs, safety."""

import base64
import hashlib

import pytest

from tests.gateway_fixtures import id_of
from tests.integration.gateway.draft_line import append, begun, dial, speak
from titip.upload import UploadState

BOTH = pytest.mark.parametrize("version", [8, 6])
PROBLEM = "https://iana.org/assignments/http-problem-types#"


def digest_header(data):
    return f"sha-256=:{base64.b64encode(hashlib.sha256(data).digest()).decode()}:"


# ---------------------------------------------------------------- append


@pytest.mark.holds(
    "draft:append-applied",
    "draft:append-more",
    "draft:append-complete-told",
    "draft:race-offset-usable",
    "draft6:append-partial",
    "draft6:append-offset",
    "draft6:head-usable",
)
@BOTH
async def test_pieces_are_added_at_the_offset_that_was_told(gate, version):
    path = await begun(gate, b"pap")
    offset = (await speak(gate, "HEAD", path, version=version)).headers["Upload-Offset"]

    answer = await append(gate, path, offset, b"er", version=version)

    assert answer.status == (201 if version == 6 else 204)
    assert (answer.headers["Upload-Complete"], answer.headers["Upload-Offset"]) == ("?0", "5")
    assert gate.kept(path) == b"paper"


@pytest.mark.holds("draft:append-final-answer", "draft:append-final-complete", "draft6:append-done")
@BOTH
@pytest.mark.parametrize("last", [b"ers", b""])
async def test_the_last_piece_is_answered_with_the_receipt(gate, version, last):
    path = await begun(gate, b"papers"[: 6 - len(last)])

    answer = await append(gate, path, 6 - len(last), last, complete="?1", version=version)

    assert answer.ok
    assert answer.headers["Upload-Complete"] == "?1"
    assert (await answer.json())["sha256"] == hashlib.sha256(b"papers").hexdigest()
    assert answer.headers["Repr-Digest"] == digest_header(b"papers")


@pytest.mark.holds("draft:complete-explicit", "draft6:complete-explicit", "draft:append-empties")
@BOTH
async def test_an_upload_is_complete_when_it_is_said_and_not_before(gate, version):
    path = await begun(gate, b"pap", Upload_Length="6")
    all_there = await append(gate, path, 3, b"ers", version=version)
    before = gate.store.uploads[id_of(path)].state

    said = await append(gate, path, 6, complete="?1", version=version)

    assert (all_there.headers["Upload-Complete"], before) == ("?0", UploadState.OPEN)
    assert said.headers["Upload-Complete"] == "?1"
    assert gate.store.uploads[id_of(path)].state is UploadState.SEALED


@pytest.mark.holds("draft6:append-metadata")
@BOTH
async def test_what_was_said_of_the_file_holds_for_all_of_it(gate, version):
    path = await begun(gate, b"\x1f\x8b", version=version, Content_Encoding="gzip")
    await append(gate, path, 2, b"rest", complete="?1", version=version)

    async with gate.ask("HEAD", path) as asked:
        told = dict(pair.split(" ") for pair in asked.headers["Upload-Metadata"].split(","))

    assert told["contentencoding"] == "Z3ppcA=="
    assert gate.kept(path) == b"\x1f\x8brest"


@pytest.mark.holds(
    "draft:append-409",
    "draft:append-409-complete",
    "draft:append-409-offset",
    "draft:problem-offset",
    "draft:problem-offset-members",
    "draft6:append-409",
    "draft6:append-offset",
)
@BOTH
@pytest.mark.parametrize("offset", [0, 2, 4, 99])
async def test_another_offset_is_told_the_right_one(gate, version, offset):
    path = await begun(gate, b"pap")

    answer = await append(gate, path, offset, b"x", version=version)

    problem = await answer.json()
    assert answer.status == 409
    assert (answer.headers["Upload-Offset"], answer.headers["Upload-Complete"]) == ("3", "?0")
    assert problem["type"] == f"{PROBLEM}mismatching-upload-offset"
    assert (problem["expected-offset"], problem["provided-offset"]) == (3, offset)
    assert gate.kept(path) == b"pap"


@pytest.mark.holds("draft:offset-field", "draft:complete-field")
@pytest.mark.parametrize(
    "told",
    [
        {"Upload-Offset": "-3"},
        {"Upload-Offset": "3.0"},
        {"Upload-Offset": "three"},
        {"Upload-Offset": "?1"},
        {"Upload-Complete": "1"},
        {"Upload-Complete": "true"},
        {"Upload-Complete": "?2"},
        {"Upload-Complete": '"?1"'},
    ],
)
async def test_a_patch_without_a_usable_offset_or_end_adds_nothing(gate, told):
    path = await begun(gate, b"pap")

    answer = await append(gate, path, 3, b"ers", headers=told)

    assert answer.status == 400
    assert gate.kept(path) == b"pap"


@pytest.mark.holds("draft:complete-field")
async def test_a_creation_without_a_usable_end_is_one_without_resumption(gate):
    answer = await speak(gate, "POST", "/files/", {"Upload-Complete": "yes"}, body=b"papers")

    assert answer.status == 201
    assert gate.store.uploads[id_of(answer.headers["Location"])].state is UploadState.SEALED


@pytest.mark.holds("draft:complete-closed", "draft:append-replayed")
async def test_the_last_piece_sent_again_finds_it_done_and_adds_nothing(gate):
    path = await begun(gate, b"papers", complete="?1")

    again = await append(gate, path, 6, complete="?1")
    more = await append(gate, path, 6, b"more", complete="?1")

    assert (again.status, again.headers["Upload-Complete"]) == (200, "?1")
    assert more.status >= 400
    assert gate.kept(path) == b"papers"


@pytest.mark.holds("draft6:append-completed", "draft6:append-completed-problem")
@pytest.mark.parametrize(("offset", "body"), [(6, b"more"), (6, b""), (3, b"x")])
async def test_version_6_refuses_whatever_comes_after_the_end(gate, offset, body):
    path = await begun(gate, b"papers", complete="?1", version=6)

    answer = await append(gate, path, offset, body, complete="?1", version=6)

    assert answer.status == 400
    assert (await answer.json())["type"] == f"{PROBLEM}completed-upload"
    assert gate.kept(path) == b"papers"


@pytest.mark.holds("draft:append-length-exceeded")
@pytest.mark.parametrize("chunked", [False, True])
async def test_going_past_the_length_ends_the_upload(gate, chunked):
    async def pieces():
        yield b"ers"
        yield b"too many"

    path = await begun(gate, b"pap", Upload_Length="6")

    answer = await append(gate, path, 3, pieces() if chunked else b"erstoo many")

    assert 400 <= answer.status < 500
    later = [
        await speak(gate, "HEAD", path),
        await append(gate, path, 3, b"ers"),
        await append(gate, path, 6, complete="?1"),
    ]
    assert {one.status for one in later} <= {404, 410}
    assert not any("Upload-Offset" in one.headers for one in later)


@pytest.mark.holds("draft6:append-size-exceeded")
@pytest.mark.parametrize("chunked", [False, True])
async def test_version_6_stops_at_the_size(gate, chunked):
    async def pieces():
        yield b"ers"
        yield b"too many"

    path = await begun(gate, b"pap", Upload_Length="6", version=6)

    answer = await append(gate, path, 3, pieces() if chunked else b"erstoo many", version=6)

    assert answer.status == 400
    assert len(gate.store.spool.get(id_of(path), b"")) <= 6


@pytest.mark.holds("draft:append-cut-kept", "draft:append-cut-incomplete", "draft6:append-cut")
@BOTH
async def test_an_append_that_was_cut_keeps_its_beginning_and_completes_nothing(gate, version):
    path = await begun(gate, b"pap")
    line = await dial(gate)
    told = {"Upload-Offset": "3", "Upload-Complete": "?1", "Content-Length": "3"}
    told |= {"Content-Type": "application/partial-upload"}
    await line.ask("PATCH", path, told, b"er", version=version)

    await line.cut()

    asked = await speak(gate, "HEAD", path, version=version)
    while asked.headers["Upload-Offset"] == "3":
        asked = await speak(gate, "HEAD", path, version=version)
    assert (asked.headers["Upload-Offset"], asked.headers["Upload-Complete"]) == ("5", "?0")
    assert gate.kept(path) == b"paper"


# ---------------------------------------------------------------- cancellation, digests


@pytest.mark.holds("draft:cancel-ends", "draft6:cancel-204")
@BOTH
async def test_a_cancelled_upload_is_out_of_service(gate, version):
    path = await begun(gate, b"pap", version=version)

    answer = await speak(gate, "DELETE", path, version=version)

    assert answer.status == 204
    assert (await speak(gate, "HEAD", path, version=version)).status in {404, 410}
    assert id_of(path) not in gate.store.spool


@pytest.mark.holds("draft6:cancel-fields")
@pytest.mark.parametrize("told", [{"Upload-Offset": "3"}, {"Upload-Complete": "?0"}])
async def test_version_6_refuses_a_delete_that_says_more(gate, told):
    path = await begun(gate, b"pap")

    answer = await speak(gate, "DELETE", path, told, version=6)

    assert answer.status == 400
    assert gate.kept(path) == b"pap"


@pytest.mark.holds("draft:digest-content")
async def test_a_piece_of_another_digest_is_not_added(gate):
    path = await begun(gate, b"pap")
    told = {"Content-Digest": digest_header(b"other")}

    answer = await append(gate, path, 3, b"ers", complete="?1", headers=told)

    assert 400 <= answer.status < 500
    assert answer.headers["Upload-Complete"] == "?0"
    assert gate.kept(path) == b"pap"


@pytest.mark.holds("draft:digest-whole")
async def test_a_file_of_another_digest_is_not_complete(gate):
    path = await begun(gate, b"pap", Repr_Digest=digest_header(b"papers"))

    wrong = await append(gate, path, 3, b"ERS", complete="?1")
    right = await append(gate, path, 3, b"ers", complete="?1")

    assert 400 <= wrong.status < 500
    assert wrong.headers["Upload-Complete"] == "?0"
    assert right.headers["Upload-Complete"] == "?1"


@pytest.mark.holds("draft:digest-wanted", "draft:digest-told")
@pytest.mark.parametrize("wanted", ["sha-256=10", "sha-512=3, sha-256=1", "md5=1"])
async def test_a_wanted_digest_comes_with_the_end(gate, wanted):
    told = {"Upload-Complete": "?1", "Want-Repr-Digest": wanted}

    answer = await speak(gate, "POST", "/files/", told, body=b"papers")

    assert answer.headers["Repr-Digest"] == digest_header(b"papers")


# ---------------------------------------------------------------- safety


@pytest.mark.holds("draft:security-authorised", "draft:security-still-allowed")
@pytest.mark.parametrize("method", ["HEAD", "GET", "PATCH", "DELETE"])
async def test_neither_a_stranger_nor_nobody_reaches_an_upload(gate, method):
    path = await begun(gate, b"pap")
    told = {"Content-Type": "application/partial-upload", "Upload-Offset": "3"}
    told |= {"Upload-Complete": "?1"} if method == "PATCH" else {}

    strange = await speak(gate, method, path, told, of=gate.stranger)
    nobody = await speak(gate, method, path, told, of={"Authorization": "Bearer out"})

    assert (strange.status, nobody.status) == (404, 401)
    assert gate.kept(path) == b"pap"

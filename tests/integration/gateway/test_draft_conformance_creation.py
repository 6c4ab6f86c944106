"""The IETF draft to the letter, over a real socket: beginning an upload."""

import base64
import re

import pytest

from tests.gateway_fixtures import id_of
from tests.integration.gateway.draft_line import append, begun, dial, limits, speak
from titip.upload import UploadState

BOTH = pytest.mark.parametrize("version", [8, 6])
PROBLEM = "https://iana.org/assignments/http-problem-types#"


@pytest.mark.holds(
    "draft:creation-104",
    "draft:creation-104-location",
    "draft:creation-104-limit",
    "draft:creation-same-location",
    "draft:creation-whole",
    "draft:creation-complete-told",
    "draft:104-interop-told",
    "draft6:creation-location",
    "draft6:creation-104-location",
    "draft6:creation-done",
    "draft6:104-interop-told",
    "draft6:creation-104",
)
@BOTH
async def test_a_whole_file_is_told_its_address_first_and_its_receipt_last(gate, version):
    line = await dial(gate)
    told = {"Upload-Complete": "?1", "Content-Length": "6"}

    await line.ask("POST", "/files/", told, b"pap", version=version)
    status, first = await line.answer()
    await line.send(b"ers")

    heard = await line.hear()
    assert status == 104
    assert first["Upload-Draft-Interop-Version"] == str(version)
    assert "max-size=" in first["Upload-Limit"]
    assert (heard.status, heard.headers["Upload-Complete"]) == (201, "?1")
    assert first["Location"] == heard.headers["Location"]
    assert b'"sha256"' in heard.body


@pytest.mark.holds(
    "draft:creation-partial-location",
    "draft:creation-partial-limit",
    "draft:creation-partial-201",
    "draft:creation-empty",
    "draft6:creation-partial",
    "draft6:creation-offset",
    "draft6:creation-offset-end",
    "draft6:creation-begun",
)
@BOTH
@pytest.mark.parametrize("body", [b"", b"pap"])
async def test_the_beginning_of_a_file_is_answered_with_its_address(gate, version, body):
    answer = await speak(
        gate, "POST", "/files/", {"Upload-Complete": "?0"}, body=body, version=version
    )

    assert (answer.status, answer.headers["Upload-Complete"]) == (201, "?0")
    assert answer.headers["Upload-Offset"] == str(len(body))
    assert "max-size" in limits(answer)
    path = answer.headers["Location"].removeprefix(gate.url)
    assert gate.store.uploads[id_of(path)].state is UploadState.OPEN


@pytest.mark.holds("draft:creation-empty")
async def test_an_empty_file_is_complete_at_once(gate):
    path = await begun(gate, complete="?1")

    assert gate.store.uploads[id_of(path)].state is UploadState.SEALED


@pytest.mark.holds("draft:104-interop", "draft6:104-interop")
@pytest.mark.parametrize("version", [None, 3, 5, 7, 9, "eight", "?1", "8.0"])
async def test_no_104_in_another_version(gate, version):
    line = await dial(gate)
    told = {"Upload-Complete": "?1", "Content-Length": "6"}

    await line.ask("POST", "/files/", told, b"papers", version=version)

    heard = await line.hear()
    assert (heard.interim, heard.status) == ([], 201)


@pytest.mark.holds("draft:104-not-100")
@BOTH
async def test_a_104_does_not_stand_for_a_100(gate, version):
    line = await dial(gate)
    told = {"Upload-Complete": "?1", "Content-Length": "6", "Expect": "100-continue"}

    await line.ask("POST", "/files/", told, version=version)
    seen = {(await line.answer())[0], (await line.answer())[0]}
    await line.send(b"papers")

    assert seen == {100, 104}
    assert (await line.hear()).status == 201


@pytest.mark.holds(
    "draft:creation-length-recorded", "draft6:creation-size-recorded", "draft:head-length"
)
@BOTH
@pytest.mark.parametrize("told", [{"Upload-Length": "9"}, {"Content-Length": "9"}])
async def test_a_length_that_is_told_either_way_is_kept(gate, version, told):
    line = await dial(gate)
    ends = {"Upload-Complete": "?1" if "Content-Length" in told else "?0"}
    size = {} if "Content-Length" in told else {"Content-Length": "6"}
    await line.ask("POST", "/files/", {**ends, **size, **told}, body=b"papers", version=version)
    _, first = await line.answer()

    await line.cut()

    path = first["Location"].removeprefix("http://titip")
    answer = await speak(gate, "HEAD", path, version=version)
    assert answer.headers["Upload-Length"] == "9"


@pytest.mark.holds("draft:length-match", "draft:length-problem", "draft6:creation-sizes")
@BOTH
async def test_two_lengths_in_one_creation_are_refused(gate, version):
    told = {"Upload-Complete": "?1", "Upload-Length": "7"}

    answer = await speak(gate, "POST", "/files/", told, body=b"papers", version=version)

    assert answer.status == 400
    assert (await answer.json())["type"] == f"{PROBLEM}inconsistent-upload-length"
    assert not gate.store.uploads


@pytest.mark.holds("draft:length-same", "draft6:append-sizes", "draft:append-length-recorded")
@BOTH
async def test_another_length_than_was_told_before_is_refused(gate, version):
    path = await begun(gate, b"pap")
    kept = await append(gate, path, 3, b"e", version=version, headers={"Upload-Length": "6"})

    other = await append(gate, path, 4, b"r", version=version, headers={"Upload-Length": "7"})
    ending = await append(gate, path, 4, b"rs!", complete="?1", version=version)

    asked = await speak(gate, "HEAD", path, version=version)
    assert kept.status in {201, 204}
    assert (other.status, ending.status) == (400, 400)
    assert (await other.json())["type"] == f"{PROBLEM}inconsistent-upload-length"
    assert (asked.headers["Upload-Offset"], asked.headers["Upload-Length"]) == ("4", "6")


@pytest.mark.holds("draft:length-field")
@pytest.mark.parametrize("length", ["-1", "1.5", "many", "?1", '"6"', "", ":Ng==:"])
async def test_a_length_out_of_form_is_as_good_as_not_there(gate, length):
    path = await begun(gate, b"pap", Upload_Length=length)

    asked = await speak(gate, "HEAD", path)

    assert asked.headers["Upload-Offset"] == "3"
    assert "Upload-Length" not in asked.headers


@pytest.mark.holds(
    "draft:creation-cut-kept",
    "draft:creation-cut-incomplete",
    "draft6:creation-cut",
    "draft:head-complete",
    "draft6:head-complete",
)
@BOTH
async def test_a_creation_that_was_cut_is_there_with_what_came_and_not_complete(gate, version):
    line = await dial(gate)
    told = {"Upload-Complete": "?1", "Content-Length": "6"}
    await line.ask("POST", "/files/", told, b"pap", version=version)
    _, first = await line.answer()

    await line.cut()

    path = first["Location"].removeprefix("http://titip")
    asked = await speak(gate, "HEAD", path, version=version)
    assert (asked.headers["Upload-Offset"], asked.headers["Upload-Complete"]) == ("3", "?0")


@pytest.mark.holds("draft:creation-metadata", "draft:security-metadata")
async def test_type_and_name_are_kept_whatever_they_hold(gate):
    name = "../../etc/caf\\u00e9\\r\\n.pdf"
    path = await begun(
        gate,
        Content_Type="application/pdf",
        Content_Disposition=f"inline; filename=\"{name}\"; filename*=UTF-8''..%2F%0D%0A%2C%20c.pdf",
    )

    asked = await gate.ask("HEAD", path)

    told = dict(pair.split(" ") for pair in asked.headers["Upload-Metadata"].split(","))
    assert base64.b64decode(told["filetype"]) == b"application/pdf"
    assert base64.b64decode(told["filename"]).endswith(b", c.pdf")


@pytest.mark.holds("draft:upgrade")
async def test_an_ordinary_put_becomes_resumable_by_one_header(gate):
    plain = await speak(gate, "PUT", "/files/a.pdf", {}, body=b"papers", version=None)
    upgraded = await speak(gate, "PUT", "/files/a.pdf", {"Upload-Complete": "?1"}, body=b"papers")

    assert (plain.status, upgraded.status) == (201, 201)
    assert upgraded.headers["Upload-Complete"] == "?1"
    assert "Upload-Complete" not in plain.headers


@pytest.mark.holds("draft:coding-content", "draft:coding-transfer")
async def test_bytes_are_counted_as_coded_and_without_chunks(gate):
    async def pieces():
        yield b"\x1f\x8b"
        yield b"not really gzip"

    path = await begun(gate, pieces(), complete="?1", Content_Encoding="gzip")

    assert gate.kept(path) == b"\x1f\x8bnot really gzip"


@pytest.mark.holds("draft:security-unguessable", "draft:security-no-leak", "draft:resource-unique")
async def test_addresses_are_random_and_tell_nothing(gate):
    paths = {await begun(gate, b"the same") for _ in range(8)}

    assert len(paths) == 8
    assert all(re.fullmatch(r"/files/[0-9a-f]{32}", path) for path in paths)

"""Resumable Uploads for HTTP, one rule one test: what the headers of a request mean."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from gateway.protocol import draft, problems
from gateway.protocol.commands import Append, BodyHeaders, Command, Create, Inspect, Terminate
from gateway.protocol.errors import ProtocolViolation
from titip import metadata
from titip.upload import Completion

ITEM = "0" * 32
PART = {"Content-Type": "application/partial-upload"}

NAMES = (
    "Upload-Draft-Interop-Version",
    "Upload-Complete",
    "Upload-Length",
    "Upload-Offset",
    "Content-Type",
    "Content-Disposition",
    "Upload-Metadata",
    "Content-Digest",
    "Repr-Digest",
    "Content-Length",
    "Transfer-Encoding",
    "Idempotency-Key",
)


def read(method, headers=(), *, item="", version=8):
    return draft.parse(method, CIMultiDict(headers), item=item, version=version)


def refused(method, headers=(), *, item="", version=8):
    with pytest.raises(ProtocolViolation) as violation:
        read(method, headers, item=item, version=version)
    return violation.value.problem


def appending(**told):
    names = {"complete": "Upload-Complete", "offset": "Upload-Offset", "length": "Upload-Length"}
    headers = {"offset": "5", "complete": "?0", "size": "3", **told}
    sizes = {"Content-Length": headers.pop("size")}
    return PART | sizes | {names[key]: text for key, text in headers.items() if text}


# ---------------------------------------------------------------- creation


def test_a_whole_body_tells_the_length_and_ends_the_file():
    command = read("POST", {"Upload-Complete": "?1", "Content-Length": "9"})

    assert command == Create(9, "", BodyHeaders(9), closing=Completion.NOW)


@pytest.mark.parametrize(
    ("told", "kept"), [("filename YS5qcGc=", b"a.jpg"), ("not base64 !", b"b.jpg"), ("", b"b.jpg")]
)
def test_the_metadata_of_tus_is_understood_here_too(told, kept):
    headers = {
        "Upload-Complete": "?0",
        "Upload-Metadata": told,
        "Content-Disposition": "inline; filename=b.jpg",
    }

    assert metadata.parse(read("POST", headers).metadata) == {"filename": kept}


def test_a_first_part_leaves_the_length_open():
    command = read("POST", {"Upload-Complete": "?0", "Content-Length": "9"})

    assert command == Create(None, "", BodyHeaders(9), closing=Completion.NOT_YET)


def test_a_first_part_may_tell_the_length():
    told = {"Upload-Complete": "?0", "Content-Length": "9", "Upload-Length": "9"}

    assert read("POST", told) == Create(9, "", BodyHeaders(9), closing=Completion.NOT_YET)


def test_a_whole_body_of_unknown_size_ends_the_file_too():
    command = read("POST", {"Upload-Complete": "?1", "Transfer-Encoding": "chunked"})

    assert command == Create(None, "", BodyHeaders(None), closing=Completion.NOW)


@pytest.mark.holds("draft:creation-empty")
@pytest.mark.parametrize(
    ("complete", "length", "closing"), [("?0", None, Completion.NOT_YET), ("?1", 0, Completion.NOW)]
)
def test_a_creation_may_have_no_content(complete, length, closing):
    assert read("POST", {"Upload-Complete": complete}) == Create(length, "", None, closing=closing)


@pytest.mark.holds("draft:length-match", "draft6:creation-sizes")
@pytest.mark.parametrize("version", [6, 8])
@pytest.mark.parametrize(
    ("complete", "size", "length"), [("?1", 9, 10), ("?1", 10, 9), ("?0", 10, 9)]
)
def test_lengths_that_do_not_agree_are_refused(version, complete, size, length):
    told = {
        "Upload-Complete": complete,
        "Content-Length": str(size),
        "Upload-Length": str(length),
    }

    assert refused("POST", told, version=version) == problems.INCONSISTENT_LENGTH


@pytest.mark.holds("draft:creation-metadata")
def test_what_http_says_of_a_file_is_kept():
    told = {
        "Upload-Complete": "?0",
        "Content-Type": "image/jpeg",
        "Content-Disposition": "inline; filename=\"a.jpg\"; filename*=UTF-8''surat%20%e2%82%ac.jpg",
        "Content-Encoding": "gzip",
    }

    command = read("POST", told)

    assert metadata.parse(command.metadata) == {
        "filename": "surat €.jpg".encode(),
        "filetype": b"image/jpeg",
        "contentencoding": b"gzip",
    }


@pytest.mark.holds("draft:upgrade")
def test_a_put_creates_too_and_its_address_names_the_file():
    command = read("PUT", {"Upload-Complete": "?1", "Content-Length": "1"}, item="a b.pdf")

    assert metadata.parse(command.metadata) == {"filename": b"a b.pdf"}


@pytest.mark.holds("draft:complete-field")
@pytest.mark.parametrize("complete", [None, "1", "true", "?2", "?1, ?1", '"?1"', "", "é"])
def test_without_a_readable_upload_complete_a_creation_is_a_plain_one(complete):
    told = {"Content-Length": "9"} | ({} if complete is None else {"Upload-Complete": complete})

    assert read("POST", told) == Create(9, "", BodyHeaders(9, whole=True), closing=Completion.NOW)


@pytest.mark.holds("draft:length-field")
@pytest.mark.parametrize("length", ["-1", "1.0", "9a", '"9"', "?1", "1" * 16, "9, 9"])
def test_an_upload_length_that_is_no_number_is_as_good_as_not_there(length):
    assert read("POST", {"Upload-Complete": "?0", "Upload-Length": length}).length is None


def test_parameters_of_a_field_mean_nothing():
    told = {"Upload-Complete": "?0;a=1", "Upload-Length": "9;b"}

    assert read("POST", told) == Create(9, "", None, closing=Completion.NOT_YET)


def test_a_key_and_digests_are_read():
    digest = "sha-256=:" + "A" * 43 + "=:"
    told = {
        "Upload-Complete": "?1",
        "Content-Length": "9",
        "Idempotency-Key": '"one"',
        "Repr-Digest": digest,
        "Content-Digest": digest,
    }

    command = read("POST", told)

    assert (command.key, command.sha256) == ("one", "00" * 32)
    assert command.body.checksum.algorithm == "sha256"


# ---------------------------------------------------------------- an upload's own address


@pytest.mark.parametrize("version", [None, 6, 8])
@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_head_and_get_ask_for_the_offset(method, version):
    assert read(method, item=ITEM, version=version) == Inspect()


def test_delete_ends():
    assert read("DELETE", item=ITEM) == Terminate()


@pytest.mark.holds("draft6:head-fields", "draft6:cancel-fields")
@pytest.mark.parametrize(
    ("method", "name"),
    [
        ("HEAD", "Upload-Offset"),
        ("HEAD", "Upload-Complete"),
        ("HEAD", "Upload-Length"),
        ("DELETE", "Upload-Offset"),
        ("DELETE", "Upload-Complete"),
    ],
)
def test_only_the_older_version_refuses_fields_beside_head_and_delete(method, name):
    assert refused(method, {name: "0"}, item=ITEM, version=6).status == 400
    assert read(method, {name: "0"}, item=ITEM, version=8)


def test_a_part_is_appended():
    assert read("PATCH", appending(), item=ITEM) == Append(
        5, BodyHeaders(3), closing=Completion.NOT_YET
    )


def test_the_last_part_tells_the_length():
    command = read("PATCH", appending(complete="?1"), item=ITEM)

    assert command == Append(5, BodyHeaders(3), length=8, closing=Completion.NOW)


@pytest.mark.holds("draft:append-empties")
def test_an_empty_append_may_end_the_file():
    command = read("PATCH", appending(complete="?1", size="0"), item=ITEM)

    assert command == Append(5, BodyHeaders(0), length=5, closing=Completion.NOW)


@pytest.mark.parametrize(
    ("complete", "length"), [("?1", "9"), ("?1", "7"), ("?0", "7"), ("?0", "4")]
)
def test_an_append_that_disagrees_with_itself_is_refused(complete, length):
    told = appending(complete=complete, length=length)

    assert refused("PATCH", told, item=ITEM) == problems.INCONSISTENT_LENGTH


def test_another_media_type_is_refused_with_ours():
    problem = refused("PATCH", appending() | {"Content-Type": "text/plain"}, item=ITEM)

    assert problem.status == 415
    assert problem.headers["Accept-Patch"] == "application/partial-upload"


@pytest.mark.holds("draft:offset-field")
@pytest.mark.parametrize("offset", ["", "-1", "5.0", "?0", "x", "5, 5"])
def test_an_append_needs_a_readable_offset(offset):
    assert refused("PATCH", appending(offset=offset), item=ITEM).status == 400


def test_only_the_older_version_appends_without_upload_complete():
    assert refused("PATCH", appending(complete=""), item=ITEM).status == 400
    assert read("PATCH", appending(complete=""), item=ITEM, version=6).closing is Completion.NOT_YET


@pytest.mark.parametrize(
    ("method", "item"), [("PATCH", ""), ("HEAD", ""), ("POST", ITEM), ("BREW", ITEM)]
)
def test_other_methods_are_refused(method, item):
    problem = refused(method, item=item)

    assert problem.status == 405
    assert "PUT" in problem.headers["Allow"]


SHAPED = st.dictionaries(
    st.sampled_from(NAMES), st.sampled_from(["?1", "?0", "5", "8", PART["Content-Type"]])
)
WILD = st.lists(st.tuples(st.sampled_from(NAMES), st.text(max_size=40)), max_size=8)


@given(
    method=st.sampled_from(["POST", "PUT", "PATCH", "HEAD", "GET", "DELETE", "BREW"]),
    fields=st.builds(lambda shaped, wild: CIMultiDict([*shaped.items(), *wild]), SHAPED, WILD),
    item=st.sampled_from(["", ITEM, "nama \udc80.pdf"]),
    version=st.sampled_from([None, 5, 6, 8]),
)
def test_whatever_the_fields_hold_there_is_a_command_or_a_violation(method, fields, item, version):
    with suppress(ProtocolViolation):
        assert isinstance(draft.parse(method, fields, item=item, version=version), Command)


@given(value=st.text(max_size=30) | st.binary(max_size=30).map(lambda raw: raw.decode("latin-1")))
def test_any_version_is_read(value):
    fields = CIMultiDict({"Upload-Draft-Interop-Version": value})

    version = draft.interop(fields)

    assert draft.speaks(fields)
    assert version is None or version >= 0

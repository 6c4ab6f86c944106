"""tus 1.0, one rule one test: what the headers of a request mean."""

import base64
import hashlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from gateway.protocol import tus as protocol
from gateway.protocol.checksum import ALGORITHMS, BodyDigest, Checksum
from gateway.protocol.commands import (
    Append,
    BodyHeaders,
    Command,
    Create,
    Fetch,
    Inspect,
    Terminate,
)
from gateway.protocol.errors import ProtocolViolation
from titip import metadata

TUS = {"Tus-Resumable": "1.0.0"}
BYTES = {"Content-Type": "application/offset+octet-stream"}
SHA1 = "sha1 " + base64.b64encode(hashlib.sha1(b"x", usedforsecurity=False).digest()).decode()

NAMES = (
    "Tus-Resumable",
    "Upload-Length",
    "Upload-Offset",
    "Upload-Metadata",
    "Upload-Checksum",
    "Upload-Concat",
    "Upload-Defer-Length",
    "Content-Digest",
    "Repr-Digest",
    "Content-Type",
    "Content-Length",
    "Content-Encoding",
    "Transfer-Encoding",
    "Trailer",
    "Idempotency-Key",
    "X-HTTP-Method-Override",
)


def read(method, headers=(), *, item=False, tus=True):
    fields = CIMultiDict(TUS if tus else {})
    fields.extend(headers)
    return protocol.parse(protocol.effective_method(method, fields), fields, item=item)


def refused(method, headers=(), *, item=False, tus=True):
    with pytest.raises(ProtocolViolation) as violation:
        read(method, headers, item=item, tus=tus)
    return violation.value.problem


# ---------------------------------------------------------------- the core


@pytest.mark.holds(
    "tus:core-version-412", "tus:core-version-412-lists", "tus:core-resumable-missing"
)
@pytest.mark.parametrize(("method", "item"), [("POST", False), ("PATCH", True), ("HEAD", True)])
@pytest.mark.parametrize("version", [{}, {"Tus-Resumable": "0.2.2"}, {"Tus-Resumable": "1.0"}])
def test_another_version_is_refused_with_ours(method, item, version):
    problem = refused(method, version, item=item, tus=False)

    assert problem.status == 412
    assert problem.headers["Tus-Version"] == "1.0.0"


@pytest.mark.holds("tus:core-version-412-unprocessed")
def test_the_version_is_checked_before_anything_else():
    assert refused("PATCH", {"Content-Type": "text/plain"}, item=True, tus=False).status == 412
    assert refused("BREW", item=True, tus=False).status == 412


def test_a_plain_get_needs_no_version():
    assert read("GET", item=True, tus=False) == Fetch()


def test_head_asks_for_the_offset():
    assert read("HEAD", item=True) == Inspect()


@pytest.mark.holds("tus:core-patch-applied")
def test_a_patch_goes_on_at_its_offset():
    headers = {**BYTES, "Upload-Offset": "70", "Content-Length": "30"}

    assert read("PATCH", headers, item=True) == Append(70, BodyHeaders(30))


def test_a_patch_without_a_body_has_size_zero():
    assert read("PATCH", {**BYTES, "Upload-Offset": "0"}, item=True) == Append(0, BodyHeaders(0))


def test_a_chunked_body_has_no_size():
    headers = {**BYTES, "Upload-Offset": "0", "Transfer-Encoding": "chunked"}

    assert read("PATCH", headers, item=True) == Append(0, BodyHeaders(None))


@pytest.mark.holds("tus:core-patch-type")
@pytest.mark.parametrize("media_type", ["text/plain", "application/octet-stream", ""])
def test_a_patch_of_another_type_is_refused(media_type):
    headers = {"Content-Type": media_type, "Upload-Offset": "0"}

    assert refused("PATCH", headers, item=True).status == 415


def test_the_type_is_compared_without_case_and_parameters():
    headers = {"Content-Type": "Application/Offset+Octet-Stream; x=y", "Upload-Offset": "0"}

    assert read("PATCH", headers, item=True) == Append(0, BodyHeaders(0))


@pytest.mark.holds("tus:core-patch-type")
def test_an_encoded_body_is_refused():
    headers = {**BYTES, "Upload-Offset": "0", "Content-Encoding": "gzip"}

    assert refused("PATCH", headers, item=True).status == 415


@pytest.mark.holds("tus:core-offset-number")
@pytest.mark.parametrize(
    "offset", ["", "-1", "+1", "1.5", "0x10", "\u0661", "1 ", "many", "9" * 41]
)
def test_an_offset_that_is_no_number_is_refused(offset):
    assert refused("PATCH", {**BYTES, "Upload-Offset": offset}, item=True).status == 400


@pytest.mark.holds("tus:core-offset-number")
def test_a_patch_without_an_offset_is_refused():
    assert refused("PATCH", BYTES, item=True).status == 400


def test_a_header_sent_twice_is_refused():
    headers = [*BYTES.items(), ("Upload-Offset", "1"), ("upload-offset", "1")]

    assert refused("PATCH", headers, item=True).status == 400


@pytest.mark.parametrize(
    ("method", "item", "allowed"),
    [
        ("GET", False, "POST"),
        ("PUT", True, "PATCH"),
        ("POST", True, "HEAD"),
        ("PATCH", False, "POST"),
    ],
)
def test_a_method_that_is_not_there_is_told_which_are(method, item, allowed):
    problem = refused(method, item=item)

    assert problem.status == 405
    assert allowed in problem.headers["Allow"]


# ---------------------------------------------------------------- method override


@pytest.mark.holds("tus:core-override", "tus:core-override-actual-ignored")
@pytest.mark.parametrize("meant", ["HEAD", "head"])
def test_a_post_may_stand_for_another_method(meant):
    assert read("POST", {"X-HTTP-Method-Override": meant}, item=True) == Inspect()


@pytest.mark.holds("tus:core-override", "tus:core-override-actual-ignored")
def test_a_post_may_stand_for_patch_and_delete():
    patch = {**BYTES, "X-HTTP-Method-Override": "PATCH", "Upload-Offset": "3"}

    assert read("POST", patch, item=True) == Append(3, BodyHeaders(0))
    assert read("POST", {"X-HTTP-Method-Override": "DELETE"}, item=True) == Terminate()


@pytest.mark.parametrize("meant", ["PUT", "BREW", "\u00e9", ""])
def test_a_method_that_is_not_there_cannot_be_meant_either(meant):
    assert refused("POST", {"X-HTTP-Method-Override": meant}, item=True).status == 405


@pytest.mark.holds("tus:core-override-actual-ignored")
@pytest.mark.parametrize("method", ["POST", "GET", "HEAD", "PUT", "PATCH", "DELETE", "BREW"])
def test_whatever_was_sent_the_method_that_is_meant_counts(method):
    assert read(method, {"X-HTTP-Method-Override": "DELETE"}, item=True) == Terminate()


def test_options_stands_for_itself():
    assert protocol.effective_method("OPTIONS", CIMultiDict(TUS)) == "OPTIONS"
    fields = CIMultiDict({"X-HTTP-Method-Override": "DELETE"})
    assert protocol.effective_method("OPTIONS", fields) == "OPTIONS"


# ---------------------------------------------------------------- creation


def test_a_creation_tells_length_and_metadata():
    headers = {"Upload-Length": "100", "Upload-Metadata": "filename YS5wZGY="}

    assert read("POST", headers) == Create(100, "filename YS5wZGY=", None)


def test_an_empty_metadata_header_is_no_metadata():
    assert read("POST", {"Upload-Length": "1", "Upload-Metadata": ""}) == Create(1, "", None)


def test_an_empty_file_has_length_zero():
    assert read("POST", {"Upload-Length": "0"}) == Create(0, "", None)


@pytest.mark.holds("tus:creation-length-needed")
def test_a_creation_without_a_length_is_refused():
    assert refused("POST").status == 400


@pytest.mark.holds("tus:core-length-number")
@pytest.mark.parametrize("length", ["-1", "1e3", "", "ten"])
def test_a_length_that_is_no_number_is_refused(length):
    assert refused("POST", {"Upload-Length": length}).status == 400


@pytest.mark.holds(
    "tus:creation-metadata-grammar", "tus:creation-metadata-unique", "tus:creation-metadata-base64"
)
@pytest.mark.parametrize("header", ["a b c", "k !!!", ",", "k YQ==,k YQ==", "k YQ"])
def test_malformed_metadata_is_refused(header):
    assert refused("POST", {"Upload-Length": "1", "Upload-Metadata": header}).status == 400


def test_a_length_may_be_left_open():
    assert read("POST", {"Upload-Defer-Length": "1"}) == Create(None, "", None)


@pytest.mark.parametrize(
    "headers",
    [
        {"Upload-Defer-Length": "0"},
        {"Upload-Defer-Length": "true"},
        {"Upload-Defer-Length": ""},
        {"Upload-Defer-Length": "1", "Upload-Length": "5"},
        {},
    ],
)
def test_a_length_is_told_or_left_open_and_not_both(headers):
    assert refused("POST", headers).status == 400


def test_a_length_that_was_left_open_is_told_with_a_patch():
    headers = {**BYTES, "Upload-Offset": "3", "Upload-Length": "9", "Content-Length": "2"}

    assert read("PATCH", headers, item=True) == Append(3, BodyHeaders(2), length=9)


# ---------------------------------------------------------------- concatenation

A, B = "a" * 32, "b" * 32


def test_a_part_is_an_upload_that_says_so():
    headers = {"Upload-Length": "5", "Upload-Concat": "partial"}

    assert read("POST", headers) == Create(5, "", None, concat="partial")


def test_the_length_of_a_part_may_be_left_open():
    headers = {"Upload-Defer-Length": "1", "Upload-Concat": "partial"}

    assert read("POST", headers).length is None


def test_what_is_joined_names_its_parts_in_order():
    told = f"final;/files/{B} http://titip/files/{A} /files/{B}"

    command = read("POST", {"Upload-Concat": told, "Upload-Metadata": "name YQ=="})

    assert command.parts == (B, A, B)
    assert (command.length, command.body, command.metadata) == (None, None, "name YQ==")
    assert command.concat == told


def test_the_same_joining_has_the_same_key_and_another_one_another():
    def key(*parts, **more):
        told = "final;" + " ".join(f"/files/{one}" for one in parts)
        return read("POST", {"Upload-Concat": told, **more}).key

    assert key(A, B) == key(A, B)
    assert len({key(A, B), key(B, A), key(A), key(A, B, **{"Upload-Metadata": "name YQ=="})}) == 4
    assert key(A, B, **{"Idempotency-Key": '"mine"'}) == "mine"


@pytest.mark.parametrize(
    "headers",
    [
        {"Upload-Concat": "final"},
        {"Upload-Concat": "final;"},
        {"Upload-Concat": "whole"},
        {"Upload-Concat": f"final;/elsewhere/{A}"},
        {"Upload-Concat": f"final;/files/{A}", "Upload-Length": "5"},
        {"Upload-Concat": f"final;/files/{A}", "Upload-Defer-Length": "1"},
        {"Upload-Concat": f"final;/files/{A}", "Content-Length": "5", **BYTES},
        {"Upload-Concat": "partial"},
    ],
)
def test_a_concatenation_that_makes_no_sense_is_refused(headers):
    assert refused("POST", headers).status == 400


# ---------------------------------------------------------------- what the whole digests to

WHOLE = hashlib.sha256(b"whole").digest()
REPR = f"sha-256=:{base64.b64encode(WHOLE).decode()}:"


def told_sha256(value):
    return "sha256 " + base64.b64encode(value).decode()


@pytest.mark.parametrize(
    "headers",
    [
        {"Upload-Metadata": told_sha256(WHOLE)},
        {"Upload-Metadata": told_sha256(WHOLE.hex().encode())},
        {"Upload-Metadata": told_sha256(WHOLE.hex().upper().encode())},
        {"Repr-Digest": REPR},
        {"Repr-Digest": f"md5=:YQ==:, {REPR}"},
        {"Repr-Digest": REPR, "Upload-Metadata": told_sha256(WHOLE)},
    ],
)
def test_a_sender_may_declare_what_the_whole_digests_to(headers):
    assert read("POST", {"Upload-Length": "5", **headers}).sha256 == WHOLE.hex()


@pytest.mark.parametrize(
    "headers",
    [
        {"Upload-Metadata": told_sha256(b"not a digest")},
        {"Upload-Metadata": "sha256"},
        {"Upload-Metadata": told_sha256(bytes(32)), "Repr-Digest": REPR},
    ],
)
def test_a_declaration_that_cannot_be_kept_to_is_refused(headers):
    assert refused("POST", {"Upload-Length": "5", **headers}).status == 400


@pytest.mark.parametrize(
    "field", ["sha-256=:YQ==:", "sha-256=5", "???", "md5=:YQ==:", "sha-256=(1)"]
)
def test_a_digest_field_that_says_nothing_we_know_counts_as_not_sent(field):
    assert read("POST", {"Upload-Length": "5", "Repr-Digest": field}).sha256 == ""


def test_a_part_declares_nothing_of_the_whole():
    headers = {"Upload-Length": "5", "Upload-Concat": "partial", "Repr-Digest": REPR}

    assert read("POST", headers).sha256 == ""


def test_a_content_digest_stands_for_a_checksum():
    digest = base64.b64encode(WHOLE).decode()
    headers = {**BYTES, "Upload-Offset": "0", "Content-Digest": f"sha-256=:{digest}:"}

    assert read("PATCH", headers, item=True).body.checksum == Checksum("sha256", WHOLE)


def test_a_creation_may_bring_its_first_bytes():
    headers = {**BYTES, "Upload-Length": "5", "Content-Length": "5"}

    assert read("POST", headers) == Create(5, "", BodyHeaders(5))


def test_a_creation_may_bring_bytes_without_telling_how_many():
    headers = {**BYTES, "Upload-Length": "5", "Transfer-Encoding": "chunked"}

    assert read("POST", headers) == Create(5, "", BodyHeaders(None))


@pytest.mark.holds("tus:with-upload-type")
def test_a_creation_with_a_body_of_another_type_is_refused():
    headers = {"Upload-Length": "5", "Content-Length": "5", "Content-Type": "text/plain"}

    assert refused("POST", headers).status == 415


def test_a_type_without_a_body_is_ignored():
    assert read("POST", {"Upload-Length": "5", "Content-Type": "text/plain"}).length == 5


@pytest.mark.holds("tus:with-upload-rules", "titip:length-413")
def test_a_creation_with_more_bytes_than_its_length_is_refused():
    headers = {**BYTES, "Upload-Length": "5", "Content-Length": "6"}

    assert refused("POST", headers).status == 413


@pytest.mark.parametrize("key", ["k", "a-b_C.9", "x" * 128])
def test_a_creation_may_have_a_key(key):
    headers = {"Upload-Length": "5", "Idempotency-Key": f'"{key}"'}

    assert read("POST", headers) == Create(5, "", None, key)
    assert read("POST", {**headers, "Idempotency-Key": key}) == Create(5, "", None, key)


@pytest.mark.parametrize(
    "key", ["", "k k", '""', '"', '"k', 'k"', '"a"b"', '"\u00e9"', '"' + "x" * 129 + '"']
)
def test_a_key_that_cannot_be_one_is_refused(key):
    assert refused("POST", {"Upload-Length": "5", "Idempotency-Key": key}).status == 400


# ---------------------------------------------------------------- checksum


@pytest.mark.holds("tus:checksum-header")
def test_a_checksum_names_its_algorithm_and_digest():
    headers = {**BYTES, "Upload-Offset": "0", "Content-Length": "1", "Upload-Checksum": SHA1}

    command = read("PATCH", headers, item=True)

    assert command.body.checksum == Checksum("sha1", hashlib.sha1(b"x").digest())  # noqa: S324


@pytest.mark.holds("tus:checksum-header", "tus:checksum-unknown-400")
@pytest.mark.parametrize(
    "header", ["crc99 YQ==", "sha1", "sha1 YQ==", "sha1 !!!", "sha1 \u00e9", ""]
)
def test_a_checksum_that_cannot_be_checked_is_refused(header):
    headers = {**BYTES, "Upload-Offset": "0", "Upload-Checksum": header}

    assert refused("PATCH", headers, item=True).status == 400


CHUNKED = {**BYTES, "Upload-Offset": "0", "Transfer-Encoding": "chunked"}


@pytest.mark.parametrize("name", ["Upload-Checksum", "expires, UPLOAD-CHECKSUM ,x"])
def test_a_checksum_may_be_announced_as_a_trailer_field(name):
    command = read("PATCH", {**CHUNKED, "Trailer": name}, item=True)

    assert command.body == BodyHeaders(None, trailed=True)


@pytest.mark.parametrize("name", ["", "Expires", "X-Upload-Checksum", "Content-Digest"])
def test_other_trailer_fields_may_be_announced_too(name):
    command = read("PATCH", {**CHUNKED, "Trailer": name}, item=True)

    assert command.body == BodyHeaders(None)


@pytest.mark.parametrize(
    "headers",
    [
        {"Transfer-Encoding": "chunked", "Upload-Checksum": SHA1},
        {"Content-Length": "1"},
        {},
    ],
)
def test_a_trailer_without_chunks_or_beside_a_header_is_refused(headers):
    sent = {**BYTES, "Upload-Offset": "0", "Trailer": "Upload-Checksum", **headers}

    assert refused("PATCH", sent, item=True).status == 400


@pytest.mark.holds("tus:checksum-trailer-missing")
@pytest.mark.parametrize("trailer", [None, {}, {"Expires": "0"}, {"Upload-Checksum": "sha1"}])
def test_a_checksum_that_did_not_come_in_the_trailer_is_a_violation(trailer):
    with pytest.raises(ProtocolViolation):
        protocol.trailed_checksum(None if trailer is None else CIMultiDict(trailer))


@pytest.mark.holds("tus:checksum-trailer-compared")
def test_a_checksum_in_the_trailer_is_read_as_one_in_the_head():
    told = protocol.trailed_checksum(CIMultiDict({"upload-checksum": SHA1}))

    assert told == Checksum("sha1", hashlib.sha1(b"x").digest())  # noqa: S324


DIGESTS = {
    **{name: hashlib.new(name, b"body").digest() for name in ("sha1", "sha256", "sha512", "md5")},
    "crc32": bytes.fromhex("dba80bb2"),
}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_tells_the_right_body_from_a_wrong_one(algorithm):
    checksum = Checksum(algorithm, DIGESTS[algorithm])
    right, wrong = BodyDigest(checksum), BodyDigest(checksum)

    right.update(b"body")
    wrong.update(b"b0dy")

    assert right.fits()
    assert not wrong.fits()


def test_crc32_is_the_one_with_the_known_check_value():
    running = ALGORITHMS["crc32"]()

    running.update(b"12345")
    running.update(b"6789")

    assert running.digest().hex() == "cbf43926"


# ---------------------------------------------------------------- any garbage at all

VALUES = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["1.0.0", "0", "1", "7", "chunked", "PATCH", "HEAD", SHA1, BYTES["Content-Type"]]
    ),
)
METHODS = st.sampled_from(["POST", "PATCH", "HEAD", "DELETE", "GET", "PUT", "", "\u00e9"])


@given(METHODS, st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=8), st.booleans())
def test_whatever_the_headers_hold_it_is_a_command_or_a_violation(method, headers, item):
    with suppress(ProtocolViolation):
        assert isinstance(read(method, headers, item=item), Command)


@given(
    st.integers(0, 10**15),
    st.dictionaries(
        st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.binary(max_size=40), max_size=4
    ),
)
def test_what_a_creation_says_is_what_is_read(length, pairs):
    header = metadata.render(pairs)

    command = read("POST", {"Upload-Length": str(length), "Upload-Metadata": header})

    assert command.length == length
    assert metadata.parse(command.metadata) == pairs

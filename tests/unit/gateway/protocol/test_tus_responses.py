"""tus 1.0, one rule one test: what the answers tell of an upload."""

import base64
import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol import checksum, tus_responses
from gateway.protocol.commands import Answer, UploadLimits
from gateway.protocol.digest_fields import repr_digest
from titip.upload import Upload, UploadId, UploadState

NOON = datetime(2025, 3, 13, 12, tzinfo=UTC)
TERMS = UploadLimits(max_upload=1000, max_unfinished_age=timedelta(days=7))
FOR_EVER = UploadLimits(max_upload=1000, max_unfinished_age=None)

OPEN = Upload(UploadId("0" * 32), "pair", 100, NOON, offset=40, metadata="name YQ==")
SEALED = replace(
    OPEN,
    offset=100,
    state=UploadState.SEALED,
    sha256=hashlib.sha256(b"papers").hexdigest(),
    ended_at=NOON,
)


@pytest.mark.holds(
    "tus:core-version-list",
    "tus:core-extension-list",
    "tus:core-max-size-number",
    "tus:core-max-size-set",
    "tus:core-options-rest",
    "tus:creation-announced",
    "tus:with-upload-announced",
    "tus:with-upload-needs-creation",
    "tus:defer-announced",
    "tus:termination-announced",
    "tus:expiration-announced",
    "tus:checksum-announced",
    "tus:checksum-trailer-announced",
    "tus:checksum-list",
    "tus:concat-announced",
    "tus:concat-unfinished-announced",
    "tus:creation-implemented",
)
def test_discovery_tells_version_extensions_limit_and_algorithms():
    answer = tus_responses.discovery(TERMS)

    assert answer.status == 200
    assert answer.headers["Tus-Version"] == "1.0.0"
    assert answer.headers["Tus-Max-Size"] == "1000"
    assert answer.headers["Tus-Checksum-Algorithm"].split(",") == list(checksum.ALGORITHMS)
    assert set(answer.headers["Tus-Extension"].split(",")) == {
        "creation",
        "creation-with-upload",
        "creation-defer-length",
        "termination",
        "concatenation",
        "concatenation-unfinished",
        "expiration",
        "checksum",
        "checksum-trailer",
    }


@pytest.mark.holds("tus:checksum-sha1")
def test_sha1_is_among_the_algorithms():
    assert "sha1" in checksum.ALGORITHMS


@pytest.mark.holds("titip:extensions-computed")
def test_what_is_not_there_is_not_offered(monkeypatch):
    monkeypatch.setattr(checksum, "ALGORITHMS", {})

    assert not {"checksum", "checksum-trailer", "expiration"} & set(
        tus_responses.extensions(FOR_EVER)
    )


@pytest.mark.holds("tus:creation-201", "tus:creation-location", "tus:expiration-creation")
def test_a_creation_tells_where_and_until_when():
    answer = tus_responses.created(
        replace(OPEN, offset=0), "http://x/files/1", TERMS, tells_offset=False
    )

    assert answer.status == 201
    assert answer.headers == {
        "Location": "http://x/files/1",
        "Upload-Expires": "Thu, 20 Mar 2025 12:00:00 GMT",
    }


@pytest.mark.holds("tus:with-upload-offset")
def test_a_creation_with_bytes_tells_how_many_were_kept():
    answer = tus_responses.created(OPEN, "/files/1", TERMS, tells_offset=True)

    assert answer.headers["Upload-Offset"] == "40"


@pytest.mark.holds("titip:proof-told")
def test_a_creation_that_is_complete_tells_its_digest_and_no_expiry():
    answer = tus_responses.created(SEALED, "/files/1", TERMS, tells_offset=False)

    assert answer.headers["Upload-Offset"] == "100"
    assert "Repr-Digest" in answer.headers
    assert "Upload-Expires" not in answer.headers


@pytest.mark.holds("tus:core-patch-204", "tus:core-patch-offset", "tus:expiration-patch")
def test_an_append_tells_offset_and_expiry():
    answer = tus_responses.appended(OPEN, TERMS)

    assert answer.status == 204
    assert answer.headers["Upload-Offset"] == "40"
    assert answer.headers["Upload-Expires"] == "Thu, 20 Mar 2025 12:00:00 GMT"


@pytest.mark.holds("tus:expiration-moves")
def test_expiry_counts_from_the_last_activity():
    touched = replace(OPEN, touched_at=NOON + timedelta(days=1))

    assert (
        tus_responses.appended(touched, TERMS).headers["Upload-Expires"].startswith("Fri, 21 Mar")
    )


def test_nothing_expires_where_unfinished_uploads_stay():
    assert "Upload-Expires" not in tus_responses.appended(OPEN, FOR_EVER).headers


@pytest.mark.holds(
    "tus:core-head-offset", "tus:core-head-length", "tus:core-head-status", "tus:core-head-no-store"
)
def test_head_tells_offset_length_and_metadata_and_is_not_cached():
    answer = tus_responses.inspected(OPEN, TERMS)

    assert answer.status == 200
    assert answer.headers["Upload-Offset"] == "40"
    assert answer.headers["Upload-Length"] == "100"
    assert answer.headers["Upload-Metadata"] == "name YQ=="
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Upload-Expires" in answer.headers


def test_head_is_silent_on_metadata_that_was_never_given():
    assert (
        "Upload-Metadata" not in tus_responses.inspected(replace(OPEN, metadata=""), TERMS).headers
    )


@pytest.mark.holds("titip:proof-told")
def test_head_of_a_sealed_upload_tells_its_digest():
    assert tus_responses.inspected(SEALED, TERMS).headers["Repr-Digest"] == repr_digest(
        SEALED.sha256
    )


@pytest.mark.holds("tus:termination-204")
def test_a_termination_is_answered_without_content():
    assert tus_responses.terminated() == Answer(204)


@pytest.mark.parametrize("data", [b"", b"papers"])
def test_a_digest_is_written_as_rfc_9530_has_it(data):
    expected = base64.b64encode(hashlib.sha256(data).digest()).decode()

    assert repr_digest(hashlib.sha256(data).hexdigest()) == f"sha-256=:{expected}:"


@pytest.mark.holds("tus:expiration-date")
@given(st.datetimes(datetime(1980, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_expiry_is_a_date_of_rfc_9110(created_at):
    told = tus_responses.appended(replace(OPEN, created_at=created_at), TERMS).headers[
        "Upload-Expires"
    ]

    read = datetime.strptime(told, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
    assert read == (created_at + timedelta(days=7)).replace(microsecond=0)


def test_an_upload_whose_length_is_left_open_says_so():
    headers = tus_responses.inspected(replace(OPEN, length=None), TERMS).headers

    assert headers["Upload-Defer-Length"] == "1"
    assert "Upload-Length" not in headers


JOINED = replace(OPEN, length=None, offset=0, concat="final;/files/a /files/b")


def test_what_is_joined_has_an_offset_once_it_is_joined():
    before = tus_responses.inspected(JOINED, TERMS).headers
    after = tus_responses.inspected(replace(SEALED, concat=JOINED.concat), TERMS).headers

    assert not {"Upload-Offset", "Upload-Length", "Upload-Defer-Length"} & set(before)
    assert (after["Upload-Offset"], after["Upload-Length"]) == ("100", "100")
    assert before["Upload-Concat"] == after["Upload-Concat"] == JOINED.concat


def test_a_creation_answers_what_it_is_part_of():
    part = replace(OPEN, concat="partial")

    assert tus_responses.created(part, "/files/1", TERMS, tells_offset=False).headers[
        "Upload-Concat"
    ]
    joined = tus_responses.created(JOINED, "/files/1", TERMS, tells_offset=False).headers
    assert "Upload-Offset" not in joined
    assert (
        "Upload-Offset" not in tus_responses.created(JOINED, "/f", TERMS, tells_offset=True).headers
    )


def test_a_part_has_its_offset_also_when_it_is_complete():
    part = replace(OPEN, concat="partial", offset=100)

    assert tus_responses.inspected(part, TERMS).headers["Upload-Offset"] == "100"

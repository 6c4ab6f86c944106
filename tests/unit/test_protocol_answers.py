"""tus 1.0, one rule one test: what the answers tell of an upload."""

import base64
import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import checksum, protocol
from gateway.protocol import Terms
from titip.upload import Upload, UploadId, UploadState

NOON = datetime(2025, 3, 13, 12, tzinfo=UTC)
TERMS = Terms(max_upload=1000, max_unfinished_age=timedelta(days=7))
FOR_EVER = Terms(max_upload=1000, max_unfinished_age=None)

OPEN = Upload(UploadId("0" * 32), "pair", 100, NOON, offset=40, metadata="name YQ==")
SEALED = replace(
    OPEN,
    offset=100,
    state=UploadState.SEALED,
    sha256=hashlib.sha256(b"papers").hexdigest(),
    ended_at=NOON,
)


def test_discovery_tells_version_extensions_limit_and_algorithms():
    answer = protocol.discovery(TERMS)

    assert answer.status == 200
    assert answer.headers["Tus-Version"] == "1.0.0"
    assert answer.headers["Tus-Max-Size"] == "1000"
    assert answer.headers["Tus-Checksum-Algorithm"].split(",") == list(checksum.ALGORITHMS)
    assert set(answer.headers["Tus-Extension"].split(",")) == {
        "creation",
        "creation-with-upload",
        "termination",
        "expiration",
        "checksum",
    }


def test_sha1_is_among_the_algorithms():
    assert "sha1" in checksum.ALGORITHMS


def test_what_is_not_there_is_not_offered(monkeypatch):
    monkeypatch.setattr(checksum, "ALGORITHMS", {})

    assert protocol.extensions(FOR_EVER) == ("creation", "creation-with-upload", "termination")


def test_a_creation_tells_where_and_until_when():
    answer = protocol.created(
        replace(OPEN, offset=0), "http://x/files/1", TERMS, tells_offset=False
    )

    assert answer.status == 201
    assert answer.headers == {
        "Location": "http://x/files/1",
        "Upload-Expires": "Thu, 20 Mar 2025 12:00:00 GMT",
    }


def test_a_creation_with_bytes_tells_how_many_were_kept():
    answer = protocol.created(OPEN, "/files/1", TERMS, tells_offset=True)

    assert answer.headers["Upload-Offset"] == "40"


def test_a_creation_that_is_complete_tells_its_digest_and_no_expiry():
    answer = protocol.created(SEALED, "/files/1", TERMS, tells_offset=False)

    assert answer.headers["Upload-Offset"] == "100"
    assert "Repr-Digest" in answer.headers
    assert "Upload-Expires" not in answer.headers


def test_an_append_tells_offset_and_expiry():
    answer = protocol.appended(OPEN, TERMS)

    assert answer.status == 204
    assert answer.headers["Upload-Offset"] == "40"
    assert answer.headers["Upload-Expires"] == "Thu, 20 Mar 2025 12:00:00 GMT"


def test_expiry_counts_from_the_last_activity():
    touched = replace(OPEN, touched_at=NOON + timedelta(days=1))

    assert protocol.appended(touched, TERMS).headers["Upload-Expires"].startswith("Fri, 21 Mar")


def test_nothing_expires_where_unfinished_uploads_stay():
    assert "Upload-Expires" not in protocol.appended(OPEN, FOR_EVER).headers


def test_head_tells_offset_length_and_metadata_and_is_not_cached():
    answer = protocol.inspected(OPEN, TERMS)

    assert answer.status == 200
    assert answer.headers["Upload-Offset"] == "40"
    assert answer.headers["Upload-Length"] == "100"
    assert answer.headers["Upload-Metadata"] == "name YQ=="
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Upload-Expires" in answer.headers


def test_head_is_silent_on_metadata_that_was_never_given():
    assert "Upload-Metadata" not in protocol.inspected(replace(OPEN, metadata=""), TERMS).headers


def test_head_of_a_sealed_upload_tells_its_digest():
    assert protocol.inspected(SEALED, TERMS).headers["Repr-Digest"] == protocol.repr_digest(
        SEALED.sha256
    )


def test_a_termination_is_answered_without_content():
    assert protocol.terminated() == protocol.Answer(204)


@pytest.mark.parametrize("data", [b"", b"papers"])
def test_a_digest_is_written_as_rfc_9530_has_it(data):
    expected = base64.b64encode(hashlib.sha256(data).digest()).decode()

    assert protocol.repr_digest(hashlib.sha256(data).hexdigest()) == f"sha-256=:{expected}:"


@given(st.datetimes(datetime(1980, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_expiry_is_a_date_of_rfc_9110(created_at):
    told = protocol.appended(replace(OPEN, created_at=created_at), TERMS).headers["Upload-Expires"]

    read = datetime.strptime(told, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
    assert read == (created_at + timedelta(days=7)).replace(microsecond=0)

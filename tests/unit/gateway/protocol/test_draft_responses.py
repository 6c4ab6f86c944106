"""Resumable Uploads for HTTP, one rule one test: how an upload, or a problem, is told."""

from datetime import UTC, datetime, timedelta

import http_sf
import pytest

from gateway.protocol import draft_responses, problems
from gateway.protocol.commands import UploadLimits
from gateway.protocol.draft_responses import DraftResponseOptions
from titip.upload import Upload, UploadId, UploadState

ITEM = "0" * 32
NOW = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)
WEEK = UploadLimits(1000, timedelta(days=7))
IANA = "https://iana.org/assignments/http-problem-types#"


def upload(*, length=10, offset=4, state=UploadState.OPEN):
    sealed = state is UploadState.SEALED
    return Upload(
        id=UploadId(ITEM),
        submitter="pair-1",
        length=length,
        created_at=NOW - timedelta(hours=1),
        offset=offset,
        state=state,
        sha256="00" * 32 if sealed else "",
    )


SEALED = upload(offset=10, state=UploadState.SEALED)


def wording(version=8, *, terms=WEEK, tells_digest=True):
    return DraftResponseOptions(version, terms, lambda: NOW, tells_digest=tells_digest)


def limits(answer):
    return http_sf.parse(answer.headers["Upload-Limit"].encode(), tltype="dictionary")


@pytest.mark.holds("draft:options-limit", "draft6:options-limit")
def test_discovery_tells_the_limits_and_what_a_patch_may_be():
    told = draft_responses.discovery(wording()).headers

    assert told["Upload-Limit"] == f"max-size=1000, max-age={7 * 86400}"
    assert "application/partial-upload" in told["Accept-Patch"]


def test_an_unfinished_creation_is_told_as_one():
    answer = draft_responses.created(upload(), "http://here/files/x", wording())

    assert answer.status == 201
    assert answer.headers["Location"] == "http://here/files/x"
    assert (answer.headers["Upload-Complete"], answer.headers["Upload-Offset"]) == ("?0", "4")


@pytest.mark.holds("draft:limit-form", "draft6:limit-expires")
@pytest.mark.parametrize(("version", "name"), [(8, "max-age"), (None, "max-age"), (6, "expires")])
def test_limits_are_a_dictionary_of_whole_numbers(version, name):
    answer = draft_responses.inspected(upload(), wording(version))

    assert limits(answer) == {"max-size": (1000, {}), name: (7 * 86400 - 3600, {})}


def test_what_does_not_expire_has_no_age():
    assert draft_responses.limit(wording(terms=UploadLimits(1000, None))) == "max-size=1000"
    assert draft_responses.limit(wording(), SEALED) == "max-size=1000"


def test_an_overdue_upload_has_no_time_left():
    terms = UploadLimits(1000, timedelta(minutes=1))

    assert draft_responses.limit(wording(terms=terms), upload()) == "max-size=1000, max-age=0"


def test_uploads_to_come_have_their_whole_age():
    assert draft_responses.limit(wording()) == f"max-size=1000, max-age={7 * 86400}"


@pytest.mark.parametrize(
    ("version", "state", "status"),
    [
        (8, UploadState.OPEN, 204),
        (8, UploadState.SEALED, 200),
        (6, UploadState.OPEN, 201),
        (6, UploadState.SEALED, 201),
    ],
)
def test_the_versions_answer_an_append_each_in_its_way(version, state, status):
    answer = draft_responses.appended(upload(state=state), wording(version))

    assert answer.status == status
    assert answer.headers["Upload-Complete"] == ("?1" if state is UploadState.SEALED else "?0")


def test_an_inspection_tells_the_length_once_it_was_told():
    assert draft_responses.inspected(upload(), wording()).headers["Upload-Length"] == "10"
    assert "Upload-Length" not in draft_responses.inspected(upload(length=None), wording()).headers


@pytest.mark.holds("draft:digest-wanted")
def test_the_digest_of_a_sealed_upload_is_told_unless_it_is_not_wanted():
    told = draft_responses.inspected(SEALED, wording())
    spared = draft_responses.inspected(SEALED, wording(tells_digest=False))

    assert told.headers["Repr-Digest"].startswith("sha-256=:")
    assert "Repr-Digest" not in spared.headers


def say(problem, version=8, *, about=None, provided=None):
    return draft_responses.refused(problem, wording(version), upload=about, provided=provided)


@pytest.mark.holds("draft:problem-offset", "draft:problem-offset-members")
def test_a_conflict_is_the_problem_of_the_draft():
    conflict = problems.OFFSET_CONFLICT.because("", headers={"Upload-Offset": "4"})

    said = say(conflict, about=upload(), provided=9)

    assert said.status == 409
    assert said.headers["Upload-Complete"] == "?0"
    assert said.headers["Upload-Offset"] == "4"
    shown = said.as_json()
    assert shown["type"] == IANA + "mismatching-upload-offset"
    assert (shown["expected-offset"], shown["provided-offset"]) == (4, 9)


def test_a_conflict_that_knows_no_offsets_names_none():
    assert set(say(problems.OFFSET_CONFLICT).members) == set()


@pytest.mark.holds("draft:length-problem")
def test_inconsistent_lengths_are_the_problem_of_the_draft():
    said = say(problems.INCONSISTENT_LENGTH)

    assert said.as_json()["type"] == IANA + "inconsistent-upload-length"


@pytest.mark.holds("draft6:append-completed-problem")
def test_only_the_older_version_has_a_problem_for_a_complete_upload():
    older = say(problems.IN_CUSTODY, 6, about=SEALED, provided=10)
    newer = say(problems.IN_CUSTODY, 8, about=SEALED, provided=10)
    cancelling = say(problems.IN_CUSTODY, 6, about=SEALED)

    assert (older.status, older.uri) == (400, IANA + "completed-upload")
    assert newer.status == cancelling.status == 403


def test_the_older_version_knows_only_not_found():
    assert say(problems.UPLOAD_GONE, 6).status == 404
    assert say(problems.UPLOAD_GONE, 8).status == 410


@pytest.mark.holds("draft:limit-413")
def test_what_is_too_large_is_told_the_limit():
    assert "max-size=1000" in say(problems.TOO_LARGE).headers["Upload-Limit"]


@pytest.mark.parametrize(
    ("state", "told"), [(UploadState.OPEN, True), (UploadState.TERMINATED, False)]
)
def test_a_refusal_tells_the_offset_while_there_is_one(state, told):
    said = say(problems.DRAINING, about=upload(state=state))

    assert ("Upload-Offset" in said.headers) == told


def test_a_refusal_for_another_request_tells_no_offset_of_its_own():
    saved = problems.LOCKED.because("", headers={"Upload-Offset": "3"})

    assert "Upload-Offset" not in say(problems.LOCKED, about=upload()).headers
    assert say(saved, about=upload()).headers["Upload-Offset"] == "3"

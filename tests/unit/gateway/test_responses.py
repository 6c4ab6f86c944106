"""Every error has one answer, and every answer can be read."""

import pytest

from gateway.admission import Admission, admit_length
from gateway.protocol import cors, problems
from gateway.protocol.error_mapping import for_head, to_problem
from gateway.protocol.errors import BodyInterrupted, Ending, Refusal, UploadLocked
from gateway.uploads.download import LONGEST_NAME, disposition
from tests.fake_records import MemoryRecords
from tests.fakes import MemoryStore
from titip import errors


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.UploadMissing(), 404),
        (errors.UploadGone(), 410),
        (errors.UploadClosed(), 403),
        (errors.UploadHeld(), 403),
        (errors.OffsetConflict(committed=7), 409),
        (errors.LengthExceeded(), 413),
        (errors.StorageFull(), 507),
        (errors.StorageBroken(), 503),
        (errors.IllegalEvent(), 409),
        (errors.LeaseLost(), 500),
        (UploadLocked(), 423),
        (Refusal(problems.NO_TOKEN), 401),
        (BodyInterrupted(Ending.CUT, committed=7), 400),
        (BodyInterrupted(Ending.SILENT, committed=7), 503),
        (BodyInterrupted(Ending.ASKED_TO_LEAVE, committed=7), 423),
        (BodyInterrupted(Ending.DRAINING, committed=7), 503),
    ],
)
def test_an_error_has_one_status_and_passing_trouble_says_when_to_come_again(error, status):
    problem = to_problem(error)

    assert problem.status == status
    assert ("Retry-After" in problem.headers) == (status in {423, 500, 503, 507})


@pytest.mark.holds("tus:core-offset-conflict")
def test_a_conflict_and_a_cut_tell_the_committed_offset():
    for error in (errors.OffsetConflict(committed=7), BodyInterrupted(Ending.CUT, committed=7)):
        assert to_problem(error).headers["Upload-Offset"] == "7"


@pytest.mark.holds("titip:head-never-5xx")
@pytest.mark.parametrize("problem", problems.CATALOGUE, ids=lambda problem: problem.slug)
def test_head_softens_trouble_and_nothing_else(problem):
    answered = for_head(problem)

    if problem.status < 500:
        assert answered == problem
    else:
        assert (answered.slug, answered.status) == (problems.PASSING_TROUBLE.slug, 423)
        assert answered.headers["Retry-After"] == "5"


@pytest.mark.holds("titip:problems")
def test_every_problem_has_a_name_of_its_own_and_reads_as_rfc_9457():
    slugs = [problem.slug for problem in problems.CATALOGUE]

    assert len(set(slugs)) == len(slugs)
    for problem in problems.CATALOGUE:
        shown = problem.as_json()
        assert shown["type"] == f"urn:titip:problem:{problem.slug}"
        assert shown["status"] == problem.status
        assert shown["title"]
        assert ("detail" in shown) == bool(problem.detail)


def test_the_catalogue_is_complete():
    named = [value for value in vars(problems).values() if isinstance(value, problems.Problem)]

    assert {one.slug for one in named} == {one.slug for one in problems.CATALOGUE}


@pytest.mark.parametrize("length", [0, 99, 100])
def test_what_fits_within_the_limit_is_admitted(length):
    admit_length(length, max_upload=100)


def test_what_is_too_large_is_refused_with_the_limit():
    with pytest.raises(Refusal) as refusal:
        admit_length(101, max_upload=100)

    assert refusal.value.problem.status == 413
    assert refusal.value.problem.headers["Tus-Max-Size"] == "100"


async def test_room_is_what_is_free_less_what_is_promised_and_reserved(tmp_path):
    store = MemoryStore(tmp_path)
    store.free = 100
    admission = Admission(store, MemoryRecords(store), reserve=10, max_open=1)

    await admission.admit_bytes(90)
    admission.promise(30)

    await admission.admit_bytes(60)
    with pytest.raises(errors.StorageFull):
        await admission.admit_bytes(61)


def test_any_page_may_read_where_all_origins_are_let_in():
    assert cors.answer_headers("https://a", ("*",))["Access-Control-Allow-Origin"] == "*"
    assert cors.answer_headers(None, ("*",)) == {}


@pytest.mark.holds("titip:cors-origins")
def test_only_named_origins_are_let_in_and_caches_are_told_so():
    named = ("https://a",)

    allowed = cors.answer_headers("https://a", named)
    assert allowed["Access-Control-Allow-Origin"] == "https://a"
    assert allowed["Vary"] == "Origin"
    assert cors.answer_headers("https://b", named) == {"Vary": "Origin"}
    assert cors.answer_headers(None, named) == {"Vary": "Origin"}


@pytest.mark.holds("tus:creation-metadata-checked", "draft:security-metadata")
@pytest.mark.parametrize(
    ("name", "plain", "encoded"),
    [
        ("a.pdf", "a.pdf", "a.pdf"),
        ("", "upload", "upload"),
        ("...", "upload", "upload"),
        ("../../etc/passwd", "_.._etc_passwd", "_.._etc_passwd"),
        ('a"\r\nSet-Cookie: x', "a___Set-Cookie_ x", "a___Set-Cookie_%20x"),
        ("café.pdf", "caf_.pdf", "caf%C3%A9.pdf"),
        ("x\u202efdp.exe", "x_fdp.exe", "x_fdp.exe"),
        ("\ud800", "_", "_"),
    ],
)
def test_a_strangers_name_is_safe_in_a_header(name, plain, encoded):
    expected = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}"

    assert disposition(name) == expected


def test_a_long_name_is_cut():
    assert f'"{"x" * LONGEST_NAME}"' in disposition("x" * 1000)

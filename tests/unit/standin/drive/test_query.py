"""The small languages that the Drive that stands in reads: q, fields, Content-Range."""

import pytest

from standin.drive.errors import DriveRefusal
from standin.drive.fields import FILE_FIELDS, LIST_FIELDS, keep, parse_mask
from standin.drive.query import parse_query
from standin.drive.range import Chunk, Query, parse_range
from standin.faults import BadParams, CountedFault, FaultCounter, read_object

FILE = {
    "name": "Ktp.PDF",
    "mimeType": "application/pdf",
    "parents": ["p1"],
    "trashed": False,
    "starred": True,
    "modifiedTime": "2026-11-20T00:00:00.000Z",
    "createdTime": "2026-11-19T00:00:00.000Z",
    "appProperties": {"k": "it's"},
}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "'p1' in parents",
        "name = 'ktp.pdf' and trashed = false",
        "name contains 'ktp'",
        "mimeType != 'text/plain'",
        "not trashed = true",
        "not (name = 'x' or starred != true)",
        "trashed=true or modifiedTime > '2026-11-01T00:00:00.000Z'",
        "appProperties has { key='k' and value='it\\'s' }",
    ],
)
def test_a_query_that_fits_matches(text):
    assert parse_query(text)(FILE)


@pytest.mark.parametrize(
    "text",
    [
        "'p2' in parents",
        "name = 'ktp'",
        "mimeType contains 'word'",
        "trashed = true",
        "createdTime < '2026-11-01T00:00:00.000Z'",
        "appProperties has { key='k' and value='its' }",
        "properties has { key='k' and value='v' }",
    ],
)
def test_a_query_that_does_not_fit_does_not_match(text):
    assert not parse_query(text)(FILE)


@pytest.mark.parametrize(
    "text",
    [
        "name",
        "name =",
        "name = x",
        "name < 'x'",
        "name = 'x' and",
        "name = 'x' name = 'y'",
        "(name = 'x'",
        "trashed = 'false'",
        "colour = 'red'",
        "'p1' in owners",
        "modifiedTime contains '2'",
        "appProperties has { key='k' }",
        "name = 'open",
        "name ~ 'x'",
    ],
)
def test_a_query_that_cannot_be_read_is_the_drives_400(text):
    with pytest.raises(DriveRefusal):
        parse_query(text)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a", {"a": 1}),
        ("b(c)", {"b": [{"c": 2}]}),
        ("b/d, a", {"b": [{"d": 3}], "a": 1}),
        ("*", {"a": 1, "b": [{"c": 2, "d": 3}]}),
        ("b", {"b": [{"c": 2, "d": 3}]}),
        ("a/x", {"a": 1}),
    ],
)
def test_a_mask_keeps_what_it_names(text, kept):
    mask = parse_mask(text, known=frozenset({"a", "b"}))

    assert keep(mask, {"a": 1, "b": [{"c": 2, "d": 3}]}) == kept


@pytest.mark.parametrize("text", ["", ",", "id,", "id(", "id)", "id/", "id name", "id;name", "x"])
def test_a_mask_that_cannot_be_read_is_the_drives_400(text):
    with pytest.raises(DriveRefusal):
        parse_mask(text, known=FILE_FIELDS)


def test_a_mask_of_a_list_knows_the_fields_of_its_files():
    assert parse_mask("files(id),nextPageToken", known=LIST_FIELDS)
    with pytest.raises(DriveRefusal):
        parse_mask("files(colour)", known=LIST_FIELDS)


def test_ranges_are_read_as_chunks_or_queries():
    assert parse_range("bytes 0-9/10", length=10) == Chunk(start=0, end=10, total=10)
    assert parse_range("bytes 5-9/*", length=5) == Chunk(start=5, end=10, total=None)
    assert parse_range(None, length=7) == Chunk(start=0, end=7, total=7)
    assert parse_range("bytes */*", length=0) == Query(total=None)
    assert parse_range("bytes */10", length=0) == Query(total=10)


def test_a_fault_strikes_every_nth_chance_a_number_of_times():
    counter = FaultCounter(CountedFault(times=2, every=3))

    struck = [counter.strikes() for _ in range(12)]

    assert [index for index, hit in enumerate(struck) if hit] == [2, 5]
    assert counter.is_spent


@pytest.mark.parametrize("text", [b"{", b"[]", b"\xff"])
def test_a_switch_needs_a_json_object(text):
    with pytest.raises(BadParams):
        read_object(text)

"""The Upload-Concat header: whatever it holds, it is read or refused with a reason."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from titip.concat import MOST, BadConcat, FinalUpload, PartialUpload, join_key, parse
from titip.upload import UploadId

A = UploadId("a" * 32)
B = UploadId("0123456789abcdef" * 2)


def test_a_part_says_so():
    assert parse("partial") == PartialUpload()


@pytest.mark.holds("tus:concat-urls")
@pytest.mark.parametrize(
    "address",
    [
        f"/files/{A}",
        f"https://titip.example/files/{A}",
        f"http://10.0.0.7:8080/files/{A}",
        f"//titip.example/files/{A}",
        f"https://example.org/intake/files/{A}",
        f"/intake/files/{A}",
        f"./{A}",
        f"../files/{A}",
        A,
    ],
)
def test_an_address_counts_by_its_path_alone(address):
    assert parse(f"final;{address}") == FinalUpload((A,))


@pytest.mark.holds("tus:concat-value", "tus:concat-order", "tus:concat-parts-reused")
def test_parts_keep_their_order_and_may_come_again():
    assert parse(f"final;/files/{B} /files/{A} /files/{B}") == FinalUpload((B, A, B))


def test_more_than_one_space_is_forgiven():
    assert parse(f" final; /files/{A}  /files/{B} ") == FinalUpload((A, B))


@pytest.mark.holds("tus:concat-value")
@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("", "it must be"),
        ("Partial", "it must be"),
        ("partial;", "it must be"),
        ("final", "it must be"),
        (f"final /files/{A}", "it must be"),
        ("final;", "names no part"),
        ("final;   ", "names no part"),
        (f"final;/files/{A},/files/{B}", "part 1 "),
        (f"final;/files/{A};/files/{B}", "part 1 "),
        (f"final;/files/{A} /files/{B}x", "part 2 "),
        (f"final;/files/{A.upper()}", "part 1 "),
        (f"final;/files/{A}/", "part 1 "),
        (f"final;/files/{A}?x=1", "part 1 "),
        (f"final;/files/{A}#x", "part 1 "),
        (f"final;/other/{A}", "part 1 "),
        (f"final;/files/../{A}", "part 1 "),
        (f"final;/files/%61{A[1:]}", "part 1 "),
        (f"final;/fi\tles/{A}", "part 1 "),
        ("final;http://[/files/" + A, "part 1 "),
        ("final;" + f"/files/{A} " * (MOST + 1), f"more than {MOST}"),
    ],
)
def test_anything_else_is_refused_with_what_to_do(header, reason):
    with pytest.raises(BadConcat, match=reason):
        parse(header)


@given(st.one_of(st.text(), st.text().map("final;".__add__)))
def test_no_text_raises_anything_else(header):
    try:
        told = parse(header)
    except BadConcat:
        return
    assert isinstance(told, PartialUpload) or told.parts


def test_asking_again_has_the_same_key_and_nothing_else_has():
    key = join_key((A, B), "filename eA==")
    again = parse(f"final;/files/{A} https://x/files/{B}")

    assert isinstance(again, FinalUpload)
    assert key == join_key(again.parts, "filename eA==")
    assert key not in {
        join_key((B, A), "filename eA=="),
        join_key((A, B), ""),
        join_key((A, B, B), "filename eA=="),
    }
    assert key.startswith("join:")

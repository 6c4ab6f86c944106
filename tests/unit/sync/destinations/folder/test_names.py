import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.destinations.safe_names import MAX_NAME, copy_name, safe_name
from tests.destination_fakes import a_parcel


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("pair-3_A.b", "pair-3_A.b"),
        ("Pair 3", "Pair%203"),
        ("..", "%2E."),
        (".hidden", "%2Ehidden"),
        ("a/b\\c", "a%2Fb%5Cc"),
        ("~root", "%7Eroot"),
        ("", "%-"),
    ],
)
def test_a_submitter_becomes_one_harmless_element_of_a_path(text, name):
    assert safe_name(text) == name


@given(st.text())
def test_a_safe_name_is_one_bounded_element(text):
    name = safe_name(text)

    assert name.isascii()
    assert name not in {"", ".", ".."}
    assert not name.startswith(".")
    assert not set(name) & set("/\\\x00 ~")
    assert len(name) <= MAX_NAME


@given(st.lists(st.text(max_size=200), unique=True, max_size=20))
def test_distinct_texts_keep_distinct_names(texts):
    assert len({safe_name(text) for text in texts}) == len(texts)


@pytest.mark.parametrize(
    ("filename", "name"),
    [
        ("KTP Ni Luh.PDF", "u0123456789abcdef.pdf"),
        ("arsip.tar.gz", "u0123456789abcdef.gz"),
        ("no extension", "u0123456789abcdef"),
        ("a.toolongext", "u0123456789abcdef"),
        ("a.p/f", "u0123456789abcdef"),
        ("a.pdf\n", "u0123456789abcdef"),
        ("a.ᬩ", "u0123456789abcdef"),
        ("", "u0123456789abcdef"),
    ],
)
def test_a_copy_is_named_by_its_upload_and_never_by_its_submitter(filename, name):
    assert copy_name(a_parcel(filename=filename).upload) == name

import pytest
from hypothesis import given
from hypothesis import strategies as st

from titip.text import decoded

CODINGS = {b"\xef\xbb\xbf": "utf-8", b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


@given(st.text(), st.sampled_from([*CODINGS.items()]))
def test_a_text_is_read_as_its_mark_says(text, marked):
    mark, coding = marked

    assert decoded(mark + text.encode(coding)) == text


@given(st.text().filter(lambda text: not text.startswith("\ufeff")))
def test_a_text_without_a_mark_is_utf_8(text):
    assert decoded(text.encode()) == text


@pytest.mark.parametrize("data", [b"\xff", b"a\xfe\xff", b"\xff\xfea", b"\xef\xbb\xbf\xff"])
def test_what_is_no_text_is_an_error(data):
    with pytest.raises(UnicodeError):
        decoded(data)

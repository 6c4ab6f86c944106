import pytest
from hypothesis import given
from hypothesis import strategies as st

from titip.text import decoded, is_unfilled

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


@pytest.mark.parametrize("path", ["~", "~/a", "$A", "/a/$HOME/b", "a-${B}", "${{B}}"])
def test_what_a_shell_would_fill_in_is_known(path):
    assert is_unfilled(path)


@pytest.mark.parametrize("path", ["", "a~", "/~", "$", "$5", "a$b", "${", "/a/b"])
def test_a_path_that_only_looks_odd_is_whole(path):
    assert not is_unfilled(path)

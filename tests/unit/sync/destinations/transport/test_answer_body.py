import gzip
import zlib

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.destinations.transport.answer_body import AnswerBody, in_utf8, plain_headers

PACKS = {
    "": bytes,
    "identity": bytes,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
}


def fed(coding, data, *, limit=1 << 20, piece=64):
    body = AnswerBody(coding, limit=limit)
    for start in range(0, len(data), piece):
        if not body.wants_more:
            break
        body.feed(data[start : start + piece])
    return body.data


@given(
    coding=st.sampled_from(sorted(PACKS)),
    data=st.binary(max_size=3000) | st.integers(0, 1 << 16).map(bytes),
    piece=st.integers(1, 500),
    limit=st.integers(100, 1 << 15),
)
def test_a_body_is_decoded_whatever_its_pieces_and_cut_at_the_limit(coding, data, piece, limit):
    packed = PACKS[coding](data)

    read = fed(coding, packed, limit=limit, piece=piece)

    assert len(read) <= limit
    assert data.startswith(read)
    if max(len(packed), len(data)) <= limit:
        assert read == data


@given(
    coding=st.sampled_from(["gzip", "deflate", "br", "zstd", "", "\u00e9"]),
    data=st.binary(max_size=300),
    piece=st.integers(1, 50),
)
def test_what_cannot_be_decoded_is_given_as_it_came(coding, data, piece):
    read = fed(coding, data, limit=200, piece=piece)

    assert len(read) <= 200


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br"])
def test_rubbish_in_a_coding_is_rubbish(coding):
    assert fed(coding, b"<html>maintenance</html>") == b"<html>maintenance</html>"


@given(
    body=st.binary(max_size=200),
    kind=st.text(max_size=60) | st.text(max_size=20).map("x;charset={}".format),
)
def test_any_body_of_any_type_stays_bytes(body, kind):
    assert isinstance(in_utf8(body, kind), bytes)


@pytest.mark.parametrize(
    "charset", ["punycode", "zlib_codec", "rot13", "idna", "unicode_escape", "utf-7"]
)
def test_codecs_that_are_no_charsets_are_left_alone(charset):
    assert in_utf8(b"+AGE- \\x41", f"text/plain; charset={charset}") == b"+AGE- \\x41"


@given(st.lists(st.tuples(st.text(max_size=8), st.text(max_size=20)), max_size=8))
def test_headers_are_lower_case_and_printable(items):
    for name, value in plain_headers(items).items():
        assert name == name.lower()
        assert value.isprintable()

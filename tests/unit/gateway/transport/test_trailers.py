"""The reader of trailers, alone and beside the parser whose bytes it shares."""

import asyncio
from itertools import pairwise
from unittest.mock import Mock

import pytest
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_parser import HttpRequestParser
from hypothesis import given
from hypothesis import strategies as st

from gateway.transport.framing import Framing
from gateway.transport.trailers import MAX_LINE, MAX_SECTION, Trailer

FIELD = b"Upload-Checksum: sha1 AAAA\r\n"
VISIBLE = [chr(code) for code in range(0x21, 0x7F)]

names = st.sampled_from(["Upload-Checksum", "X-Other", "x.y", "Expires"])
values = st.text([*VISIBLE, " ", "\t", "é"], max_size=12)
fields = st.lists(st.tuples(names, values), max_size=3)
extensions = st.sampled_from([b"", b";a", b";a=1", b';a="b c";d'])
chunks = st.lists(st.tuples(st.binary(min_size=1, max_size=40), extensions), max_size=4)


@st.composite
def chunked(draw):
    """Give a body in chunks as bytes, and its trailer fields."""
    content = b"".join(
        b"%x%b\r\n%b\r\n" % (len(piece), extension, piece) for piece, extension in draw(chunks)
    )
    trailer = draw(fields)
    lines = "".join(f"{name}:{value}\r\n" for name, value in trailer)
    end = draw(st.sampled_from([b"0", b"000", b"0;end"]))
    told = [(name, value.strip(" \t")) for name, value in trailer]
    return content + end + b"\r\n" + lines.encode() + b"\r\n", told


@st.composite
def requests(draw):
    """Give a request as bytes, its headers after Host, and its trailer fields if it has any."""
    kind = draw(st.sampled_from(["none", "length", "chunked"]))
    headers = [("Host", "titip"), ("X-Own", draw(st.sampled_from(["1", "2"])))]
    body, trailer = b"", None
    if kind == "chunked":
        headers.append(("Transfer-Encoding", "chunked"))
        body, trailer = draw(chunked())
    elif kind == "length":
        body = draw(st.binary(max_size=40))
        headers.append(("Content-Length", str(len(body))))
    head = "".join(f"{name}: {value}\r\n" for name, value in headers)
    before = draw(st.sampled_from([b"", b"\r\n"]))
    return before + f"PATCH /a HTTP/1.1\r\n{head}\r\n".encode() + body, headers, trailer


def cut(data, places):
    """Cut the data at these places."""
    ends = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[begin:end] for begin, end in pairwise(ends)]


def pairs(trailer):
    """Give the fields of a trailer that was read."""
    assert trailer.fields is not None
    return list(trailer.fields.items())


places = st.lists(st.integers(0, 4000), max_size=6)


class Both:
    """A parser and what goes along with it."""

    def __init__(self):
        loop = Mock(spec=asyncio.AbstractEventLoop)
        self.parser = HttpRequestParser(Mock(), loop, 1 << 16, auto_decompress=False)
        self.framing = Framing()
        self.parsed = []
        self.meant = []

    def feed(self, pieces):
        """Give them these bytes; tell whether the parser understood them."""
        for piece in pieces:
            try:
                found, _, _ = self.parser.feed_data(piece)
            except HttpProcessingError:
                return False
            self.parsed += found
            self.meant += self.framing.follow(piece, [message for message, _ in found])
        return True


@given(chunked(), places, st.binary(max_size=5))
def test_whatever_the_cuts_it_ends_where_the_body_ends(body, where, after):
    data, told = body
    trailer = Trailer()
    pieces = cut(data, where)

    for piece in pieces[:-1]:
        assert trailer.follow(piece) == len(piece)
        assert not trailer.over
    end = trailer.follow(pieces[-1] + after)

    assert trailer.over
    assert end == len(pieces[-1])
    assert pairs(trailer) == told


@given(st.lists(requests(), min_size=1, max_size=4), places)
def test_each_request_has_its_own_headers_and_trailer(sent, where):
    both = Both()

    understood = both.feed(cut(b"".join(data for data, _, _ in sent), where))

    assert understood
    assert not both.framing.lost
    assert len(both.meant) == len(sent)
    for (message, trailer), (_, headers, told) in zip(both.meant, sent, strict=True):
        assert list(message.headers.items()) == headers
        assert [name.decode() for name, _ in message.raw_headers] == [name for name, _ in headers]
        if told is None:
            assert trailer is None
        else:
            assert pairs(trailer) == told


@given(
    st.lists(requests(), min_size=1, max_size=3),
    places,
    st.lists(
        st.tuples(st.integers(0, 4000), st.integers(0, 2), st.sampled_from(b"\r\n:; \t0aF\0\xff")),
        min_size=1,
        max_size=3,
    ),
)
def test_of_nonsense_it_is_lost_or_of_one_mind_with_the_parser(sent, where, harm):
    data = b"".join(data for data, _, _ in sent)
    for place, gone, byte in harm:
        at = place % len(data)
        data = data[:at] + bytes([byte]) + data[at + gone :]
    both = Both()

    both.feed(cut(data, where))

    if not both.framing.lost:
        bodies = {id(message.url): body for message, body in both.parsed if message.chunked}
        trailers = {id(m.url): trailer for m, trailer in both.meant if trailer is not None}
        assert len(both.meant) == len(both.parsed)
        assert bodies.keys() == trailers.keys()
        for at, trailer in trailers.items():
            if trailer.over:
                assert bodies[at].is_eof()


def test_the_parser_still_takes_a_trailer_field_for_the_next_header():
    both = Both()  # once it does not, `Framing` has nothing to take off

    both.feed([b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + FIELD])
    both.feed([b"\r\nPUT / HTTP/1.1\r\nHost: a\r\n\r\n"])

    assert "Upload-Checksum" in both.parsed[-1][0].headers
    assert "Upload-Checksum" not in both.meant[-1][0].headers


HEAD = b"PUT / HTTP/1.1\r\nHost: a\r\n"


@pytest.mark.parametrize(
    "data",
    [
        HEAD + b"Content-Length: " + b"0" * 5000 + b"\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n0;" + b"a" * MAX_LINE + b"\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nHost: b\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\nConnection: close\r\n\r\n",
    ],
)
def test_it_is_lost_with_what_only_the_parser_can_follow(data):
    both = Both()

    assert both.feed([data])
    assert both.framing.lost


def test_it_is_lost_when_the_parser_lags_behind_or_is_ahead():
    behind, ahead = Framing(), Framing()

    behind.follow(HEAD + b"\r\n", [])
    ahead.follow(b"", [object()])

    assert behind.lost
    assert ahead.lost


@pytest.mark.parametrize(
    "data",
    [
        b"0\n\r\n",
        b"\r\n",
        b"-1\r\n",
        b"0x1\r\n",
        b"1 \r\na\r\n0\r\n\r\n",
        b"1\r\nab\r\n",
        b"1\r\na\n0\r\n\r\n",
        b"f" * 16 + b"\r\n",
        b"0" * 16 + b"\r\n",
        b"1;" + b"a" * MAX_LINE,
        b"1;a\rb\r\n",
        b"0\r\nno field\r\n",
        b"0\r\nA : b\r\n",
        b"0\r\n A: b\r\n",
        b"0\r\nA: b\0\r\n",
        b"0\r\nA: b\n\r\n",
        b"0\r\n: b\r\n",
        b"0\r\nA:" + b" " * (MAX_SECTION - 9) + b"\0\r\n",
        b"0\r\nA:" + b"b" * MAX_SECTION,
        b"0\r\n" + b"A:b\r\n" * (MAX_SECTION // 5 + 1),
    ],
)
@pytest.mark.parametrize("step", [1, 1 << 20])
def test_what_is_no_body_in_chunks_is_unreadable_for_good(data, step):
    trailer = Trailer()

    for at in range(0, len(data), step):
        trailer.follow(data[at : at + step])
    trailer.follow(b"0\r\n" + FIELD + b"\r\n")

    assert not trailer.readable
    assert trailer.fields is None


def test_the_fields_are_known_only_at_the_end():
    trailer = Trailer()

    trailer.follow(b"0\r\n" + FIELD + b"\r")

    assert trailer.readable
    assert trailer.fields is None
    assert trailer.follow(b"\n") == 1
    assert pairs(trailer) == [("Upload-Checksum", "sha1 AAAA")]


def test_a_trailer_may_be_as_large_as_is_said():
    trailer = Trailer()

    trailer.follow(b"0\r\nA:" + b"b" * (MAX_SECTION - 6) + b"\r\n\r\n")

    assert trailer.over

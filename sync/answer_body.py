"""What an answer brings, read with a bound: its body, decoded as it says, and its headers.

A body that cannot be decoded is none that can be read: its bytes are given as they came, and the
status and the headers beside it stand.
"""

from __future__ import annotations

import codecs
import json
import re
import zlib
from email.message import Message
from typing import TYPE_CHECKING, Final, Protocol

import brotli

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_ANSWER: Final = 1 << 20
"""Bytes of an answer that are read, as they come and decoded."""

CODINGS: Final = "gzip, br"
"""What a request may ask for in Accept-Encoding: all of it is decoded here, with the bound."""

_ZLIB_HEAD: Final = 2
_RAW_DEFLATE: Final = -zlib.MAX_WBITS
_GZIP: Final = zlib.MAX_WBITS | 16

_CHARSETS: Final = re.compile(r"(?:ascii|iso8859|cp125|cp87|koi8|gb|big5|shift_jis|euc_|mac_)")
"""Names of codecs that make text of bytes, in Python's spelling; others do other things."""

_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_ONCE: Final = frozenset(
    {"content-type", "etag", "location", "retry-after", "upload-length", "upload-offset"}
)
"""Headers that are no lists: of several the first counts."""


class _Decoder(Protocol):
    def more(self, piece: bytes, limit: int) -> bytes:
        """Decode a piece; give `limit` bytes or a little more, where there are as many."""


class AnswerBody:
    """The beginning of a body, fed piece by piece and decoded while it comes."""

    def __init__(self, coding: str, *, limit: int = MAX_ANSWER) -> None:
        """Read a body in this Content-Encoding, at most `limit` bytes of it."""
        self._limit = limit
        self._raw = bytearray()
        self._plain = bytearray()
        self._decoder = _decoder(coding)

    @property
    def wants_more(self) -> bool:
        """Tell whether another piece would still be of use."""
        return max(len(self._raw), len(self._plain)) < self._limit

    def feed(self, piece: bytes) -> None:
        """Take a piece of the body as it came."""
        self._raw += piece[: self._limit - len(self._raw)]
        if self._decoder is None:
            return
        room = self._limit - len(self._plain)
        try:
            self._plain += self._decoder.more(piece, room)[:room]
        except (zlib.error, brotli.error):
            self._decoder = None

    @property
    def data(self) -> bytes:
        """Give the body decoded, or as it came where that cannot be done."""
        return bytes(self._raw if self._decoder is None else self._plain)


def _decoder(coding: str) -> _Decoder | None:
    """Give the decoder of a coding; None for one that is not known."""
    match coding.strip().lower():
        case "" | "identity":
            return _Plain()
        case "gzip" | "x-gzip":
            return _Zlib(_GZIP)
        case "deflate":
            return _Deflate()
        case "br":
            return _Brotli()
        case _:
            return None


class _Plain:
    def more(self, piece: bytes, limit: int) -> bytes:
        return piece[:limit]


class _Zlib:
    def __init__(self, window: int) -> None:
        self._inner = zlib.decompressobj(window)

    def more(self, piece: bytes, limit: int) -> bytes:
        return self._inner.decompress(piece, limit) if limit else b""


class _Deflate:
    """Either form that goes by this name: in zlib's frame, as it should be, or without."""

    def __init__(self) -> None:
        self._head = b""
        self._inner: _Zlib | None = None

    def more(self, piece: bytes, limit: int) -> bytes:
        if self._inner is None:
            self._head += piece
            if len(self._head) < _ZLIB_HEAD:
                return b""
            self._inner = _Zlib(zlib.MAX_WBITS if _is_framed(self._head) else _RAW_DEFLATE)
            piece = self._head
        return self._inner.more(piece, limit)


def _is_framed(head: bytes) -> bool:
    """Tell zlib's header (RFC 1950, 2.2): a multiple of 31 that names the method 8."""
    return int.from_bytes(head[:_ZLIB_HEAD], "big") % 31 == 0 and head[0] & 0x0F == zlib.DEFLATED


class _Brotli:
    def __init__(self) -> None:
        self._inner = brotli.Decompressor()

    def more(self, piece: bytes, limit: int) -> bytes:
        if not limit or self._inner.is_finished():
            return b""
        plain: bytes = self._inner.process(piece, output_buffer_limit=limit)
        while len(plain) < limit and not self._inner.can_accept_more_data():
            step = self._inner.process(b"", output_buffer_limit=limit - len(plain))
            if not step:
                break
            plain += step
        return plain


def in_utf8(body: bytes, content_type: str) -> bytes:
    """Spell a text in UTF-8 that came in another charset; bytes that are no text stay as they are.

    A byte order mark counts more than what the header says. JSON tells its own UTF apart.
    """
    codec = next((codec for mark, codec in _BOMS if body.startswith(mark)), None)
    codec = codec or _declared(content_type)
    if codec is None:
        codec = json.detect_encoding(body[:4])
    try:
        return body.decode(codec).encode()
    except ValueError:
        return body


def _declared(content_type: str) -> str | None:
    """Give the codec of the charset that a header names; None for UTF, and for what is none."""
    message = Message()
    message["Content-Type"] = content_type.translate(_BREAKS)
    try:
        charset = message.get_content_charset() or ""
        name = codecs.lookup(charset).name.replace("-", "_") if charset.isascii() else ""
    except (LookupError, ValueError):
        return None
    return name if _CHARSETS.match(name) else None


_BREAKS: Final = dict.fromkeys((10, 13), " ")


def plain_headers(items: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Give headers under lower-case names; signs that are not printable become question marks."""
    plain: dict[str, str] = {}
    for name, value in items:
        key = name.lower()
        shown = "".join(sign if sign.isprintable() else "?" for sign in value.strip())
        if key not in plain:
            plain[key] = shown
        elif key not in _ONCE:
            plain[key] += f", {shown}"
    return plain

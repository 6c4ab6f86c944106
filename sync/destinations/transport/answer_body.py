"""What an answer brings, read with a bound: its body, decoded as it says, and its headers.

A body that cannot be decoded is none that can be read: its bytes are given as they came, and the
status and the headers beside it stand.
"""

from __future__ import annotations

import codecs
import json
import re
import zlib
from datetime import UTC, datetime
from email.message import Message
from typing import TYPE_CHECKING, Final

import brotli

from titip.retry_after import retry_after

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import timedelta

    Decode = Callable[[bytes, int], bytes]

MAX_ANSWER: Final = 1 << 20
"""Bytes of an answer that are read, as they come and decoded."""

CODINGS: Final = "gzip, br"
"""What a request may ask for in Accept-Encoding: all of it is decoded here, with the bound."""

_ZLIB_HEAD: Final = 2
_RAW_DEFLATE: Final = -zlib.MAX_WBITS
_GZIP: Final = zlib.MAX_WBITS | 16

_COUNT: Final = re.compile(r"[0-9]{1,18}\Z")

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


class AnswerBody:
    """The beginning of a body, fed piece by piece and decoded while it comes."""

    def __init__(self, coding: str, *, limit: int = MAX_ANSWER) -> None:
        """Read a body in this Content-Encoding, at most `limit` bytes of it."""
        self._limit = limit
        self._raw = bytearray()
        self._plain = bytearray()
        self._decode = _decoder(coding)

    @property
    def wants_more(self) -> bool:
        """Tell whether another piece would still be of use."""
        return max(len(self._raw), len(self._plain)) < self._limit

    def feed(self, piece: bytes) -> None:
        """Take a piece of the body as it came."""
        self._raw += piece[: self._limit - len(self._raw)]
        room = self._limit - len(self._plain)
        if self._decode is None or not room:
            return
        try:
            self._plain += self._decode(piece, room)[:room]
        except (zlib.error, brotli.error):
            self._decode = None

    @property
    def data(self) -> bytes:
        """Give the body decoded, or as it came where that cannot be done."""
        return bytes(self._raw if self._decode is None else self._plain)


def _decoder(coding: str) -> Decode | None:
    """Give what decodes a piece, `limit` bytes of it or a little more; None for no known coding."""
    match coding.strip().lower():
        case "" | "identity":
            return lambda piece, limit: piece[:limit]
        case "gzip" | "x-gzip":
            return zlib.decompressobj(_GZIP).decompress
        case "deflate":
            return _Deflate().more
        case "br":
            return _Brotli().more
        case _:
            return None


class _Deflate:
    """Either form that goes by this name: in zlib's frame, as it should be, or without."""

    def __init__(self) -> None:
        self._head = b""
        self._decode: Decode | None = None

    def more(self, piece: bytes, limit: int) -> bytes:
        if self._decode is None:
            self._head += piece
            if len(self._head) < _ZLIB_HEAD:
                return b""
            window = zlib.MAX_WBITS if _is_framed(self._head) else _RAW_DEFLATE
            self._decode = zlib.decompressobj(window).decompress
            piece = self._head
        return self._decode(piece, limit)


def _is_framed(head: bytes) -> bool:
    """Tell zlib's header (RFC 1950, 2.2): a multiple of 31 that names the method 8."""
    return int.from_bytes(head[:_ZLIB_HEAD], "big") % 31 == 0 and head[0] & 0x0F == zlib.DEFLATED


class _Brotli:
    def __init__(self) -> None:
        self._inner = brotli.Decompressor()

    def more(self, piece: bytes, limit: int) -> bytes:
        if self._inner.is_finished():
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


def count_of(told: object) -> int | None:
    """Read a count of bytes, told as a number or as a text; None for what is none."""
    text = str(told) if isinstance(told, str | int) and not isinstance(told, bool) else ""
    return int(text) if _COUNT.match(text) else None


def wait_asked(headers: Mapping[str, str]) -> timedelta | None:
    """Give how long an answer asks to be left alone, None where it does not."""
    return retry_after(headers.get("retry-after"), now=datetime.now(UTC))


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

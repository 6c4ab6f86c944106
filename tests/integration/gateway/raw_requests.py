"""Requests as raw bytes for the fuzz of heads: right ones, framed in every way, then spoilt.

Nothing here asks the code under test what a request means: `Framing` is what RFC 9112 says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from hypothesis import strategies as st

from tests.integration.gateway import hostile
from tests.integration.gateway.hostile import (
    CONTENT,
    DEFERRED,
    LENGTH,
    OPEN,
    PART,
    SEALED,
    TOKEN,
    sha256,
)

SMUGGLED: Final = "smuggled-in"
SMUGGLED_LENGTH: Final = 777

_FRAMING: Final = ("Content-Length", "Transfer-Encoding", "Connection", "Upgrade", "Expect")


class Framing(StrEnum):
    """Where the request ends."""

    WHOLE = "whole"
    """With its last byte."""
    OPEN = "open"
    """Bytes are missing: its receiver may wait for a while."""
    WRONG = "wrong"
    """It cannot be told: it must be refused."""
    BROKEN = "broken"
    """In the midst of a body that came to nonsense."""
    UNKNOWN = "unknown"
    """Nobody knows any more: what tells it was spoilt."""


@dataclass(frozen=True, slots=True)
class Raw:
    """One request; `content` is its body once unwrapped, `rest` what follows it."""

    method: str = "POST"
    target: str = "/files/"
    version: str = "HTTP/1.1"
    headers: tuple[tuple[str, str], ...] = ()
    lines: tuple[bytes, ...] = ()
    body: bytes = b""
    content: bytes = b""
    rest: bytes = b""
    framing: Framing = Framing.WHOLE
    newline: bytes = b"\r\n"

    def said(self, token: str) -> bytes:
        """Give it as it is sent."""
        first = f"{self.method} {self.target} {self.version}"
        fields = [first, *(f"{name}: {value}" for name, value in self.headers)]
        texts = [one.encode("utf-8", "surrogateescape") for one in fields]
        head = self.newline.join([*texts, *self.lines, b"", b""])
        return (head + self.body + self.rest).replace(TOKEN.encode(), token.encode())

    def values(self, name: str) -> list[str]:
        """Give every value of a header."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def frame(self) -> tuple[object, ...]:
        """Give all that tells where it ends."""
        told = (self.values(name) for name in _FRAMING)
        return (*told, self.lines, self.newline, self.version, self.method == "CONNECT")


_HOST: Final = ("Host", "titip")
_WHO: Final = (_HOST, ("Authorization", f"Bearer {TOKEN}"))
_TUS: Final = (*_WHO, ("Tus-Resumable", "1.0.0"))
_LENGTH: Final = ("Upload-Length", str(LENGTH))
_BYTES: Final = ("Content-Type", "application/offset+octet-stream")
_TO: Final = (*_TUS, _BYTES, ("Upload-Offset", "10"))
_DRAFT: Final = (*_WHO, ("Upload-Draft-Interop-Version", "8"))
_MORE: Final = ("Upload-Complete", "?0")
_PARTIAL: Final = (("Content-Type", "application/partial-upload"), ("Upload-Offset", "10"), _MORE)
_NAMED: Final = (("Upload-Metadata", "filename YQ==,empty"), ("Idempotency-Key", '"k"'))
_CHECKED: Final = ("Upload-Checksum", f"sha256 {sha256(CONTENT)}")

RIGHT: Final = (
    Raw(headers=(*_TUS, _LENGTH)),
    Raw(headers=(*_TUS, _LENGTH, _BYTES), content=CONTENT),
    Raw(headers=(*_TUS, _LENGTH, *_NAMED)),
    Raw(headers=(*_TUS, ("Upload-Defer-Length", "1"), _BYTES), content=CONTENT),
    Raw(headers=(*_TUS, _LENGTH, ("Upload-Concat", "partial"))),
    Raw(headers=(*_TUS, ("Upload-Concat", f"final;/files/{PART} /files/{PART}"))),
    Raw("PATCH", f"/files/{OPEN}", headers=_TO, content=CONTENT),
    Raw("PATCH", f"/files/{OPEN}", headers=(*_TO, _CHECKED), content=CONTENT),
    Raw("PATCH", f"/files/{DEFERRED}", headers=(*_TO, _LENGTH), content=CONTENT),
    Raw("HEAD", f"/files/{OPEN}", headers=_TUS),
    Raw("HEAD", f"/files/{SEALED}", headers=_TUS),
    Raw("DELETE", f"/files/{OPEN}", headers=_TUS),
    Raw("GET", f"/files/{SEALED}", headers=_WHO),
    Raw("GET", f"/files/{SEALED}", headers=(*_WHO, ("Range", "bytes=2-5"))),
    Raw("OPTIONS", headers=(_HOST,)),
    Raw("PUT", "/files/a.txt", headers=_WHO, content=CONTENT),
    Raw(headers=(*_WHO, ("Content-Type", "text/plain")), content=CONTENT),
    Raw(headers=(*_DRAFT, _MORE), content=CONTENT),
    Raw(headers=(*_DRAFT, ("Upload-Complete", "?1")), content=CONTENT),
    Raw("PATCH", f"/files/{DEFERRED}", headers=(*_DRAFT, *_PARTIAL), content=CONTENT),
    Raw("HEAD", f"/files/{DEFERRED}", headers=_DRAFT),
    Raw("GET", f"/api/uploads/{SEALED}/receipt", headers=_WHO),
    Raw("GET", "/api/uploads?limit=2", headers=_WHO),
    Raw("POST", "/api/resync", headers=_WHO, content=b"{}"),
    Raw("GET", "/livez", headers=(_HOST,)),
)
"""Requests to which nothing is wrong."""

INNER: Final = (
    f"POST /files/ HTTP/1.1\r\nHost: titip\r\nAuthorization: Bearer {TOKEN}\r\n"
    f"Tus-Resumable: 1.0.0\r\nUpload-Length: {SMUGGLED_LENGTH}\r\nX-Request-ID: {SMUGGLED}\r\n\r\n"
).encode()
"""A request that hides behind or in another one's body."""

_CHUNKED: Final = ("Transfer-Encoding", "chunked")
_NO_LENGTHS: Final = ("-1", "+20", "20.0", "0x5", "", "1 1", "1,2", "20, 20", "\u0665", "1e1")
_NO_CODINGS: Final = ("gzip", "identity", "xchunked", "chunked, gzip", "chunked, chunked", "")
_NO_CHUNKS: Final = (
    *(b"4\r\nfuzz\r\nzz\r\n", b"-1\r\nfuzz\r\n", b"4\r\nfuzzbuzz\r\n0\r\n\r\n"),
    *(b"f" * 17 + b"\r\nfuzz\r\n", b"4\nfuzz\n0\n\n" + INNER, b"0\r\nTrailer\r\n\r\n" + INNER),
)


_TRAILER: Final = (("Trailer", "Upload-Checksum"),)
_TRAILERS: Final = (
    f"Upload-Checksum: sha256 {sha256(CONTENT)}\r\n\r\n".encode(),
    b"Upload-Checksum: sha1 AAAA\r\nContent-Length: 5\r\nUpload-Offset: 3\r\n\r\n",
)


def chunked(content: bytes, size: int = 7) -> bytes:
    """Wrap a body into chunks."""
    pieces = [content[at : at + size] for at in range(0, len(content), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(one), one) for one in pieces) + b"0\r\n\r\n"


def _with(
    raw: Raw, *headers: tuple[str, str], body: bytes, framing: Framing = Framing.WHOLE
) -> Raw:
    return replace(raw, headers=(*raw.headers, *headers), body=body, framing=framing)


def _right_framings(raw: Raw) -> list[Raw]:
    length = ("Content-Length", str(len(raw.content)))
    whole = _with(raw, length, body=raw.content)
    return [
        *[whole if raw.content else raw] * 4,
        _with(raw, _CHUNKED, body=chunked(raw.content)),
        *(
            _with(raw, _CHUNKED, *_TRAILER, body=chunked(raw.content)[:-2] + one)
            for one in _TRAILERS
        ),
        _with(raw, ("Content-Length", f"00{len(raw.content)}"), body=raw.content),
        replace(whole, rest=INNER),
        replace(whole, rest=b"\r\n\r\nnonsense\r\n\r\n"),
    ]


def _short_framings(raw: Raw) -> list[Raw]:
    body, framing = raw.content, Framing.OPEN
    return [
        _with(raw, ("Content-Length", str(len(body) + 9)), body=body, framing=framing),
        _with(raw, ("Content-Length", "9" * 18), body=body, framing=framing),
        _with(raw, _CHUNKED, body=chunked(body)[:-2], framing=framing),
        _with(raw, _CHUNKED, body=b"4\r\nfuzz\r\n", framing=framing),
    ]


def _wrong_framings(raw: Raw) -> list[Raw]:
    framing, length = Framing.WRONG, ("Content-Length", str(len(raw.content)))
    hidden, ended = raw.content + INNER, b"0\r\n\r\n" + INNER
    lengths = [("Content-Length", text) for text in _NO_LENGTHS]
    codings = [("Transfer-Encoding", text) for text in _NO_CODINGS]
    folded = (b"X: y", b" Transfer-Encoding: chunked")
    return [
        *(_with(raw, one, body=hidden, framing=framing) for one in lengths),
        *(_with(raw, one, body=ended, framing=framing) for one in codings),
        *(_with(raw, _CHUNKED, body=one, framing=Framing.BROKEN) for one in _NO_CHUNKS),
        _with(raw, length, ("Content-Length", "3"), body=hidden, framing=framing),
        _with(raw, length, length, body=hidden, framing=framing),
        _with(raw, length, _CHUNKED, body=ended, framing=framing),
        _with(raw, _CHUNKED, length, body=ended, framing=framing),
        _with(raw, _CHUNKED, _CHUNKED, body=ended, framing=framing),
        replace(_with(raw, body=ended, framing=framing), lines=(b"Transfer-Encoding : chunked",)),
        replace(_with(raw, length, body=hidden, framing=framing), lines=folded),
    ]


def framings(raw: Raw) -> st.SearchStrategy[Raw]:
    """Frame a request's content rightly or wrongly."""
    right, short = st.sampled_from(_right_framings(raw)), st.sampled_from(_short_framings(raw))
    wrong = st.sampled_from(_wrong_framings(raw))
    return st.sampled_from("rrrrrwwws").flatmap(
        lambda kind: {"r": right, "w": wrong}.get(kind, short)
    )


_TEXT: Final = st.text(max_size=20).map(lambda text: text.replace("\r", "").replace("\n", ""))
_BINARY: Final = st.binary(max_size=20).map(
    lambda raw: raw.translate(None, b"\r\n").decode("utf-8", "surrogateescape")
)
_VALUES: Final = st.sampled_from(hostile.HOSTILE) | _TEXT | _BINARY
_TOKENS: Final = st.from_regex(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,12}", fullmatch=True)
_ANY_NAME: Final = st.sampled_from(hostile.NAMES) | _TOKENS


@st.composite
def spoilt(draw: st.DrawFn, raw: Raw) -> Raw:
    """Spoil one thing about a request."""
    if draw(st.sampled_from("hhhhhhhhs")) == "h":
        after = replace(raw, headers=draw(_spoilt_headers(raw.headers)))
    else:
        after = replace(raw, **draw(_FAULTS))
    return after if after.frame == raw.frame else replace(after, framing=Framing.UNKNOWN)


@st.composite
def _spoilt_headers(
    draw: st.DrawFn, headers: tuple[tuple[str, str], ...]
) -> tuple[tuple[str, str], ...]:
    at = draw(st.integers(0, len(headers) - 1))
    before, one, after = headers[:at], headers[at], headers[at + 1 :]
    match draw(st.sampled_from("vvvvaaaadr")):
        case "v":
            return (*before, (one[0], draw(_VALUES)), *after)
        case "a":
            return (*before, (draw(_ANY_NAME), draw(_VALUES)), one, *after)
        case "d":
            return (*before, *after)
        case _:
            return (*before, one, *after, one)


_FAULTS: Final = st.one_of(
    st.fixed_dictionaries({"method": st.sampled_from(hostile.METHODS) | _TEXT}),
    st.fixed_dictionaries({"target": st.sampled_from(hostile.TARGETS)}),
    st.fixed_dictionaries({"target": st.sampled_from(hostile.TARGETS)}),
    st.fixed_dictionaries({"version": st.sampled_from(hostile.VERSIONS)}),
    st.fixed_dictionaries({"lines": st.tuples(st.sampled_from(hostile.LINES))}),
    st.fixed_dictionaries({"newline": st.just(b"\n")}),
)
"""What can be wrong beside the headers."""


@st.composite
def requests(draw: st.DrawFn) -> Raw:
    """Draw a request that is right, but for its framing and up to three faults."""
    raw = draw(st.sampled_from(RIGHT).flatmap(framings))
    for _ in range(draw(st.sampled_from([0, 1, 1, 1, 2, 3]))):
        if raw.headers:
            raw = draw(spoilt(raw))
    return raw

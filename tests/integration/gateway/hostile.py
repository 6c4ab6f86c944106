"""What a fuzz of heads says: names that mean something, and values that should not."""

from __future__ import annotations

import base64
import hashlib
from typing import Final

OPEN, DEFERRED, PART, SEALED, FOREIGN = (letter * 32 for letter in "adebc")
"""The uploads that are there: three unfinished ones, a sealed one, and another submitter's."""

HELD: Final = b"0123456789"
LENGTH: Final = 40
CONTENT: Final = b"fuzz" * 5

TOKEN: Final = "{token}"
"""Stands for a valid token, which is not known here."""


def sha256(content: bytes) -> str:
    """Digest, in base64."""
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


def _words(text: str) -> list[str]:
    return text.split()


NAMES: Final = _words("""
    Tus-Resumable Tus-Version Upload-Length Upload-Offset Upload-Metadata Upload-Checksum
    Upload-Concat Upload-Defer-Length Upload-Complete Upload-Draft-Interop-Version Upload-Limit
    Upload-Secret Content-Type Content-Encoding Content-Disposition Content-Digest Repr-Digest
    Want-Repr-Digest Idempotency-Key X-HTTP-Method-Override Authorization Cookie Origin
    Access-Control-Request-Method Access-Control-Request-Headers Expect Connection Upgrade TE
    Trailer Range If-Range If-None-Match If-Match If-Modified-Since If-Unmodified-Since Accept
    Accept-Encoding Forwarded X-Forwarded-Proto X-Forwarded-Host X-Forwarded-For X-Request-ID Host
    Keep-Alive HTTP2-Settings Prefer Cache-Control Content-Range Content-Location Date Max-Forwards
    Content-Length Transfer-Encoding
""")

_NUMBERS: Final = _words(
    "0 1 -1 +1 1.5 1e3 0x10 007 1,1 1;a=b -0 NaN inf true ?0 ?1 ?2 6 8 1.0.0 2.0.0 \u0663"
)
_TEXTS: Final = _words("""
    * \u00e9 \udcff\udcfe " "k" "unclosed ( ) :AAAA: :A: @1 ;; = , ,, sha-256=:AAAA: sha-256=:
    sha-256=1 partial partial; final final; filename a,b ,a gzip identity chunked 100-continue tea
    close upgrade websocket h2c PATCH HEAD DELETE GET OPTIONS patch BREW W/ https [::1 a@b a/b/c
    application/offset+octet-stream application/partial-upload multipart/form-data evil:99999999
    bytes=0- bytes=9-1 bytes=5-2 bytes=99- bytes=-0 bytes=a-b bytes=0-1,3-4 lines=1-2 =;=; %00
    %s%n ../../../etc/passwd Bearer titip-upload titip-upload=x titip-upload="\\377 for="
    for=1;proto=https;host=evil
""")
HOSTILE: Final = [
    *("", " ", "1 1", "a\tb", "a\x00b", "\x00", "a\x0bb", "a\x7fb", "(1 2)", "keep-alive, upgrade"),
    *("9" * 15, "9" * 19, "9" * 41, "9" * 5000, "x" * 9000, "1.0.0, 1.0.0", "evil, evil"),
    *(*_NUMBERS, *_TEXTS, f"sha-256=:{sha256(CONTENT)}:", f"sha-256=:{sha256(HELD)}:"),
    *("sha1 AAAA", "sha256 ", "md5 !!", "crc32 AAAA", "none AAAA", f"sha256 {sha256(CONTENT)}"),
    *(f"final;/files/{OPEN}", f"final;/files/{FOREIGN}", f"final;/files/{'f' * 32}"),
    *("final;http://[::1/files/x", "final;//[/files/", f"final;/files/{PART} " * 3),
    *("filename YQ==", "filename !", "a b c", "a YQ==,a YQ==", "sha256 AAAA", "filename gICA"),
    *("\u0430 YQ==", "Thu, 01 Jan 1970 00:00:00 GMT", "Thu, 99 Foo 9999 99:99:99 GMT"),
    *('attachment; filename="a', "attachment; filename*=x''%ff", "inline; filename=../../etc/x"),
    *("attachment; filename*=utf-99''a", "attachment; filename*0*=utf-8''%00; filename*1=b"),
    *("Bearer x", "Bearer titip_x_y", f"Bearer  {TOKEN}", f"bearer {TOKEN}", "Basic !!!"),
    *("Bearer titip_\u00e9_\u00e9", f"Bearer {TOKEN}x"),
]

METHODS: Final = [
    *("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PRI"),
    *("get", "BREW", "M-SEARCH", "PROPFIND", "PATCHY", "P\u00c4TCH", "", "G@T", "X" * 300),
]
TARGETS: Final = [
    *("/files", "/files/", "/files//", "/files/x", f"/files/{OPEN}/", f"/files/{OPEN}?a=%zz"),
    *(
        f"/files/{'A' * 32}",
        f"/files/{FOREIGN}",
        f"/files/{'f' * 32}",
        "/files/%61",
        "/files/..%2f",
    ),
    *("/files/a%00b", "/files/\u00e9", "/files/%ff.txt", "/files/a b", "/", "", "*", "files/"),
    *(
        "//",
        "/%",
        "/a\x00",
        "/../files/",
        "http://titip/files/",
        "http://[/",
        "http://",
        "titip:80",
    ),
    *("/livez", "/readyz?verbose", "/metrics", "/api/status", "/nowhere", "/api/uploads/x/receipt"),
    *(
        "/api/uploads?limit=x",
        "/api/uploads?limit=9999999999999999999999",
        "/api/uploads?after=%00",
    ),
    *("/api/deliveries?state=nonsense", "/api/destinations/x/pause", "/api/uploads/%2e%2e"),
    *("/api/uploads?state=open&state=%ff", "/files/" + "x" * 300, "/" + "y" * 9000),
]
VERSIONS: Final = _words("HTTP/1.1 HTTP/1.0 HTTP/0.9 HTTP/2.0 HTTP/9.9 HTTP/1.1.1 HTCPCP/1.0")
LINES: Final = [
    *(b"nonsense", b": x", b"A : b", b" folded", b"\tfolded", b"A: b\n B: c", b"A: b\rB: c"),
    *(b"A: \x00", b"\xff: b", b"A\x00B: c", b"Tus-Resumable\t: 1.0.0", b"X: " + b"x" * 70_000),
    *(b"\r\n".join([b"A: b"] * 300), b"Content-Length : 5", b"A:b\n", b"X: " + b"x" * 30_000),
]
"""Lines of a head that are no headers, or hardly."""

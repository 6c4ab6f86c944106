"""`push` before a gateway that answers anything at all, over a wire of memory."""

from __future__ import annotations

import base64
import gzip
import hashlib
import http.client
import io
import json
import os
import socket
import ssl
import threading
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import requests
import urllib3
from hypothesis import event, given, settings
from hypothesis import strategies as st

from client.chunk_sizer import ChunkLimits
from client.options import Patience, PushOptions
from client.push import push
from client.report import PushResult
from client.transport.bounded_response import _Line

TOKEN = "titip_lo1_very-secret"
HOST, PORT = "titip.example", 8080
SERVER = f"http://{HOST}:{PORT}"
FILES = {"a": b"x" * 70, "b": b"y" * 3000, "c": b""}
HASTE = Patience(floor=0.0005, ceiling=0.001, longest_retry_after=0.001, give_up_after=0.02)
SMALL = ChunkLimits(start=1024, floor=256, ceiling=1024)
EXAMPLES = settings.default.max_examples * 3 if settings.default else 200

DIGESTS = {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}
TRUE = "true"
"""Stands for the sha256 of the file in question, where an answer may tell one."""

ERRORS = [
    OSError("odd"),
    ConnectionResetError(104, "reset"),
    BrokenPipeError(32, "pipe"),
    TimeoutError("slow"),
    ssl.SSLError(1, "tls"),
    socket.gaierror(-2, "name"),
    ValueError("odd"),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "odd"),
    OverflowError("large"),
    KeyError("odd"),
    RecursionError("deep"),
    MemoryError(),
    http.client.BadStatusLine("odd"),
    http.client.IncompleteRead(b"", 5),
    http.client.LineTooLong("header"),
    requests.ConnectionError("odd"),
    requests.exceptions.InvalidHeader("odd"),
    requests.exceptions.InvalidURL("odd"),
    requests.exceptions.ContentDecodingError("odd"),
    urllib3.exceptions.LocationParseError("odd"),
    urllib3.exceptions.DecodeError("odd"),
    urllib3.exceptions.ProtocolError("odd"),
]


@dataclass(frozen=True)
class Reply:
    """What is answered to one request: bytes, cut after so many, or an error at some point."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    raw: bytes | None = None
    cut: int | None = None
    error: Exception | None = None
    early: bool = False

    def encoded(self, method, digest):
        if self.raw is not None:
            return self.raw
        head = f"HTTP/1.1 {self.status} Said\r\n"
        for name, value in self.headers:
            head += f"{name}: {value}\r\n"
        if not any(name.lower() == "content-length" for name, _ in self.headers):
            head += f"Content-Length: {len(self.body)}\r\n"
        raw_digest = base64.b64encode(bytes.fromhex(digest)).decode() if digest else ""
        head = head.replace(TRUE, f"sha-256=:{raw_digest}:")
        body = self.body.replace(TRUE.encode(), digest.encode())
        data = f"{head}\r\n".encode("latin-1", "replace") + (b"" if method == "HEAD" else body)
        return data if self.cut is None else data[: self.cut]

    def tells(self, digest):
        """Tell whether this answer may have carried the right digest to the one who asked."""
        return bool(digest) and (
            any(TRUE in value for _, value in self.headers) or TRUE.encode() in self.body
        )


HONEST = Reply(0)
"""Answer as a gateway does."""
MARKS = {base64.b64encode(digest.encode()): digest for digest in DIGESTS.values()}


@dataclass
class Memory:
    """The other end of the wire: answers by turns, and remembers what came to whom."""

    replies: list[Reply]
    told: set[str] = field(default_factory=set)
    heard: list[tuple[str, int]] = field(default_factory=list)
    held: dict[str, tuple[str, int, bytearray]] = field(default_factory=dict)
    turn: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, host, port, request):
        """Give the reply whose turn it is, and its bytes."""
        with self.lock:
            self.heard.append((host, port))
            reply = self.replies[self.turn % len(self.replies)]
            self.turn += 1
            head, _, body = request.partition(b"\r\n\r\n")
            method, path = head.decode("latin-1").split(" ", 2)[:2]
            upload = path.rpartition("/")[2]
            digest = next((MARKS[mark] for mark in MARKS if mark in head), "")
            digest = digest or self.held.get(upload, (DIGESTS["b"],))[0]
            if reply is HONEST:
                reply = self.take(method, upload, head, body)
            if reply.tells(digest):
                self.told.add(digest)
            return reply, reply.encoded(method, digest)

    def take(self, method, upload, head, body):
        """Do what a gateway does, and answer the truth."""
        tus = ("Tus-Resumable", "1.0.0")
        if method == "OPTIONS":
            extensions = ("Tus-Extension", "creation,creation-with-upload")
            return Reply(204, (tus, ("Tus-Version", "1.0.0"), extensions))
        if method == "POST":
            upload = f"h{len(self.held)}"
            digest = next(MARKS[mark] for mark in MARKS if mark in head)
            size = next(len(data) for name, data in FILES.items() if DIGESTS[name] == digest)
            self.held[upload] = (digest, size, bytearray())
        if upload not in self.held:
            return Reply(404, (tus,))
        digest, size, content = self.held[upload]
        content += body
        whole = len(content) == size and hashlib.sha256(content).hexdigest() == digest
        if method == "GET":
            return Reply(200, body=json.dumps({"sha256": TRUE if whole else None}).encode())
        headers = [tus, ("Upload-Offset", str(len(content))), ("Location", f"/files/{upload}")]
        return Reply(201, (*headers, *([("Repr-Digest", TRUE)] if whole else [])))


class Socket:
    """A socket of memory: whatever is asked for first decides that the request is over."""

    def __init__(self, memory, host, port):
        self._memory, self._host, self._port = memory, host, port
        self._sent = b""
        self._reply = Reply()

    def settimeout(self, seconds):
        assert seconds is None or seconds > 0

    def gettimeout(self):
        return 5.0

    def setsockopt(self, *_words):
        pass

    def sendall(self, data):
        self._sent += bytes(data)

    def makefile(self, _mode, *, buffering):
        assert buffering == 0
        request, self._sent = self._sent, b""
        reply, data = self._memory.answer(self._host, self._port, request)
        if reply.error is not None and reply.early:
            raise reply.error
        return Stream(data, reply.error)

    def close(self):
        pass

    def fileno(self):
        return -1


class Stream(io.RawIOBase):
    def __init__(self, data, error):
        self._data, self._error = io.BytesIO(data), error

    def readable(self):
        return True

    def readinto(self, buffer):
        got = self._data.readinto(buffer)
        if not got and self._error is not None:
            raise self._error
        return got


OTHERS = base64.b64encode(bytes(32)).decode()
WRONG = ("Repr-Digest", f"sha-256=:{OTHERS}:")
NAMES = ["u1", "u2", "/files/u1", f"{SERVER}/files/u1", "https://titip.example/files/u1"]
STRANGE = ["http://evil.example/files/u1", "//evil.example/x", "http://[fe80::1/x", "", "/", "\xff"]
NUMBERS = ["0", "70", "1024", "3000", "9" * 400, "-1", "\xb2", "", "1e3", str(1 << 63)]
DATES = ["Mon, 99999999999999999999 Jan 2026 0:0:0 GMT", "Fri, 27 Nov 2026 00:00:00 GMT", "soon"]
TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=20)
HEADERS = st.lists(
    st.one_of(
        st.tuples(st.just("Tus-Resumable"), st.just("1.0.0")),
        st.tuples(st.just("Tus-Version"), st.just("1.0.0")),
        st.tuples(st.just("Tus-Extension"), st.just("creation,creation-with-upload") | TEXTS),
        st.tuples(st.just("Tus-Max-Size"), st.sampled_from(NUMBERS)),
        st.tuples(st.just("Location"), st.sampled_from([*NAMES, *STRANGE]) | TEXTS),
        st.tuples(st.sampled_from(["Upload-Offset", "Upload-Length"]), st.sampled_from(NUMBERS)),
        st.tuples(st.just("Retry-After"), st.sampled_from([*NUMBERS, *DATES]) | TEXTS),
        st.tuples(st.just("Date"), st.sampled_from(DATES) | TEXTS),
        st.tuples(st.just("Repr-Digest"), st.just(TRUE) | st.just(WRONG[1]) | TEXTS),
        st.tuples(st.just("Content-Encoding"), st.sampled_from(["gzip", "deflate", "br", "x"])),
        st.tuples(st.just("Content-Length"), st.sampled_from(["5, 6", "-1", "9" * 30, "x"])),
        st.tuples(st.just("Transfer-Encoding"), st.sampled_from(["chunked", "gzip, chunked"])),
        st.tuples(st.just("Set-Cookie"), TEXTS),
        st.tuples(st.just("Connection"), st.sampled_from(["close", "keep-alive", "upgrade"])),
    ),
    max_size=6,
).map(tuple)
BODIES = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        [
            json.dumps({"sha256": TRUE, "sealed_at": "2026-01-02T03:04:05Z"}).encode(),
            json.dumps({"sha256": None, "detail": "\ud83d"}).encode(),
            json.dumps({"sha256": TRUE, "sealed_at": "\ud83d" * 9}).encode(),
            b"[" * 5000,
            b"<html>log in",
            b'{"detail": ["no", "word"], "sha256": {"a": []}}',
            gzip.compress(bytes(3 << 20)),
            b"zz\r\nhello",
        ]
    ),
)
PLAUSIBLE = st.sampled_from(
    [
        Reply(201, (("Location", "/files/u1"), ("Upload-Offset", "70"), WRONG)),
        Reply(201, (("Location", "/files/u1"), ("Upload-Offset", "0"), WRONG)),
        Reply(204, (("Upload-Offset", "70"), WRONG)),
        Reply(204, (("Upload-Offset", "3000"), WRONG)),
        Reply(201, (("Tus-Resumable", "1.0.0"), ("Location", "/files/u1"))),
        Reply(201, (("Location", "/files/u1"), ("Upload-Offset", "70"))),
        Reply(201, (("Location", "/files/u1"), ("Upload-Offset", "70"), ("Repr-Digest", TRUE))),
        Reply(204, (("Upload-Offset", "1024"), ("Upload-Length", "3000"))),
        Reply(204, (("Upload-Offset", "3000"), ("Repr-Digest", TRUE))),
        Reply(200, body=json.dumps({"sha256": TRUE}).encode()),
        Reply(200, body=json.dumps({"sha256": DIGESTS["c"]}).encode()),
    ]
)
ANYTHING = st.one_of(
    st.builds(
        Reply,
        status=st.sampled_from([200, 201, 204]) | st.integers(100, 599),
        headers=HEADERS,
        body=BODIES,
        cut=st.none() | st.none() | st.integers(0, 200),
        error=st.none() | st.none() | st.sampled_from(ERRORS),
        early=st.booleans(),
    ),
    st.builds(Reply, raw=st.binary(max_size=80), error=st.none() | st.sampled_from(ERRORS)),
)
HONESTLY = st.just(HONEST)
SCRIPTS = st.lists(st.one_of(HONESTLY, HONESTLY, PLAUSIBLE, ANYTHING), min_size=1, max_size=12)
GREETED = SCRIPTS.map(lambda replies: [HONEST, *replies])
"""The first question is what the gateway is; few go on after a lie about that."""


@pytest.fixture
def no_proxies(monkeypatch):
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


class Deaf:
    """A face that may fail at anything."""

    def __init__(self, method):
        self._method = method

    def __getattr__(self, name):
        def hear(*_words, **_more):
            if name == self._method:
                raise RuntimeError("no terminal")

        return hear


def run(memory, folder, face, monkeypatch):
    def connect(self):
        self.sock = Socket(memory, self.host, self.port)

    monkeypatch.setattr(_Line, "connect", connect)
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    options = PushOptions(
        server=SERVER,
        token=TOKEN,
        state=folder / "state" / "push.sqlite3",
        parallel=2,
        patience=HASTE,
        chunks=SMALL,
    )
    return push([folder / name for name in FILES], options, face=face)


@settings(max_examples=EXAMPLES)
@given(
    GREETED | GREETED | SCRIPTS,
    st.sampled_from(["", "", "open", "start", "advance", "wait", "finish", "close"]),
)
@pytest.mark.usefixtures("no_proxies")
def test_whatever_is_answered_each_file_has_one_true_fate(replies, broken):
    memory = Memory(replies)
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        report = run(memory, Path(folder), Deaf(broken), patch)

    assert [one.relative for one in report.outcomes] == list(FILES)
    for one in report.outcomes:
        event(one.fate)
        digest = DIGESTS[one.relative]
        if one.fate in {PushResult.PROVEN, PushResult.ALREADY}:
            assert one.proof is not None
            assert one.proof.sha256 == digest
            assert digest in memory.told, "proven, though the gateway never told the digest"
        if one.fate is PushResult.FAILED:
            assert one.reason
        if one.fate is PushResult.LEFT:
            assert report.stopped
    assert (report.exit_code == 0) == (
        report.count(PushResult.PROVEN, PushResult.ALREADY) == len(FILES)
    )
    assert set(memory.heard) <= {(HOST, PORT)}
    assert TOKEN not in json.dumps(report.as_json())

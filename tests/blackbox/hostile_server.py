"""A server that answers just as it is told, byte for byte, over real sockets."""

from __future__ import annotations

import json
import socket
import socketserver
import threading
from collections.abc import Callable
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator, Mapping

REASONS = {200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 303: "See Other"}


@dataclass(frozen=True)
class Asked:
    """One request as it came; header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True)
class Say:
    """What is answered; `raw` is sent as it is, `drip` goes on writing after the head."""

    status: int = 200
    body: bytes | str | dict[str, Any] | list[Any] = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    drip: Callable[[socket.socket, threading.Event], None] | None = None

    def encoded(self, method: str = "GET") -> bytes:
        if self.raw is not None:
            return self.raw
        body, kind = self.body, "text/html"
        if isinstance(body, dict | list):
            body, kind = json.dumps(body), "application/json"
        data = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
        named = {name.lower() for name in self.headers}
        lines = [f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Said')}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if data and "content-type" not in named:
            lines.append(f"Content-Type: {kind}")
        if self.drip is None and self.status != 204 and "content-length" not in named:
            lines.append(f"Content-Length: {len(data)}")
        head = "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1")
        return head if method == "HEAD" else head + data


Script = Callable[[Asked], Say]

HANG = Say(raw=b"")
"""Read everything and never answer (the connection stays open)."""

CUT = Say(raw=b"\x00cut")
"""Read everything and close without a word."""


@dataclass
class HostileServer:
    """Answers by `script`; remembers what it was asked.

    `early` is asked before a body is read; what it says is answered at once.
    """

    url: str
    script: Script
    early: Callable[[Asked], Say | None] | None = None
    asked: list[Asked] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    tls: ssl.SSLContext | None = None

    def count(self, *methods: str) -> int:
        return sum(one.method in methods for one in self.asked)

    def paths(self, method: str) -> list[str]:
        return [one.path for one in self.asked if one.method == method]

    def answer(self, sock: socket.socket) -> None:
        """Read one request and answer it."""
        head = _read_head(sock)
        if head is None:
            return
        request, rest = head
        say = self.early(request) if self.early else None
        if say is None:
            request = replace(request, body=_read_body(sock, request.headers, rest))
        self.asked.append(request)
        say = say or self.script(request)
        if say is HANG:
            self.over.wait()
        elif say is not CUT:
            sock.sendall(say.encoded(request.method))
            if say.drip is not None:
                say.drip(sock, self.over)
            _say_goodbye(sock)


class _Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        hostile: HostileServer = self.server.hostile  # type: ignore[attr-defined]
        with suppress(OSError):
            if hostile.tls is None:
                hostile.answer(self.request)
            else:
                with hostile.tls.wrap_socket(self.request, server_side=True) as sock:
                    hostile.answer(sock)


class _Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256
    hostile: HostileServer


@contextmanager
def hostile_server(
    script: Script,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    early: Callable[[Asked], Say | None] | None = None,
    tls: ssl.SSLContext | None = None,
) -> Iterator[HostileServer]:
    """Serve the script on a loopback address until the block ends, over TLS where it is given."""
    with _Listener((host, port), _Handler) as listener:
        listener.block_on_close = False
        scheme = "http" if tls is None else "https"
        url = f"{scheme}://{host}:{listener.server_address[1]}"
        server = HostileServer(url, script, early, tls=tls)
        listener.hostile = server
        threading.Thread(target=listener.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield server
        finally:
            server.over.set()
            listener.shutdown()


def _say_goodbye(sock: socket.socket) -> None:
    """Close so that what was said is read before the end is."""
    sock.shutdown(socket.SHUT_WR)
    sock.settimeout(2)
    while sock.recv(65536):
        pass


def _read_head(sock: socket.socket) -> tuple[Asked, bytes] | None:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(65536)
        if not piece:
            return None
        data += piece
    head, _, rest = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return Asked(method, path, headers), rest


def _read_body(sock: socket.socket, headers: Mapping[str, str], rest: bytes) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        while not rest.endswith(b"0\r\n\r\n"):
            piece = sock.recv(65536)
            if not piece:
                break
            rest += piece
        return rest
    length = int(headers.get("content-length", "0") or 0)
    pieces, got = [rest], len(rest)
    while got < length:
        piece = sock.recv(1 << 20)
        if not piece:
            break
        pieces.append(piece)
        got += len(piece)
    return b"".join(pieces)

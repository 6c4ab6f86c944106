"""Just enough HTTP to load a server without being the slower of the two."""

from __future__ import annotations

import asyncio
import re
import socket
from dataclasses import dataclass
from typing import Final, Self, cast
from urllib.parse import urlsplit

from cli.demo.proxy import LOOPBACK

PATIENCE: Final = 60.0
"""Seconds after which a server that does not answer is given up."""

_LENGTH: Final = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
_CHUNKED: Final = re.compile(rb"\r\ntransfer-encoding:\s*chunked", re.IGNORECASE)
_OFFSET: Final = re.compile(rb"\r\nupload-offset:\s*(\d+)", re.IGNORECASE)
_LOCATION: Final = re.compile(rb"\r\nlocation:\s*(\S+)", re.IGNORECASE)


class WrongAnswer(RuntimeError):
    """The server did not do what was asked, so its speed means nothing."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The head of an answer, and the beginning of its body."""

    status: int
    head: bytes
    body: bytes = b""

    def must_be(self, status: int, *, offset: int | None = None) -> Reply:
        """Give it back if it is that status and tells that offset; raises WrongAnswer."""
        told = _OFFSET.search(self.head)
        is_kept = offset is None or (told is not None and int(told[1]) == offset)
        if self.status != status or not is_kept:
            raise WrongAnswer(f"expected {status} at {offset}: {self.head!r} {self.body[:300]!r}")
        return self

    def location(self) -> str:
        """Give the path of what was created."""
        found = _LOCATION.search(self.head)
        if found is None:
            raise WrongAnswer(f"no Location: {self.head!r}")
        return urlsplit(found[1].decode()).path


def reply_in(buffer: bytearray) -> Reply | None:
    """Take a whole answer out of the buffer, None while it is not all there."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = bytes(buffer[:end])
    begin, status = end + 4, int(head[9:12])
    length = _LENGTH.search(head)
    if length is not None:
        until = begin + int(length[1])
    elif _CHUNKED.search(head):
        last = buffer.find(b"0\r\n\r\n", begin)
        until = last + 5 if last >= 0 else len(buffer) + 1
    else:
        until = begin
    if len(buffer) < until:
        return None
    body = bytes(buffer[begin:until])
    del buffer[:until]
    return Reply(status, head, body)


class Wire(asyncio.Protocol):
    """One kept connection, one request at a time."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._answer: asyncio.Future[Reply] | None = None
        self._transport: asyncio.Transport | None = None

    @classmethod
    async def to(cls, port: int) -> Wire:
        """Connect."""
        loop = asyncio.get_running_loop()
        _, wire = await loop.create_connection(cls, LOOPBACK, port)
        return wire

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hear of the connection."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Hear a part of an answer."""
        self._buffer += data
        reply = reply_in(self._buffer)
        if reply is not None and self._answer is not None:
            self._answer.set_result(reply)

    def connection_lost(self, exc: Exception | None) -> None:
        """Hear of the end."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionError("the server hung up"))

    async def ask(self, *pieces: bytes) -> Reply:
        """Send a request and wait for its answer."""
        if self._transport is None:
            raise ConnectionError("not connected")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.writelines(pieces)
        return await self._answer

    def close(self) -> None:
        """Hang up."""
        self._answer = None
        if self._transport is not None:
            self._transport.close()


class Blocking:
    """One kept connection for big bodies."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection((LOOPBACK, port), timeout=PATIENCE)
        self._buffer = bytearray()

    def ask(self, head: bytes, *, block: bytes = b"", length: int = 0) -> Reply:
        """Send a request whose body repeats the block up to so many bytes."""
        self._socket.sendall(head)
        view = memoryview(block)
        while length > 0:
            self._socket.sendall(view[:length])
            length -= min(len(block), length)
        while (reply := reply_in(self._buffer)) is None:
            piece = self._socket.recv(1 << 16)
            if not piece:
                raise ConnectionError("the server hung up")
            self._buffer += piece
        return reply

    def __enter__(self) -> Self:
        """Give the connection; leaving hangs up."""
        return self

    def __exit__(self, *_: object) -> None:
        """Hang up."""
        self._socket.close()

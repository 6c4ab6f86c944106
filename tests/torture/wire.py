"""One HTTP request over a raw socket, which may end as badly as a bad line can make it."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

ANSWER_WITHIN = 20.0
"""Longer than any stop of the server, so that a frozen one is waited for."""

_RESET = struct.pack("ii", 1, 0)


class LineLost(Exception):
    """No whole answer came: nobody knows what the server did."""


class Ending(StrEnum):
    """How the sender's side of a request ends."""

    WHOLE = "whole"
    CUT = "cut"
    """The connection is reset after so many bytes of the body."""
    LEFT = "left"
    """So many bytes, then silence; the connection stays half open."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent. `stop_after` counts bytes of the body, for an ending that is not whole."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    slices: tuple[int, ...] = ()
    chunked: bool = False
    ending: Ending = Ending.WHOLE
    stop_after: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; names of headers in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def offset(self) -> int | None:
        """Give Upload-Offset."""
        told = self.headers.get("upload-offset")
        return None if told is None else int(told)

    @property
    def document(self) -> Any:
        """Give the body as JSON."""
        return json.loads(self.body)


class Wire:
    """The way to one server. Connections that were left half open are closed at the end."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._left: list[asyncio.StreamWriter] = []

    async def ask(self, request: Request, *, within: float = ANSWER_WITHIN) -> Answer:
        """Send the request and read the answer; raises LineLost when there is none."""
        try:
            async with asyncio.timeout(within):
                return await self._ask(request)
        except (OSError, EOFError, ValueError, TimeoutError) as error:
            raise LineLost(type(error).__name__) from error

    def hang_up(self, *, keep: int = 0) -> None:
        """Close the connections that were left half open, but for the newest."""
        while len(self._left) > keep:
            _abort(self._left.pop(0))

    async def _ask(self, request: Request) -> Answer:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        sending = asyncio.create_task(_send(writer, request))
        keep = False
        try:
            if request.ending is not Ending.WHOLE:
                await sending
                keep = request.ending is Ending.LEFT
                raise EOFError
            return await _read(reader)
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            if keep:
                self._left.append(writer)
                self.hang_up(keep=40)
            else:
                _abort(writer)


def _abort(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    if sock is not None and sock.fileno() >= 0:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


async def _send(writer: asyncio.StreamWriter, request: Request) -> None:
    headers = {"Host": "torture", "Connection": "close", **request.headers}
    if request.chunked:
        headers["Transfer-Encoding"] = "chunked"
    elif request.method in {"POST", "PATCH"}:
        headers["Content-Length"] = str(len(request.body))
    lines = [f"{request.method} {request.path} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    end = len(request.body) if request.ending is Ending.WHOLE else request.stop_after
    at, turn = 0, 0
    while at < end:
        size = request.slices[turn % len(request.slices)] if request.slices else end
        piece = request.body[at : min(at + size, end)]
        writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if request.chunked else piece)
        await writer.drain()
        await asyncio.sleep(0)
        at, turn = at + len(piece), turn + 1
    if request.chunked and request.ending is Ending.WHOLE:
        writer.write(b"0\r\n\r\n")
    await writer.drain()


async def _read(reader: asyncio.StreamReader) -> Answer:
    status = 100
    headers: dict[str, str] = {}
    while status < 200:  # an invitation is no answer
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        status = int(head[0].split(" ", 2)[1])
        pairs = (line.split(":", 1) for line in head[1:] if line)
        headers = {name.strip().lower(): value.strip() for name, value in pairs}
    size = int(headers.get("content-length", "0"))
    is_bare = status == 204 or "content-length" not in headers
    return Answer(status, headers, b"" if is_bare else await reader.readexactly(size))

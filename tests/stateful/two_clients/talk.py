"""HTTP over a raw socket: whole requests, requests left half sent, and their answers."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from multidict import CIMultiDict

if TYPE_CHECKING:
    from collections.abc import Mapping

BOUND: Final = 10.0
"""Seconds within which any answer must come: a request that takes longer hangs."""

_RESET: Final = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Order:
    """One request; its body goes in pieces of these sizes, as chunks or under its length."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    piece: int = 0
    chunked: bool = False

    def __str__(self) -> str:
        kept = {"Upload-Offset", "Upload-Length", "Upload-Checksum", "Idempotency-Key"}
        told = " ".join(f"{name}: {self.headers[name]}" for name in kept & self.headers.keys())
        size = "" if self.body is None else f"{len(self.body)} bytes by {self.piece}"
        return f"{self.method} {self.path} {told} {size}{' chunked' if self.chunked else ''}"

    def by(self, whom: Mapping[str, str]) -> Order:
        """Give the same request of somebody."""
        return replace(self, headers={**whom, **self.headers})

    @property
    def head(self) -> bytes:
        """Give the head as it is sent."""
        told = {"Host": "titip", **self.headers}
        if self.chunked:
            told["Transfer-Encoding"] = "chunked"
        elif self.body is not None:
            told["Content-Length"] = str(len(self.body))
        lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
        return f"{self.method} {self.path} HTTP/1.1\r\n{lines}\r\n".encode()

    def pieces(self, start: int, end: int) -> list[bytes]:
        """Give these bytes of the body in pieces, as they go over the wire."""
        body = (self.body or b"")[start:end]
        size = self.piece or max(1, len(body))
        cut = [body[at : at + size] for at in range(0, len(body), size)]
        return [b"%x\r\n%b\r\n" % (len(one), one) for one in cut] if self.chunked else cut

    @property
    def end(self) -> bytes:
        """Give what follows the last byte."""
        return b"0\r\n\r\n" if self.chunked else b""


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """A final answer, and the interim ones before it."""

    status: int
    headers: CIMultiDict[str]
    body: bytes = b""
    interim: tuple[Answer, ...] = ()

    def __str__(self) -> str:
        return f"{self.status} {self.offset()}"

    __repr__ = __str__

    def offset(self) -> int | None:
        """Give the offset it tells."""
        told = self.headers.get("Upload-Offset")
        return None if told is None else int(told)


class Line:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, port: int) -> Line:
        """Connect."""
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def begin(self, order: Order, upto: int) -> None:
        """Send the head and so many bytes of the body."""
        first, *rest = order.pieces(0, upto) or [b""]
        self.writer.write(order.head + first)
        await self.write(rest)

    async def write(self, pieces: list[bytes]) -> None:
        """Send pieces, each to be read before the next one comes."""
        for piece in pieces:
            await asyncio.sleep(0)
            self.writer.write(piece)
            await self.writer.drain()

    async def go_on(self, order: Order, sent: int) -> None:
        """Send all that follows after so many bytes of the body."""
        await self.write(order.pieces(sent, len(order.body or b"")))
        self.writer.write(order.end)
        await self.writer.drain()

    async def answer(self, method: str) -> Answer:
        """Read the answer, interim ones too; raises EOFError, OSError."""
        interim: list[Answer] = []
        while (answer := await self._head()).status < 200:
            interim.append(answer)
        bare = method == "HEAD" or answer.status in {204, 304}
        body = b"" if bare else await self._body(answer.headers)
        return Answer(answer.status, answer.headers, body, tuple(interim))

    async def _body(self, headers: CIMultiDict[str]) -> bytes:
        if "Transfer-Encoding" not in headers:
            return await self.reader.readexactly(int(headers.get("Content-Length", "0")))
        pieces = []
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            pieces.append(await self.reader.readexactly(size + 2))
        await self.reader.readuntil(b"\r\n")
        return b"".join(piece[:-2] for piece in pieces)

    async def _head(self) -> Answer:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.strip().split("\r\n")
        pairs = (line.partition(":") for line in lines)
        headers = CIMultiDict((name, value.strip()) for name, _, value in pairs)
        return Answer(int(first.split(" ")[1]), headers)

    async def close(self, *, reset: bool = False) -> None:
        """Hang up; `reset` as a line does that breaks."""
        if reset:
            sock = self.writer.get_extra_info("socket")
            with suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.writer.transport.abort() if reset else self.writer.close()
        with suppress(OSError):
            await self.writer.wait_closed()


class Party:
    """Who speaks: a token, and a connection that is kept for as long as the gateway keeps it."""

    def __init__(self, port: int, token: str) -> None:
        self.port = port
        self.authorization = {"Authorization": f"Bearer {token}"}
        self._line: Line | None = None

    async def ask(self, order: Order) -> Answer:
        """Ask, and hear the answer, which may come before all is sent; raises EOFError, OSError."""
        order = order.by(self.authorization)
        line, self._line = self._line or await Line.open(self.port), None
        hearing = asyncio.create_task(line.answer(order.method))
        try:
            with suppress(OSError):
                await line.begin(order, len(order.body or b""))
                await line.go_on(order, len(order.body or b""))
            answer = await hearing
        except BaseException:
            hearing.cancel()
            await asyncio.gather(hearing, return_exceptions=True)
            await line.close(reset=True)
            raise
        if answer.headers.get("Connection", "").lower() == "close":
            await line.close()
        else:
            self._line = line
        return answer

    async def stall(self, order: Order, upto: int) -> Flight:
        """Send a request on a line of its own, but only so many bytes of its body."""
        order = order.by(self.authorization)
        line = await Line.open(self.port)
        hearing = asyncio.create_task(line.answer(order.method))
        await line.begin(order, upto)
        return Flight(order, line, hearing, upto)

    async def leave(self) -> None:
        """Hang up."""
        if self._line is not None:
            await self._line.close()


@dataclass(eq=False, repr=False)
class Flight:
    """A request that is half sent, and whatever is answered to it."""

    order: Order
    line: Line
    hearing: asyncio.Task[Answer]
    sent: int

    async def finish(self) -> Answer | None:
        """Send the rest and give the answer; None when the line broke before one came."""
        with suppress(OSError):
            await self.line.go_on(self.order, self.sent)
        try:
            return await self.hearing
        except (EOFError, OSError):
            return None
        finally:
            await self.line.close()

    async def cut(self, *, reset: bool) -> None:
        """Break the line."""
        self.hearing.cancel()
        await asyncio.gather(self.hearing, return_exceptions=True)
        await self.line.close(reset=reset)

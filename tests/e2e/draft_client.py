"""A small client of the IETF draft that shares no code with the gateway.

It speaks interop version 6 or 8, and comes in two kinds: one that reads interim answers while it
sends, and one that cannot, as pages in a browser, and so asks for an address first.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

PIECE: Final = 64 << 10
LAST_INTERIM: Final = 199
RESUMPTION: Final = 104
ANNOUNCED: Final = 2.0
"""Seconds it waits for an address before it sends the file all the same."""

GIVES_UP: Final = 20
"""Connections after which it stops trying."""


class GaveUpError(Exception):
    """The file could not be handed in."""


@dataclass
class Answer:
    """A final answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def complete(self) -> bool:
        """Tell whether it says that the file is complete."""
        return self.headers.get("upload-complete") == "?1"


@dataclass
class DraftClient:
    """One file's way in; `offsets` are those that interim answers told, in the order they came."""

    endpoint: str
    token: str
    version: int
    hears: bool = True
    name: str = "surat.pdf"
    location: str = ""
    connections: int = 0
    offsets: list[int] = field(default_factory=list)
    _announced: asyncio.Event = field(default_factory=asyncio.Event)

    async def hand_in(self, data: bytes) -> Answer | None:
        """Hand the file in, whatever happens on the way; give the last answer, if it was heard."""
        if not self.hears:
            await self._ask_for_address(len(data))
        answer = await self._create(data) if self.hears else None
        while answer is None or not answer.complete:
            if answer is not None and answer.status // 100 == 4 and answer.status not in {409, 423}:
                raise GaveUpError(answer)
            if not self.location:
                answer = await self._create(data)
                continue
            standing = await self._ask("HEAD", self.location)
            if standing is None or standing.status // 100 != 2:
                continue
            if standing.complete:
                return None
            answer = await self._append(data, int(standing.headers["upload-offset"]))
        return answer

    async def cancel(self) -> Answer | None:
        """Withdraw what was begun."""
        return await self._ask("DELETE", self.location)

    async def _ask_for_address(self, length: int) -> None:
        told = {"Upload-Complete": "?0", "Upload-Length": str(length), **self._named()}
        while not self.location:
            answer = await self._ask("POST", self.endpoint, told)
            if answer is not None:
                assert answer.status == 201, answer
                self.location = answer.headers["location"]

    async def _create(self, data: bytes) -> Answer | None:
        told = {"Upload-Complete": "?1", "Upload-Length": str(len(data)), **self._named()}
        return await self._ask("POST", self.endpoint, told, data)

    async def _append(self, data: bytes, offset: int) -> Answer | None:
        told = {
            "Upload-Complete": "?1",
            "Upload-Offset": str(offset),
            "Content-Type": "application/partial-upload",
        }
        return await self._ask("PATCH", self.location, told, data[offset:])

    def _named(self) -> dict[str, str]:
        return {"Content-Disposition": f'inline; filename="{self.name}"'}

    async def _ask(
        self, method: str, url: str, told: dict[str, str] | None = None, body: bytes = b""
    ) -> Answer | None:
        """Send a request on a connection of its own; None when it broke before the answer."""
        self.connections += 1
        if self.connections > GIVES_UP:
            raise GaveUpError
        # An address may name another way than the one this client was given: it keeps to its own.
        way, target = urlsplit(self.endpoint), urlsplit(url).path
        with closing(await _dial(way.hostname or "", way.port or 80)) as line:
            head = self._head(method, target, told or {}, len(body))
            sending = asyncio.create_task(self._send(line, head, body))
            try:
                return await self._hear(Hearing(line), bodiless=method == "HEAD")
            except OSError:
                return None
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)

    async def _send(self, line: socket.socket, head: bytes, body: bytes) -> None:
        loop = asyncio.get_running_loop()
        with suppress(OSError):
            await loop.sock_sendall(line, head)
            if self.hears and body:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._announced.wait(), ANNOUNCED)
            await loop.sock_sendall(line, body)

    def _head(self, method: str, target: str, told: dict[str, str], size: int) -> bytes:
        headers = {
            "Host": urlsplit(self.endpoint).netloc,
            "Authorization": f"Bearer {self.token}",
            "Upload-Draft-Interop-Version": str(self.version),
            "Content-Length": str(size),
            "Connection": "close",
            **told,
        }
        lines = "".join(f"{name}: {text}\r\n" for name, text in headers.items())
        return f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode()

    async def _hear(self, hearing: Hearing, *, bodiless: bool) -> Answer:
        while True:
            head = (await hearing.until(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.strip().split("\r\n")
            pairs = (line.partition(": ") for line in lines)
            headers = {name.lower(): text for name, _, text in pairs}
            status = int(first.split()[1])
            if status > LAST_INTERIM:
                size = 0 if bodiless else int(headers.get("content-length", "0"))
                return Answer(status, headers, await hearing.exactly(size))
            if status == RESUMPTION and self.hears:
                self._note(headers)

    def _note(self, headers: dict[str, str]) -> None:
        assert headers["upload-draft-interop-version"] == str(self.version)
        if "location" in headers:
            self.location = headers["location"]
            self._announced.set()
        if "upload-offset" in headers:
            self.offsets.append(int(headers["upload-offset"]))


class Hearing:
    """What comes over a line: all of it, also before a reset."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._heard = b""

    async def until(self, end: bytes) -> bytes:
        """Read up to those bytes; raises OSError."""
        while end not in self._heard:
            await self._more()
        found, _, self._heard = self._heard.partition(end)
        return found

    async def exactly(self, size: int) -> bytes:
        """Read so many bytes; raises OSError."""
        while len(self._heard) < size:
            await self._more()
        found, self._heard = self._heard[:size], self._heard[size:]
        return found

    async def _more(self) -> None:
        piece = await asyncio.get_running_loop().sock_recv(self._line, PIECE)
        if not piece:
            raise ConnectionError
        self._heard += piece


async def _dial(host: str, port: int) -> socket.socket:
    line = socket.socket()
    line.setblocking(False)
    await asyncio.get_running_loop().sock_connect(line, (host, port))
    return line

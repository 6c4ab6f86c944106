"""A gateway on a real socket over an in-memory store, and a line to speak to it byte by byte."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any

from aiohttp import ClientSession, web
from multidict import CIMultiDict

from gateway.app import gateway_app, gateway_runner
from gateway.context import AppContext
from gateway.options import GatewayOptions
from tests.fake_records import MemoryOperations, MemoryRecords
from tests.fakes import MemoryJoiner, MemoryStore, MemoryTokens, utc_now
from titip.access import Role
from titip.clock import ClockState
from titip.upload import UploadId

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tests.storage_fixtures import House

BOUND = 10.0
"""Seconds a fact may take to come true on a busy machine."""

TUS = {"Tus-Resumable": "1.0.0"}
BYTES = {"Content-Type": "application/offset+octet-stream"}


@dataclass
class Gateway:
    """A running gateway, its parts, and the tokens of three bearers."""

    store: MemoryStore
    records: MemoryRecords
    operations: MemoryOperations
    tokens: MemoryTokens
    app: web.Application
    session: ClientSession
    url: str
    port: int
    lo: dict[str, str] = field(default_factory=dict)
    stranger: dict[str, str] = field(default_factory=dict)
    operator: dict[str, str] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)

    def ask(self, method, path, headers=None, *, of=None, body=None, **kwargs):
        """Ask over HTTP as an LO, or as whoever `of` names."""
        sent = {**(self.lo if of is None else of), **TUS, **(headers or {})}
        url = path if path.startswith("http") else self.url + path
        streamed = BytesIO(body) if isinstance(body, bytes) else body
        return self.session.request(method, url, headers=sent, data=streamed, **kwargs)

    async def created(self, length, body=None, headers=None, of=None):
        """Begin an upload and give its path."""
        told = {"Upload-Length": str(length), **(BYTES if body is not None else {})}
        sent = {**told, **(headers or {})}
        async with self.ask("POST", "/files/", sent, body=body, of=of) as answer:
            assert answer.status == 201, await answer.text()
            return answer.headers["Location"].removeprefix(self.url)

    def append(self, path, offset, body, headers=None, **kwargs):
        """Send a PATCH."""
        sent = {"Upload-Offset": str(offset), **BYTES, **(headers or {})}
        return self.ask("PATCH", path, sent, body=body, **kwargs)

    async def offset(self, path):
        """Ask for the committed offset."""
        async with self.ask("HEAD", path) as answer:
            assert answer.status == 200
            return int(answer.headers["Upload-Offset"])

    def kept(self, path):
        """Give the committed bytes."""
        return self.store.spool[id_of(path)]

    async def dial(self):
        """Open a connection of one's own."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.lines.append(Line(reader, writer, self.lo))
        return self.lines[-1]


@dataclass
class Line:
    """A connection spoken to byte by byte."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    token: dict[str, str]

    async def say(self, method, path, headers, body=b""):
        """Send a request's head, and as much of its body as is given."""
        sent = {"Host": "titip", **self.token, **TUS, **headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
        self.writer.write(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body)
        await self.writer.drain()

    async def send(self, body):
        """Send more of a body."""
        self.writer.write(body)
        await self.writer.drain()

    async def answer(self):
        """Read the head of an answer: its status and its headers."""
        async with asyncio.timeout(BOUND):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        pairs = (line.partition(": ") for line in lines)
        return int(first.split()[1]), CIMultiDict((name, value) for name, _, value in pairs)

    async def closed(self):
        """Wait until the other side closes."""
        async with asyncio.timeout(BOUND):
            while await self.reader.read(1 << 16):
                pass

    async def cut(self):
        """Close, as a line that breaks does."""
        self.writer.close()
        await self.writer.wait_closed()


@asynccontextmanager
async def gateway(
    root: Path,
    options: GatewayOptions | None = None,
    *,
    clock: Callable[[], ClockState] = ClockState,
    house: House | None = None,
) -> AsyncIterator[Gateway]:
    """Run a gateway as long as the block lasts; over what a house keeps, if one is given."""
    store: Any = MemoryStore(root) if house is None else house.store
    records = MemoryRecords(store)
    operations = MemoryOperations(store, records)
    tokens = MemoryTokens()
    gate = AppContext(
        store=store,
        joiner=MemoryJoiner(store) if house is None else house.joiner,
        records=records,
        operations=operations,
        tokens=tokens,
        now=utc_now,
        clock=clock,
        options=options or GatewayOptions(),
    )
    app = gateway_app(gate)
    runner = gateway_runner(app, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    async with ClientSession() as session:
        running = Gateway(
            store=store,
            records=records,
            operations=operations,
            tokens=tokens,
            app=app,
            session=session,
            url=f"http://127.0.0.1:{port}",
            port=port,
        )
        for name, role in (("lo", Role.LO), ("stranger", Role.LO), ("operator", Role.OPERATOR)):
            submitter = "" if role is Role.OPERATOR else f"{name}-pair"
            _, text = await tokens.issue(role, submitter, now=utc_now())
            getattr(running, name)["Authorization"] = f"Bearer {text}"
        try:
            yield running
        finally:
            for line in running.lines:
                line.writer.close()
            await runner.cleanup()


async def answered(ask):
    """Give an answer whose body was read."""
    async with ask as answer:
        await answer.read()
    return answer


def id_of(path: str) -> UploadId:
    """Give the id in an upload's path."""
    return UploadId(path.rpartition("/")[2])

"""A small, strict tus gateway in a thread, with faults on order, for the tests of `client/`."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

from titip import metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "titip_lo1_secret"
TUS = {"Tus-Resumable": "1.0.0"}
KEY = re.compile(r'"([A-Za-z0-9._-]{1,128})"')


@dataclass
class Held:
    """One upload as the gateway holds it."""

    length: int
    metadata: dict[str, str]
    key: str
    content: bytearray = field(default_factory=bytearray)
    ended: int = 0
    busy: bool = False

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def sealed(self) -> bool:
        return len(self.content) == self.length


@dataclass(frozen=True)
class Status:
    """Answer with this instead of doing anything."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    tus: bool = True


@dataclass(frozen=True)
class Cut:
    """Keep so many bytes of the body, then drop the connection."""

    after: int


@dataclass(frozen=True)
class LostAnswer:
    """Do everything, then drop the connection instead of answering."""


@dataclass(frozen=True)
class Silence:
    """Never answer: wait until the gateway stops."""


Fault = Status | Cut | LostAnswer | Silence


class FakeGateway:
    """What the tests see of the gateway: its uploads, what was asked, and the faults to come."""

    def __init__(self) -> None:
        self.uploads: dict[str, Held] = {}
        self.asked: list[str] = []
        self.connections: set[int] = set()
        self.faults: dict[str, list[Fault]] = {}
        self.always: dict[str, Fault] = {}
        self.largest_body = 1 << 30
        self.extensions = "creation,creation-with-upload"
        self.largest_upload = 1 << 40
        self.tells_digest = True
        self.knows_keys = True
        self.lies = False
        self.token = TOKEN
        self.foreign: set[str] = set()
        self.url = ""
        self.silenced = threading.Event()
        self._over = asyncio.Event()

    def count(self, method: str) -> int:
        return self.asked.count(method)

    def fail(self, method: str, *faults: Fault) -> None:
        self.faults.setdefault(method, []).extend(faults)

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._gate])
        app.router.add_route("OPTIONS", "/files/", self._options)
        app.router.add_post("/files/", self._create)
        app.router.add_route("HEAD", "/files/{id}", self._head)
        app.router.add_patch("/files/{id}", self._patch)
        app.router.add_get("/api/uploads/{id}", self._receipt)
        return app

    def stop(self) -> None:
        self._over.set()

    @web.middleware
    async def _gate(self, request: web.Request, handler):
        self.asked.append(request.method)
        self.connections.add(id(request.transport))
        if request.method != "OPTIONS" and request.headers.get("Authorization") != (
            f"Bearer {self.token}"
        ):
            return web.Response(status=401, headers=TUS)
        if request.method in {"POST", "HEAD", "PATCH"} and "Tus-Resumable" not in request.headers:
            return web.Response(status=412, headers={"Tus-Version": "1.0.0", **TUS})
        queue = self.faults.get(request.method, [])
        fault = queue.pop(0) if queue else self.always.get(request.method)
        return await self._with(fault, request, handler)

    async def _with(self, fault: Fault | None, request: web.Request, handler):
        match fault:
            case Status():
                await request.read()
                headers = fault.headers | (TUS if fault.tus else {})
                return web.Response(status=fault.status, headers=headers)
            case Cut():
                held = self.uploads[request.match_info["id"]]
                held.content += await request.content.readexactly(fault.after)
                drop(request)
                return web.Response()
            case LostAnswer():
                await handler(request)
                drop(request)
                return web.Response()
            case Silence():
                self.silenced.set()
                await self._over.wait()
                return web.Response()
            case None:
                return await handler(request)

    async def _options(self, _request: web.Request) -> web.Response:
        headers = {"Tus-Version": "1.0.0", "Tus-Extension": self.extensions}
        headers["Tus-Max-Size"] = str(self.largest_upload)
        return web.Response(headers=TUS | headers)

    async def _create(self, request: web.Request) -> web.Response:
        pairs = metadata.parse(request.headers["Upload-Metadata"])
        assert all(pairs.values()), "an empty value was sent"
        key = KEY.fullmatch(request.headers["Idempotency-Key"])
        assert key, "no sound key was sent"
        held = Held(
            int(request.headers["Upload-Length"]),
            {key: value.decode() for key, value in pairs.items()},
            key[1],
        )
        if (request.content_length or 0) > self.largest_body:
            return web.Response(status=413)
        for name, first in self._under(key[1]):
            if first.length != held.length:
                return web.json_response({"title": "another length"}, status=422)
            return self._created(name, first)
        name = f"u{len(self.uploads)}"
        self.uploads[name] = held
        if request.can_read_body:
            assert request.content_type == "application/offset+octet-stream"
            await self._take(held, request)
        return self._created(name, held)

    def _under(self, key: str) -> list[tuple[str, Held]]:
        """Give the submitter's open or sealed upload under this key, if there is one."""
        return [
            (name, held)
            for name, held in self.uploads.items()
            if self.knows_keys and held.key == key and not held.ended and name not in self.foreign
        ]

    def _created(self, name: str, held: Held) -> web.Response:
        headers = {"Location": f"https://127.0.0.1:1/files/{name}"}
        headers["Upload-Offset"] = str(len(held.content))
        return web.Response(status=201, headers=TUS | headers | self._digest(held))

    async def _take(self, held: Held, request: web.Request) -> None:
        held.busy = True
        try:
            held.content += await request.read()
        finally:
            held.busy = False

    async def _head(self, request: web.Request) -> web.Response:
        held = self._find(request)
        if held is None or held.ended:
            return web.Response(status=held.ended if held else 404, headers=TUS)
        headers = {"Upload-Offset": str(len(held.content)), "Upload-Length": str(held.length)}
        return web.Response(headers=TUS | headers | {"Cache-Control": "no-store"})

    async def _patch(self, request: web.Request) -> web.Response:
        held = self._find(request)
        if held is None or held.ended:
            return web.Response(status=held.ended if held else 404, headers=TUS)
        if held.busy:
            return web.Response(status=423, headers=TUS)
        if request.content_type != "application/offset+octet-stream":
            return web.Response(status=415, headers=TUS)
        if int(request.headers["Upload-Offset"]) != len(held.content):
            return web.Response(status=409, headers=TUS)
        if (request.content_length or 0) > self.largest_body:
            return web.Response(status=413)
        await self._take(held, request)
        assert len(held.content) <= held.length
        headers = {"Upload-Offset": str(len(held.content))}
        return web.Response(status=204, headers=TUS | headers | self._digest(held))

    async def _receipt(self, request: web.Request) -> web.Response:
        held = self._find(request)
        if held is None or request.match_info["id"] in self.foreign:
            return web.json_response({"title": "unknown"}, status=404)
        facts = {
            "id": request.match_info["id"],
            "state": "sealed" if held.sealed else "open",
            "length": held.length,
            "offset": len(held.content),
            "sha256": self._claimed(held) if held.sealed else None,
            "sealed_at": "2026-01-02T03:04:05Z",
        }
        return web.json_response(facts)

    def _find(self, request: web.Request) -> Held | None:
        return self.uploads.get(request.match_info["id"])

    def _claimed(self, held: Held) -> str:
        return "0" * 64 if self.lies else held.sha256

    def _digest(self, held: Held) -> dict[str, str]:
        if not (held.sealed and self.tells_digest):
            return {}
        value = base64.b64encode(bytes.fromhex(self._claimed(held))).decode()
        return {"Repr-Digest": f"sha-256=:{value}:"}


def drop(request: web.Request) -> None:
    assert request.transport is not None
    request.transport.abort()


@contextmanager
def running(gateway: FakeGateway, *, port: int = 0) -> Iterator[FakeGateway]:
    """Serve on loopback until left; `port` 0 takes a free one."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def end(runner: web.AppRunner) -> None:
        await runner.cleanup()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    def call(coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(timeout=10)

    async def start() -> web.AppRunner:
        runner = web.AppRunner(gateway.app(), shutdown_timeout=0.2)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        host, bound = runner.addresses[0][:2]
        gateway.url = f"http://{host}:{bound}"
        return runner

    runner = call(start())
    try:
        yield gateway
    finally:
        loop.call_soon_threadsafe(gateway.stop)
        call(end(runner))
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()

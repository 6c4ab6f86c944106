"""A registry that speaks tus: a second Titip, behind a proxy that answers oddly in its place."""

from __future__ import annotations

import asyncio
import base64
import signal
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

from cli.demo.processes import Program
from standin.faults import FaultCounter
from standin.odd_answer import OddAnswer, give
from standin.server import LOOPBACK, Change, cut, root_url
from tests.ports import free_port
from tests.torture import odd
from tests.torture.processes import Broken
from tests.torture.wire import Answer, Ending, LineLost, Request, Wire

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

CONFIG = """
[gateway]
listen = "127.0.0.1:{port}"
auth = "none"
[storage]
path = "{root}/data"
reserve = "1MiB"
[mirror]
when = "never"
"""
SETTINGS = """
[registry]
kind = "tus"
url = "{url}/files/"
"""
KINDS = {"POST": "create", "PATCH": "patch", "HEAD": "head", "OPTIONS": "options"}
EARLY = ("before_body", "mid_body")
HOPS = frozenset({"connection", "content-length", "transfer-encoding", "date", "server"})
GLANCE = 0.05
START_WITHIN = 60.0


@dataclass(slots=True)
class OddProxy:
    """Hands requests on to a port, but for those that are answered oddly."""

    upstream: Wire
    url: str = ""
    in_flight: int = 0
    asked: int = 0
    odd: OddAnswer | None = None
    _counter: FaultCounter = field(default_factory=lambda: FaultCounter(OddAnswer()))
    _change: Change = field(default_factory=Change)
    _runner: web.AppRunner | None = None

    async def open(self) -> None:
        """Begin to listen."""
        app = web.Application(client_max_size=1 << 30)
        app.router.add_route("*", "/{rest:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, *LOOPBACK).start()
        host, port = self._runner.addresses[0][:2]
        self.url = root_url((str(host), int(port)))

    async def close(self) -> None:
        """End every connection."""
        self.turn(None)
        if self._runner is not None:
            await self._runner.cleanup()

    def turn(self, odd_answer: OddAnswer | None) -> None:
        """Answer so from now on; None for nothing of its own."""
        self.odd = odd_answer
        self._change.announce()
        self._counter = FaultCounter(odd_answer or OddAnswer())

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.in_flight += 1
        self.asked += request.method != "OPTIONS"
        try:
            return await self._answered(request)
        except (LineLost, ConnectionError):
            return cut(request)
        finally:
            self.in_flight -= 1

    async def _answered(self, request: web.Request) -> web.StreamResponse:
        mine = self._struck(request)
        if mine is not None and mine.at == "before_body":
            return await give(request, mine, hang=self._change.outlast)
        body = await request.read()
        if mine is None:
            return _response(await self._upstream(request, body))
        own: web.Response | None = None
        if mine.at == "mid_body":
            await self._cut_off(request, body, mine.after_bytes)
        elif mine.at == "after_storing":
            own = _response(await self._upstream(request, body))
        return await give(request, mine, own=own, hang=self._change.outlast)

    def _struck(self, request: web.Request) -> OddAnswer | None:
        mine, kind = self.odd, KINDS.get(request.method, "")
        if mine is None or not mine.concerns(kind):
            return None
        return mine if self._counter.strikes() else None

    async def _upstream(self, request: web.Request, body: bytes) -> Answer:
        return await self.upstream.ask(_request(request, body))

    async def _cut_off(self, request: web.Request, body: bytes, after: int) -> None:
        """Let only a part of the body through; what comes back is not told."""
        try:
            sent = _request(request, body, ending=Ending.CUT, stop_after=min(after, len(body) // 2))
            await self.upstream.ask(sent)
        except LineLost:
            return


def _request(request: web.Request, body: bytes, **how: Any) -> Request:
    headers = {name: text for name, text in request.headers.items() if name.lower() not in HOPS}
    return Request(request.method, request.path_qs, headers, body, **how)


def _response(answer: Answer) -> web.Response:
    headers = {name: text for name, text in answer.headers.items() if name not in HOPS}
    return web.Response(status=answer.status, headers=headers, body=answer.body)


@dataclass(slots=True)
class TusRegistry:
    """The second Titip and its proxy."""

    root: Path
    port: int
    proxy: OddProxy
    wire: Wire
    program: Program | None = None
    frozen: bool = False

    @property
    def settings(self) -> str:
        return SETTINGS.format(url=self.proxy.url)

    @property
    def evidence(self) -> str:
        return "reference"

    def draw(self, rng: Random) -> odd.Params:
        return odd.of_tus(rng)

    async def mode(self, name: str, **params: object) -> None:
        self.proxy.turn(OddAnswer(**params) if name == "answer" else None)  # type: ignore[arg-type]
        if name == "down":
            self._kill()
        elif name == "stalled":
            self._freeze(frozen=True)
        else:
            await self._up()

    async def busy(self) -> bool:
        return bool(self.proxy.in_flight)

    async def asked(self) -> int:
        return self.proxy.asked

    async def entries(self) -> list[dict[str, Any]]:
        """Give what is sealed there; whose it is, its own metadata tell."""
        found: list[dict[str, Any]] = []
        after = ""
        while True:
            page = await self.wire.ask(
                Request("GET", f"/api/uploads?limit=1000&state=sealed{after}")
            )
            found += [await self._entry(one) for one in page.document["uploads"]]
            if not page.document["next"]:
                return found
            after = f"&after={page.document['next']}"

    async def _entry(self, row: dict[str, Any]) -> dict[str, Any]:
        which = str(row["id"])
        headers = {"Tus-Resumable": "1.0.0"}
        head = await self.wire.ask(Request("HEAD", f"/files/{which}", headers))
        pairs = dict(
            pair.split(" ", 1) for pair in head.headers.get("upload-metadata", "").split(",")
        )
        return {
            "key": base64.b64decode(pairs["key"]).decode(),
            "id": f"{self.proxy.url}/files/{which}",
            "path": str(self.root / "data" / "spool" / which[:2] / which),
            "stored_at": row["sealed_at"],
        }

    def gave(self, locator: str, references: set[str]) -> bool:
        return locator in references

    async def close(self) -> None:
        await self.proxy.close()
        self.wire.hang_up()
        self._kill()

    async def _up(self) -> None:
        self._freeze(frozen=False)
        if self.program is None:
            words = ("gateway", "--config", str(self.root / "titip.toml"), "--log-json")
            self.program = Program.titip(*words, log=self.root / "far.log")
        begun = time.monotonic()
        while time.monotonic() < begun + START_WITHIN:
            try:
                if (await self.wire.ask(Request("GET", "/readyz"))).status == 200:
                    return
            except LineLost:
                await asyncio.sleep(GLANCE)
        raise Broken("the tus registry does not start")

    def _kill(self) -> None:
        if self.program is not None:
            self.program.kill()
        self.program, self.frozen = None, False

    def _freeze(self, *, frozen: bool) -> None:
        if self.program is not None and self.frozen != frozen:
            self.program.process.send_signal(signal.SIGSTOP if frozen else signal.SIGCONT)
            self.frozen = frozen

    @classmethod
    async def begin(cls, root: Path) -> TusRegistry:
        """Start both."""
        port = free_port()
        await asyncio.to_thread(_write_config, root, port)
        proxy = OddProxy(Wire(port))
        far = cls(root, port, proxy, Wire(port))
        await proxy.open()
        await far.mode("healthy")
        return far


def _write_config(root: Path, port: int) -> None:
    root.mkdir(parents=True, exist_ok=True)
    (root / "titip.toml").write_text(CONFIG.format(port=port, root=root), "utf-8")

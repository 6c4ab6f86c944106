"""A whole Titip on a disk in trouble, and senders that hold it to its word."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import signal
from dataclasses import dataclass

from aiohttp import ClientError, ClientSession

from config.runtime.serve import serve
from config.settings import settings_from
from gateway import admission
from storage.journal import database, writer
from tests.waiting import until

WITHIN = 20.0
"""Seconds a fact may take to come true on a busy machine."""

TUS = {"Tus-Resumable": "1.0.0"}
BYTES = {"Content-Type": "application/offset+octet-stream"}


@dataclass
class Paper:
    """One file being handed in, and what was acknowledged of it."""

    key: str
    data: bytes
    address: str = ""
    acknowledged: int = 0

    @property
    def done(self):
        return bool(self.address) and self.acknowledged == len(self.data)


class World:
    """A gateway and a mirror worker in this process, on one data folder; may be started again."""

    def __init__(self, root, session):
        self.root = root
        self.papers = []
        self.url = ""
        self._session = session
        self._serving = None

    async def start(self):
        settings = settings_from(
            None,
            gateway={"listen": "127.0.0.1:0", "auth": "none"},
            storage={"path": self.root, "reserve": "0B"},
            mirror={"when": "always"},
            retry={"floor": "50ms", "ceiling": "100ms"},
            health={"cool_off": "50ms", "cool_off_ceiling": "100ms", "probe_every": "50ms"},
        )
        listening = asyncio.get_running_loop().create_future()
        self._serving = asyncio.create_task(serve(settings, listening=listening.set_result))
        async with asyncio.timeout(WITHIN):
            await asyncio.wait({self._serving, listening}, return_when=asyncio.FIRST_COMPLETED)
        if self._serving.done():
            await self._serving
        self.url = await listening

    async def stop(self):
        if self._serving is not None and not self._serving.done():
            signal.raise_signal(signal.SIGTERM)
            async with asyncio.timeout(WITHIN):
                await self._serving

    def paper(self, data):
        self.papers.append(Paper(f"paper-{len(self.papers)}", data))
        return self.papers[-1]

    async def step(self, paper, *, most=None):
        """Bring what is missing of a paper, `most` bytes at most; give the status of the answer."""
        if not paper.address:
            return await self._create(paper, most)
        offset = await self.offset(paper)
        headers = {"Upload-Offset": str(offset), **BYTES}
        end = None if most is None else offset + most
        return await self._send(paper, "PATCH", headers, paper.data[offset:end])

    async def step_all(self):
        """Bring all that is missing, at once; give the statuses."""
        missing = [paper for paper in self.papers if not paper.done]
        return await asyncio.gather(*map(self.step, missing))

    async def offset(self, paper):
        """Ask what is kept of a paper: never less than was acknowledged."""
        async with self._session.head(self.url + paper.address, headers=TUS) as answer:
            assert answer.status == 200
            offset = int(answer.headers["Upload-Offset"])
        assert offset >= paper.acknowledged
        paper.acknowledged = offset
        return offset

    async def finish(self):
        """Bring everything, however often it is refused."""
        async with asyncio.timeout(WITHIN):
            while not all(paper.done for paper in self.papers):
                await self.step_all()
                for paper in self.papers:
                    if paper.address and not paper.done:
                        await self.offset(paper)

    async def ready(self):
        async with self._session.get(f"{self.url}/readyz?verbose") as answer:
            return answer.status, await answer.json()

    async def until_ready(self, status=200):
        async def says_so():
            return (await self.ready())[0] == status

        await until(says_so, within=WITHIN)

    async def judge(self):
        """See that all is there, byte by byte, and on the mirror too."""
        for paper in self.papers:
            async with self._session.get(self.url + paper.address) as answer:
                assert answer.status == 200
                assert await answer.read() == paper.data
        wanted = sorted(hashlib.sha256(paper.data).hexdigest() for paper in self.papers)
        await until(self._owes_nothing, within=WITHIN)
        copies = (one for one in (self.root / "mirror").rglob("*") if one.is_file())
        assert sorted(hashlib.sha256(one.read_bytes()).hexdigest() for one in copies) == wanted

    async def _owes_nothing(self):
        return not await self._owed()

    async def _owed(self):
        """List what is not on the mirror yet."""
        left, url = [], f"{self.url}/api/deliveries?destination=mirror"
        for state in ("queued", "active", "deferred", "verify", "parked"):
            async with self._session.get(f"{url}&state={state}") as answer:
                assert answer.status == 200, await answer.text()
                left += (await answer.json())["deliveries"]
        return left

    async def _create(self, paper, most):
        headers = {
            "Upload-Length": str(len(paper.data)),
            "Idempotency-Key": paper.key,
            **BYTES,
        }
        return await self._send(paper, "POST", headers, paper.data[:most], path="/files/")

    async def _send(self, paper, method, headers, body, *, path=""):
        url = self.url + (path or paper.address)
        sending = self._session.request(method, url, data=body, headers={**TUS, **headers})
        with contextlib.suppress(ClientError):  # a refusal may cut a body short
            async with sending as answer:
                if answer.status in {201, 204}:
                    told = answer.headers.get("Location", self.url + paper.address)
                    paper.address = told.removeprefix(self.url)
                    offset = int(answer.headers.get("Upload-Offset", 0))
                    paper.acknowledged = max(paper.acknowledged, offset)
                return answer.status
        return 0


@contextlib.asynccontextmanager
async def world(root, monkeypatch):
    """Give a world that is stopped at the end; it looks and folds more often."""
    monkeypatch.setattr(database, "RESTOCK_SECONDS", 0.02)
    monkeypatch.setattr(writer, "FOLD_PAGES", 30)
    monkeypatch.setattr(admission, "FRESH", 0.01)
    async with ClientSession() as session:
        made = World(root, session)
        await made.start()
        try:
            yield made
        finally:
            await session.close()
            await made.stop()

"""The real gateway over the real store in one event loop, which stands still between the steps."""

from __future__ import annotations

import asyncio
import itertools
import logging
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final, TypeVar

import structlog
from aiohttp import web

from gateway.app import gateway_app, gateway_runner
from gateway.context import CONTEXT, AppContext
from gateway.ingest.min_rate import Pace
from gateway.options import GatewayOptions
from gateway.uploads import routes
from storage.tokens import JournalTokens
from tests.stateful.two_clients.talk import BOUND, Party
from tests.storage_fixtures import House, opened_house
from titip.access import Role
from titip.ports.operations import Query
from titip.upload import UploadState

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

    from gateway.ingest.locks import UploadLocks
    from titip.upload import Upload, UploadId

T = TypeVar("T")

PACE: Final = Pace(idle=60, flush=0, min_rate=0, batch=16, least=16, commit_bytes=24)
"""What comes is written at once, and a body of a hundred bytes is committed on its way."""

SILENCE: Final = 0.02
"""Seconds after which HEAD takes a sender that stalls for dead."""

MEMORY: Final = Path("/dev/shm")  # noqa: S108 - only made-up bytes lie there
"""Where syncs are quick, on systems that have it."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the journal and the spool hold of one upload."""

    upload: Upload | None
    content: bytes = b""
    excess: int = 0

    @property
    def state(self) -> UploadState | None:
        """Give its state; None where there is no such upload."""
        return None if self.upload is None else self.upload.state

    @property
    def offset(self) -> int:
        """Give the committed offset."""
        return 0 if self.upload is None else self.upload.offset


class World:
    """One gateway for many examples: each has submitters of its own."""

    def __init__(self, house: House, loop: asyncio.AbstractEventLoop, app: web.Application) -> None:
        self.house = house
        self.locks: UploadLocks = app[CONTEXT].locks
        self.port = 0
        self._loop = loop
        self._tokens = JournalTokens(house.journal)
        self._numbers = itertools.count(1)

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Let the loop run until the work is done, which must not hang."""
        return self._loop.run_until_complete(_bounded(work))

    async def parties(self) -> tuple[str, list[Party]]:
        """Give a new submitter, its two senders and a stranger."""
        number = next(self._numbers)
        whose = [f"pair-{number}", f"pair-{number}", f"stranger-{number}"]
        issued = await asyncio.gather(
            *(self._tokens.issue(Role.LO, name, now=self.house.clock()) for name in whose)
        )
        return whose[0], [Party(self.port, text) for _, text in issued]

    async def look(self, upload: UploadId) -> Seen:
        """Read the row, then the committed bytes, and tell how many more the file has."""
        found = await self.house.store.find(upload)
        path = self.house.spool.path(upload)
        if found is None or not path.exists():
            return Seen(found)
        content = path.read_bytes()
        return Seen(found, content[: found.offset], len(content) - found.offset)

    async def of(self, submitter: str) -> set[UploadId]:
        """List what there is of a submitter and was not ended."""
        states = (UploadState.OPEN, UploadState.SEALED)
        query = Query(submitter=submitter, states=states, limit=1000)
        return {one.id for one in await self.house.records.uploads(query)}


async def _bounded(work: Coroutine[Any, Any, T]) -> T:
    async with asyncio.timeout(BOUND):
        return await work


async def _end_lingerers() -> None:
    """End what waits a moment for the rest of bodies that were cut."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


@contextmanager
def opened_world() -> Iterator[World]:
    """Run a gateway as long as the block lasts."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    usual, routes.SILENCE = routes.SILENCE, SILENCE  # type: ignore[misc]
    loop = _new_loop()
    memory = MEMORY if MEMORY.is_dir() else None
    with TemporaryDirectory(dir=memory) as root, opened_house(Path(root)) as house:
        gate = AppContext(
            store=house.store,
            joiner=house.joiner,
            records=house.records,
            operations=house.operations,
            tokens=JournalTokens(house.journal),
            now=house.clock,
            options=GatewayOptions(pace=PACE, reserve=0),
        )
        app = gateway_app(gate)
        world = World(house, loop, app)
        runner = gateway_runner(app, shutdown_timeout=1)
        world.do(runner.setup())
        world.do(web.TCPSite(runner, "127.0.0.1", 0).start())
        world.port = runner.addresses[0][1]
        try:
            yield world
        finally:
            world.do(runner.cleanup())
            world.do(_end_lingerers())
            loop.close()
            routes.SILENCE = usual  # type: ignore[misc]
            structlog.reset_defaults()


def _new_loop() -> asyncio.AbstractEventLoop:
    """Give the loop that Titip is served with."""
    try:
        import uvloop  # noqa: PLC0415 - there is none for Windows
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()

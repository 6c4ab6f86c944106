"""What the sync daemon runs, joined from the settings: each job is built anew when it is begun."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import structlog

from config.destinations import mirror_of, registry_of
from config.lanes import janitor_of, lanes_of, scrubber_of
from storage.clock import utc_now
from storage.scrub import Scrub
from sync.contained import Contained
from sync.supervisor import run_daemon
from titip.delivery import MIRROR, REGISTRY
from titip.origins import origin

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from config.settings import Settings
    from config.wiring import Books, Vault
    from titip.ports import Destination

    Job: TypeAlias = Callable[[], Awaitable[None]]


log = structlog.get_logger()


async def run_sync(
    settings: Settings,
    books: Books,
    vault: Vault,
    stopping: asyncio.Event,
    *,
    spared_until: datetime,
) -> None:
    """Pass files on until told to stop; raises nothing that a destination may cause."""
    scrub = Scrub(vault.spool, books.journal)
    lane = partial(_run_lane, settings, books, vault, stopping=stopping)
    janitor = janitor_of(settings, books, vault, spared_until=spared_until)
    scrubber = scrubber_of(settings, scrub)
    jobs: dict[str, Job] = {
        "registry": partial(lane, build=registry_of),
        "mirror": partial(lane, build=mirror_of),
        "janitor": partial(janitor.run, stopping),
        "scrubber": partial(scrubber.run, stopping),
    }
    if settings.mirror.when == "never":
        jobs["mirror"] = partial(_spare_mirror, books)
    if settings.registry.kind == "none":
        jobs["registry"] = partial(_let_go_of_registry, books)
    try:
        await run_daemon(jobs, stopping)
    finally:
        scrub.close()


async def _run_lane(
    settings: Settings,
    books: Books,
    vault: Vault,
    *,
    stopping: asyncio.Event,
    build: Callable[[Settings], Destination | None],
) -> None:
    destination = build(settings)
    if destination is None:
        return
    if destination.name == REGISTRY:
        await _stand_at(settings, books)
    try:
        for lane in lanes_of(settings, books, vault, [destination]):
            await lane.run(stopping)
    finally:
        await Contained(destination).close()


async def _stand_at(settings: Settings, books: Books) -> None:
    """Note the registry's host and kind: on another port, or by TLS now, it is the same."""
    registry = settings.registry
    host = origin(registry.url).host
    place = host if registry.kind == "http" else f"{host} ({registry.kind})"
    parked = await books.queue.moved(REGISTRY, place, now=utc_now())
    if parked:
        log.warning("registry.moved", place=place, parked=parked)


async def _let_go_of_registry(books: Books) -> None:
    await books.queue.let_go(REGISTRY, now=utc_now())


async def _spare_mirror(books: Books) -> None:
    await books.queue.spare(MIRROR, now=utc_now())

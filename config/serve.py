"""Running it: the gateway, the sync daemon, or both, until a signal says stop."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final

import structlog
from aiohttp import web

from config.descriptors import for_connections, raise_limit
from config.destinations import destinations_of
from config.lanes import janitor_of, lanes_of, scrubber_of
from config.timekeeping import Timekeeper
from config.wiring import GATEWAY, opened_books, opened_vault
from gateway.app import gateway_app, gateway_runner
from gateway.connections import ConnectionLimits
from gateway.deps import Auth, Deps, GatewayOptions
from gateway.notice import Draining
from gateway.pace import Pace
from storage.clock import utc_now
from storage.damage import mark_damaged
from storage.footing import refuse_lost_spool, refuse_no_home, stand_on
from storage.recovery import recover
from storage.scrub import Scrub
from storage.tenure import tenure
from storage.trouble import forget_trouble
from sync.daemon import run_daemon
from titip.delivery import MIRROR

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from config.settings import Settings
    from config.wiring import Books, Vault

log = structlog.get_logger()

DRAIN_SECONDS: Final = 4.0
"""Bodies in flight are saved at their next batch; whoever has not ended by then is cut off."""


BACKLOG: Final = 4096
"""Connections that may wait to be accepted: after a restart everybody comes back at once. The
kernel lowers it to its own limit (net.core.somaxconn, 4096 on Linux)."""


async def serve(
    settings: Settings,
    *,
    gateway: bool = True,
    sync: bool = True,
    opened: Callable[[Books], Awaitable[None]] | None = None,
    listening: Callable[[str], None] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, then drain: nothing acknowledged is in memory only.

    `opened` is called with the journal before anything is taken in, `listening` with the address
    once requests are answered. Raises UnfitFolder, Taken, UnfitJournal, StorageBroken,
    StorageFull, OSError (the address is in use), ValueError (a destination's settings).
    """
    stopping = _stopping_on_signals()
    raise_limit()
    root, roles = settings.storage.path, _roles(gateway=gateway, sync=sync)
    stand_on(root)
    refuse_no_home(root)
    async with AsyncExitStack() as stack:
        for role in roles:
            stack.enter_context(tenure(root, role))
        books = stack.enter_context(opened_books(settings, serving=roles[0]))
        await refuse_lost_spool(root, books.journal)
        vault = stack.enter_context(opened_vault(settings, books))
        keeper = Timekeeper(books.journal)
        await keeper.begin()
        keeping = asyncio.create_task(keeper.keep(stopping))
        stack.push_async_callback(_ended, keeping)
        if opened is not None:
            await opened(books)
        if gateway:
            await _mend(vault, books)
        for role in roles:
            forget_trouble(root, role)
        if gateway:
            serving = _gateway(settings, books, vault, stopping, keeper=keeper)
            address = await stack.enter_async_context(serving)
            if listening is not None:
                listening(address)
        if sync:
            await _sync(settings, books, vault, stopping, keeper=keeper)
        else:
            await stopping.wait()
    log.info("titip.stopped")


def _roles(*, gateway: bool, sync: bool) -> list[str]:
    return [role for role, wanted in ((GATEWAY, gateway), ("sync", sync)) if wanted]


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _stopping_on_signals() -> asyncio.Event:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    return stopping


async def _mend(vault: Vault, books: Books) -> None:
    findings = await recover(vault.spool, books.journal)
    if findings.quiet:
        return
    log.warning(
        "spool.mended",
        truncated=len(findings.truncated),
        quarantined=len(findings.quarantined),
        removed=len(findings.removed),
    )
    for upload in findings.short:
        log.error("spool.bytes_missing", upload=upload)
    vault.store.give_up(findings.short)
    await books.journal.write(
        lambda db: [mark_damaged(db, upload, now=utc_now()) for upload in findings.short]
    )


@asynccontextmanager
async def _gateway(
    settings: Settings,
    books: Books,
    vault: Vault,
    stopping: asyncio.Event,
    *,
    keeper: Timekeeper,
) -> AsyncIterator[str]:
    draining = Draining()
    deps = Deps(
        store=vault.store,
        joiner=vault.joiner,
        records=books.records,
        operations=books.operations,
        tokens=books.tokens,
        draining=draining,
        options=gateway_options(settings),
        now=utc_now,
        clock=keeper.state,
    )
    runner = gateway_runner(gateway_app(deps), shutdown_timeout=DRAIN_SECONDS)
    await runner.setup()
    try:
        host, _, port = settings.gateway.listen.rpartition(":")
        site = web.TCPSite(runner, host.strip("[]"), int(port), backlog=BACKLOG)
        await site.start()
        bound = runner.addresses[0]
        address = f"http://{host}:{bound[1]}"
        log.info("gateway.listening", address=address)
        drain = asyncio.create_task(_drain(stopping, draining))
        yield address
        await drain
    finally:
        draining.give()
        await runner.cleanup()


async def _drain(stopping: asyncio.Event, draining: Draining) -> None:
    await stopping.wait()
    log.info("titip.stopping")
    draining.give()


def gateway_options(settings: Settings) -> GatewayOptions:
    """Give the gateway what the settings ask for."""
    return GatewayOptions(
        public_url=settings.gateway.public_url,
        trusted_proxies=settings.gateway.trusted_proxies,
        max_upload=settings.gateway.max_upload,
        max_unfinished_age=settings.gateway.max_unfinished_age,
        auth=Auth(settings.gateway.auth),
        reserve=settings.storage.reserve,
        origins=settings.gateway.origins,
        pace=Pace(
            idle=settings.gateway.idle_timeout.total_seconds(),
            min_rate=settings.gateway.min_rate,
        ),
        connections=ConnectionLimits(
            most=settings.gateway.max_connections,
            descriptors=for_connections(window=settings.health.max_window),
            head_timeout=settings.gateway.header_timeout.total_seconds(),
        ),
        max_open_uploads=settings.gateway.max_open_uploads,
    )


async def _sync(
    settings: Settings, books: Books, vault: Vault, stopping: asyncio.Event, *, keeper: Timekeeper
) -> None:
    if settings.mirror.when == "never":
        await books.queue.spare(MIRROR, now=utc_now())
    destinations = destinations_of(settings)
    scrub = Scrub(vault.spool, books.journal)
    try:
        lanes = lanes_of(settings, books, vault, destinations)
        scrubber = scrubber_of(settings, scrub)
        janitor = janitor_of(settings, books, vault, spared_until=keeper.spared_until)
        await run_daemon(lanes, janitor, stopping, scrubber=scrubber)
    finally:
        scrub.close()
        for destination in destinations:
            await destination.close()

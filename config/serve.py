"""Running it: the gateway, the sync daemon, or both, until a signal says stop."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final

import structlog
from aiohttp import web

from config.destinations import destinations_of
from config.lanes import janitor_of, lanes_of
from config.wiring import make_data_folder, opened_books, opened_vault
from gateway.app import SERVER_OPTIONS, gateway_app
from gateway.deps import Auth, Deps, GatewayOptions
from gateway.notice import Draining
from storage.clock import utc_now
from storage.recovery import recover
from storage.tenure import tenure
from sync.daemon import run_daemon
from titip.delivery import MIRROR

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from config.settings import Settings
    from config.wiring import Books, Vault

log = structlog.get_logger()

DRAIN_SECONDS: Final = 4.0
"""Bodies in flight are saved at their next batch; whoever has not ended by then is cut off."""


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
    once requests are answered. Raises Taken, UnfitJournal, StorageBroken, StorageFull, OSError
    (the address is in use), ValueError (a destination's settings).
    """
    stopping = _stopping_on_signals()
    make_data_folder(settings.storage.path)
    async with AsyncExitStack() as stack:
        for role in _roles(gateway=gateway, sync=sync):
            stack.enter_context(tenure(settings.storage.path, role))
        books = stack.enter_context(opened_books(settings))
        vault = stack.enter_context(opened_vault(settings, books))
        if opened is not None:
            await opened(books)
        if gateway:
            await _mend(vault, books)
            serving = _gateway(settings, books, vault, stopping)
            address = await stack.enter_async_context(serving)
            if listening is not None:
                listening(address)
        if sync:
            await _sync(settings, books, vault, stopping)
        else:
            await stopping.wait()
    log.info("titip.stopped")


def _roles(*, gateway: bool, sync: bool) -> list[str]:
    return [role for role, wanted in (("gateway", gateway), ("sync", sync)) if wanted]


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


@asynccontextmanager
async def _gateway(
    settings: Settings,
    books: Books,
    vault: Vault,
    stopping: asyncio.Event,
) -> AsyncIterator[str]:
    draining = Draining()
    deps = Deps(
        store=vault.store,
        records=books.records,
        operations=books.operations,
        tokens=books.tokens,
        draining=draining,
        options=gateway_options(settings),
        now=utc_now,
    )
    runner = web.AppRunner(gateway_app(deps), shutdown_timeout=DRAIN_SECONDS, **SERVER_OPTIONS)
    await runner.setup()
    try:
        host, _, port = settings.gateway.listen.rpartition(":")
        site = web.TCPSite(runner, host.strip("[]"), int(port))
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
        max_upload=settings.gateway.max_upload,
        max_unfinished_age=settings.gateway.max_unfinished_age,
        auth=Auth(settings.gateway.auth),
        reserve=settings.storage.reserve,
        origins=settings.gateway.origins,
    )


async def _sync(settings: Settings, books: Books, vault: Vault, stopping: asyncio.Event) -> None:
    if settings.mirror.when == "never":
        await books.queue.spare(MIRROR, now=utc_now())
    destinations = destinations_of(settings)
    try:
        lanes = lanes_of(settings, books, vault, destinations)
        await run_daemon(lanes, janitor_of(settings, vault), stopping)
    finally:
        for destination in destinations:
            await destination.close()

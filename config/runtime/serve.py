"""Running it: the gateway, the sync daemon, or both, until a signal says stop."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import structlog
from aiohttp import web

from config.runtime.clock import ClockMonitor
from config.runtime.file_limits import for_connections, raise_limit
from config.runtime.listening import BACKLOG, bound_sockets, close_all
from config.runtime.stopping import SIGNALS, StopOrder
from config.wiring.storage import GATEWAY, open_journal, open_spool
from config.wiring.workers import run_sync
from gateway.app import gateway_app, gateway_runner
from gateway.context import AppContext
from gateway.ingest.min_rate import Pace
from gateway.ingest.shutdown import ShutdownSignal
from gateway.options import Auth, GatewayOptions
from gateway.transport.connection_limits import ConnectionLimits
from storage.clock import utc_now
from storage.data_folder import check_data_folder, refuse_backup_folder, refuse_lost_spool
from storage.files.failure_note import forget_trouble
from storage.files.process_lock import tenure
from storage.journal.damage import mark_damaged
from storage.recovery import recover
from sync.supervisor import supervised
from titip.faults import kind_of, trace_of

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from config.settings import Settings
    from config.wiring.storage import JournalServices, SpoolServices

log = structlog.get_logger()

DRAIN_SECONDS: Final = 4.0
"""Bodies in flight are saved at their next batch; whoever has not ended by then is cut off."""

CLOSE_AT_LAST: Final = 0.4
"""Seconds in which the journal is closed when the orderly way took too long."""


async def serve(
    settings: Settings,
    *,
    gateway: bool = True,
    sync: bool = True,
    opened: Callable[[JournalServices], Awaitable[None]] | None = None,
    listening: Callable[[str], None] | None = None,
    order: StopOrder | None = None,
    lines_dropped: Callable[[], int] = lambda: 0,
) -> None:
    """Serve until told to stop, then drain: nothing acknowledged is in memory only.

    `opened` is called with the journal before anything is taken in, `listening` with the address
    once requests are answered. Without an `order` to stop, SIGTERM or SIGINT is one.
    `lines_dropped` counts the lines of the log that were lost. Raises UnfitFolder, AlreadyRunning,
    UnfitJournal, StorageBroken, StorageFull, OSError (the address is in use).
    """
    asyncio.get_running_loop().set_exception_handler(_tell_unhandled)
    order = order or _order_by_signals()
    stopping = order.heard()
    raise_limit()
    root = settings.storage.path
    roles = [role for role, wanted in ((GATEWAY, gateway), ("sync", sync)) if wanted]
    check_data_folder(root)
    refuse_backup_folder(root)
    async with AsyncExitStack() as stack:
        for role in roles:
            order.at_last(stack.enter_context(tenure(root, role)).release)
        services = stack.enter_context(open_journal(settings, serving=roles[0]))
        order.at_last(partial(services.journal.close, patience=CLOSE_AT_LAST))
        await refuse_lost_spool(root, services.journal)
        spool_services = stack.enter_context(open_spool(settings, services))
        keeper = ClockMonitor(services.journal)
        await keeper.begin()
        keeping = asyncio.create_task(supervised("clock", partial(keeper.keep, stopping), stopping))
        stack.push_async_callback(_ended, keeping)
        if opened is not None:
            await opened(services)
        await _tell_unproven(services)
        if gateway:
            await _mend(spool_services, services)
        for role in roles:
            forget_trouble(root, role)
        if gateway:
            sockets = bound_sockets(settings.gateway.listen)
            order.at_last(partial(close_all, sockets))
            serving = _gateway(
                settings,
                services,
                spool_services,
                stopping,
                keeper=keeper,
                sockets=sockets,
                lines_dropped=lines_dropped,
            )
            address = await stack.enter_async_context(serving)
            if listening is not None:
                listening(address)
        if sync:
            no_removal_before = keeper.no_removal_before
            await run_sync(
                settings, services, spool_services, stopping, no_removal_before=no_removal_before
            )
        else:
            await stopping.wait()
    log.info("titip.stopped")


async def _tell_unproven(services: JournalServices) -> None:
    """Tell of deliveries that nothing shows, as an upgrade finds them: their bytes are kept."""
    for one in (await services.records.totals()).destinations:
        if one.unproven:
            log.warning("deliveries.unproven", destination=one.name, count=one.unproven)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _order_by_signals() -> StopOrder:
    order = StopOrder()
    for number in SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, order.give)
    return order


def _tell_unhandled(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what nobody waits for: a task that failed behind everybody's back, above all."""
    error = context.get("exception")
    kind, where = (kind_of(error), trace_of(error)) if error is not None else (None, None)
    log.error("loop.unhandled", what=context.get("message"), error=kind, where=where)


async def _mend(spool_services: SpoolServices, services: JournalServices) -> None:
    findings = await recover(spool_services.spool, services.journal)
    if findings.quiet:
        return
    log.warning(
        "spool.recovered",
        truncated=len(findings.truncated),
        quarantined=len(findings.quarantined),
        removed=len(findings.removed),
    )
    for upload in findings.short:
        log.error("spool.bytes_missing", upload=upload)
    spool_services.store.mark_unusable(findings.short)
    await services.journal.write(
        lambda db: [mark_damaged(db, upload, now=utc_now()) for upload in findings.short]
    )


@asynccontextmanager
async def _gateway(
    settings: Settings,
    services: JournalServices,
    spool_services: SpoolServices,
    stopping: asyncio.Event,
    *,
    keeper: ClockMonitor,
    sockets: Sequence[socket.socket],
    lines_dropped: Callable[[], int],
) -> AsyncIterator[str]:
    """Answer requests on these sockets; told to stop, take no more, and close beside the rest."""
    draining = ShutdownSignal()
    gate = AppContext(
        store=spool_services.store,
        joiner=spool_services.joiner,
        records=services.records,
        operations=services.operations,
        tokens=services.tokens,
        draining=draining,
        options=gateway_options(settings),
        now=utc_now,
        clock=keeper.state,
        lines_dropped=lines_dropped,
    )
    runner = gateway_runner(gateway_app(gate), shutdown_timeout=DRAIN_SECONDS)
    closing = asyncio.create_task(_close_when(stopping, draining, runner))
    try:
        await runner.setup()
        for one in sockets:
            await web.SockSite(runner, one, backlog=BACKLOG).start()
        host = settings.gateway.listen.rpartition(":")[0]
        address = f"http://{host}:{runner.addresses[0][1]}"
        log.info("gateway.listening", address=address)
        yield address
        await closing
    finally:
        if not closing.done():
            await _ended(closing)
            await _drained(draining, runner)
        close_all(sockets)


async def _close_when(
    stopping: asyncio.Event, draining: ShutdownSignal, runner: web.AppRunner
) -> None:
    await stopping.wait()
    log.info("titip.stopping")
    await _drained(draining, runner)


async def _drained(draining: ShutdownSignal, runner: web.AppRunner) -> None:
    """Close the port, and let what is under way be saved; its trouble ends nothing else."""
    draining.set()
    try:
        await runner.cleanup()
    except Exception as error:  # noqa: BLE001 - the journal is still to be closed
        log.error("gateway.not_closed", error=kind_of(error), where=trace_of(error))


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

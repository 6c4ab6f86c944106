"""What the sync daemon runs, joined from the settings: each job is built anew when it is begun."""

from __future__ import annotations

import random
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

import structlog

from config.wiring.destinations import answer_within, mirror_of, registry_of, settle_time
from storage.clock import utc_now
from storage.retention import SpoolKeeping
from storage.scrub import Scrub
from sync.containment import Contained
from sync.maintenance.janitor import Janitor
from sync.maintenance.scrubber import Scrubber
from sync.supervisor import run_daemon
from sync.worker.health_monitor import HealthMonitor
from sync.worker.rules import SETTLE, WorkerDeps, WorkerRules
from sync.worker.worker import DeliveryWorker
from titip.delivery import MIRROR, REGISTRY
from titip.health import HealthPolicy
from titip.policies.origins import DEFAULT_PORTS, origin
from titip.retry import LONGEST_ASKED, RetryPolicy

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from config.settings import Settings
    from config.wiring.storage import JournalServices, SpoolServices
    from titip.ports.delivery import Destination

    Job: TypeAlias = Callable[[], Awaitable[None]]

log = structlog.get_logger()

LEAST_LEASE: Final = timedelta(seconds=3)
"""A third of it, after which a lease is prolonged, is as long as a worker's rest."""


async def run_sync(
    settings: Settings,
    services: JournalServices,
    spool_services: SpoolServices,
    stopping: asyncio.Event,
    *,
    no_removal_before: datetime,
) -> None:
    """Pass files on until told to stop; raises nothing that a destination may cause."""
    scrub = Scrub(spool_services.spool, services.journal)
    worker = partial(_run_worker, settings, services, spool_services, stopping=stopping)
    janitor = Janitor(
        spool_services.store,
        SpoolKeeping(spool_services.spool, services.journal),
        max_unfinished_age=settings.gateway.max_unfinished_age,
        keep_after_delivery=settings.storage.keep_after_delivery,
        now=utc_now,
        no_removal_before=no_removal_before,
    )
    scrubber = Scrubber(scrub, every=settings.storage.scrub, now=utc_now)
    jobs: dict[str, Job] = {
        "registry": partial(worker, build=registry_of),
        "mirror": partial(worker, build=mirror_of),
        "janitor": partial(janitor.run, stopping),
        "scrubber": partial(scrubber.run, stopping),
    }
    if settings.mirror.when == "never":
        jobs["mirror"] = partial(_spare_mirror, services)
    if settings.registry.kind == "none":
        jobs["registry"] = partial(_let_go_of_registry, services)
    try:
        await run_daemon(jobs, stopping)
    finally:
        scrub.close()


async def _run_worker(
    settings: Settings,
    services: JournalServices,
    spool_services: SpoolServices,
    *,
    stopping: asyncio.Event,
    build: Callable[[Settings], Destination | None],
) -> None:
    destination = build(settings)
    if destination is None:
        return
    if destination.name == REGISTRY:
        await _stand_at(settings, services)
    try:
        for worker in workers_of(settings, services, spool_services, [destination]):
            await worker.run(stopping)
    finally:
        await Contained(destination).close()


async def _stand_at(settings: Settings, services: JournalServices) -> None:
    """Note the registry's host, port and kind: by TLS now, or under another path, it is the same.

    An older Titip noted no port.
    """
    registry = settings.registry
    at = origin(registry.url)
    kind = "" if registry.kind == "http" else f" ({registry.kind})"
    host = at.host if at.port in DEFAULT_PORTS.values() else at.named
    place, formerly = host + kind, at.host + kind
    parked = await services.queue.moved(REGISTRY, place, now=utc_now(), formerly=formerly)
    if parked:
        log.warning("registry.moved", place=place, parked=parked)


async def _let_go_of_registry(services: JournalServices) -> None:
    await services.queue.let_go(REGISTRY, now=utc_now())


async def _spare_mirror(services: JournalServices) -> None:
    await services.queue.spare(MIRROR, now=utc_now())


def workers_of(
    settings: Settings,
    services: JournalServices,
    spool_services: SpoolServices,
    destinations: Sequence[Destination],
) -> list[DeliveryWorker]:
    """Give each destination its worker; to be called in the running loop."""
    rng = random.Random()  # noqa: S311 - jitter, not secrecy
    policy = health_policy(settings)
    return [
        DeliveryWorker(
            destination,
            WorkerDeps(
                queue=services.queue,
                destinations=services.destinations,
                refusals=services.refusals,
                archive=spool_services.spool,
                now=utc_now,
                rng=rng,
                expedite_when_down=REGISTRY if destination.name == MIRROR else None,
            ),
            watch=HealthMonitor(
                destination,
                services.destinations,
                policy=policy,
                probe_every=settings.health.probe_every,
                now=utc_now,
                rng=rng,
            ),
            rules=worker_rules(settings, destination.name),
            wake=services.wakeup.listen(),
        )
        for destination in destinations
    ]


def worker_rules(settings: Settings, destination: str) -> WorkerRules:
    """Give the times a worker keeps to.

    A registry may store what it read until an answer is given up. Until then nothing that was lost
    on the way to it is looked for, after a restart neither: a lease is prolonged each third of it,
    so that what is left of one that was cut off, two thirds, is no less.
    """
    patience = max(answer_within(settings), settle_time(settings))
    return WorkerRules(
        retry=RetryPolicy(settings.retry.floor, settings.retry.ceiling),
        slow_after=settings.health.slow_after,
        silent_after=None if destination == REGISTRY else 2 * settings.health.slow_after,
        most_carried=2 * settings.health.max_window,
        askable=destination != REGISTRY
        or settings.registry.kind == "tus"
        or bool(settings.registry.lookup),
        lease=max(LEAST_LEASE, patience * 3 / 2),
        settle=settle_time(settings) if destination == REGISTRY else SETTLE,
        farthest=max(settings.retry.ceiling, LONGEST_ASKED, patience) + settings.mirror.after,
    )


def health_policy(settings: Settings) -> HealthPolicy:
    """Give the rules of health that the settings ask for."""
    return HealthPolicy(
        slow_after=settings.health.slow_after,
        max_window=settings.health.max_window,
        cool_off=settings.health.cool_off,
        cool_off_ceiling=settings.health.cool_off_ceiling,
    )

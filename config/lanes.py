"""What the sync daemon runs, joined from the settings: each job is built anew when it is begun."""

from __future__ import annotations

import random
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

import structlog

from config.destinations import answer_within, mirror_of, registry_of, settle_time
from storage.clock import utc_now
from storage.keeping import SpoolKeeping
from storage.scrub import Scrub
from sync.contained import Contained
from sync.janitor import Janitor
from sync.lane import Lane
from sync.lane_rules import SETTLE, LaneRules, LaneWorld
from sync.scrubber import Scrubber
from sync.supervisor import run_daemon
from sync.watch import Watch
from titip.delivery import MIRROR, REGISTRY
from titip.health import HealthPolicy
from titip.origins import origin
from titip.retry import LONGEST_ASKED, RetryPolicy

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from config.settings import Settings
    from config.wiring import Books, Vault
    from titip.ports import Destination

    Job: TypeAlias = Callable[[], Awaitable[None]]

log = structlog.get_logger()

LEAST_LEASE: Final = timedelta(seconds=3)
"""A third of it, after which a lease is prolonged, is as long as a lane's rest."""


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
    janitor = Janitor(
        vault.store,
        SpoolKeeping(vault.spool, books.journal),
        max_unfinished_age=settings.gateway.max_unfinished_age,
        keep_after_delivery=settings.storage.keep_after_delivery,
        now=utc_now,
        spared_until=spared_until,
    )
    scrubber = Scrubber(scrub, every=settings.storage.scrub, now=utc_now)
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


def lanes_of(
    settings: Settings,
    books: Books,
    vault: Vault,
    destinations: Sequence[Destination],
) -> list[Lane]:
    """Give each destination its lane; to be called in the running loop."""
    rng = random.Random()  # noqa: S311 - jitter, not secrecy
    policy = health_policy(settings)
    return [
        Lane(
            destination,
            LaneWorld(
                queue=books.queue,
                standings=books.standings,
                refusals=books.refusals,
                archive=vault.spool,
                now=utc_now,
                rng=rng,
                hurried_by=REGISTRY if destination.name == MIRROR else None,
            ),
            watch=Watch(
                destination,
                books.standings,
                policy=policy,
                probe_every=settings.health.probe_every,
                now=utc_now,
                rng=rng,
            ),
            rules=lane_rules(settings, destination.name),
            wake=books.doorbell.listen(),
        )
        for destination in destinations
    ]


def lane_rules(settings: Settings, destination: str) -> LaneRules:
    """Give the times a lane keeps to.

    A registry may store what it read until an answer is given up. Until then nothing that was lost
    on the way to it is looked for, after a restart neither: a lease is prolonged each third of it,
    so that what is left of one that was cut off, two thirds, is no less.
    """
    patience = max(answer_within(settings), settle_time(settings))
    return LaneRules(
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

"""The lanes and the janitor of the sync daemon, joined from the settings."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from config.destinations import answer_within, settle_time
from storage.clock import utc_now
from storage.keeping import SpoolKeeping
from sync.janitor import Janitor
from sync.lane import Lane
from sync.lane_rules import SETTLE, LaneRules, LaneWorld
from sync.scrubber import Scrubber
from sync.watch import Watch
from titip.delivery import MIRROR, REGISTRY
from titip.health import HealthPolicy
from titip.retry import LONGEST_ASKED, RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from config.settings import Settings
    from config.wiring import Books, Vault
    from storage.scrub import Scrub
    from titip.ports import Destination

LEAST_LEASE: Final = timedelta(seconds=3)
"""A third of it, after which a lease is prolonged, is as long as a lane's rest."""


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


def janitor_of(
    settings: Settings, books: Books, vault: Vault, *, spared_until: datetime | None = None
) -> Janitor:
    """Give the janitor."""
    return Janitor(
        vault.store,
        SpoolKeeping(vault.spool, books.journal),
        max_unfinished_age=settings.gateway.max_unfinished_age,
        keep_after_delivery=settings.storage.keep_after_delivery,
        now=utc_now,
        spared_until=spared_until,
    )


def scrubber_of(settings: Settings, scrub: Scrub) -> Scrubber:
    """Give the scrubber."""
    return Scrubber(scrub, every=settings.storage.scrub, now=utc_now)


def health_policy(settings: Settings) -> HealthPolicy:
    """Give the rules of health that the settings ask for."""
    return HealthPolicy(
        slow_after=settings.health.slow_after,
        max_window=settings.health.max_window,
        cool_off=settings.health.cool_off,
        cool_off_ceiling=settings.health.cool_off_ceiling,
    )

"""The lanes and the janitor of the sync daemon, joined from the settings."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING

from storage.clock import utc_now
from sync.janitor import Janitor
from sync.lane import Lane, LaneRules, LaneWorld
from sync.watch import Watch
from titip.delivery import MIRROR, REGISTRY
from titip.health import HealthPolicy
from titip.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.settings import Settings
    from config.wiring import Books, Vault
    from titip.ports import Destination


def lanes_of(
    settings: Settings,
    books: Books,
    vault: Vault,
    destinations: Sequence[Destination],
) -> list[Lane]:
    """Give each destination its lane; to be called in the running loop."""
    rng = random.Random()  # noqa: S311 - jitter, not secrecy
    policy = health_policy(settings)
    rules = LaneRules(
        retry=RetryPolicy(settings.retry.floor, settings.retry.ceiling),
        slow_after=settings.health.slow_after,
        lease=max(timedelta(seconds=60), 3 * settings.health.slow_after),
    )
    return [
        Lane(
            destination,
            LaneWorld(
                queue=books.queue,
                standings=books.standings,
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
            rules=rules,
            wake=books.doorbell.listen(),
        )
        for destination in destinations
    ]


def janitor_of(settings: Settings, vault: Vault) -> Janitor:
    """Give the janitor."""
    return Janitor(
        vault.store,
        max_unfinished_age=settings.gateway.max_unfinished_age,
        now=utc_now,
    )


def health_policy(settings: Settings) -> HealthPolicy:
    """Give the rules of health that the settings ask for."""
    return HealthPolicy(
        slow_after=settings.health.slow_after,
        max_window=settings.health.max_window,
        cool_off=settings.health.cool_off,
        cool_off_ceiling=settings.health.cool_off_ceiling,
    )

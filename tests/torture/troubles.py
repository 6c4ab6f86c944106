"""What is done to the programs while the senders are at work: kills, stops, weather and faults."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.torture import odd
from tests.torture.far import Kind
from tests.torture.rig import ANSWER_WITHIN, LEASE

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from tests.torture.ledger import Ledger
    from tests.torture.rig import Rig

FAULTS = (
    "lost_last_answer",
    "lost_start_answer",
    "drop_midway",
    "server_error",
    "expired_session",
    "short_ack",
    "unauthorized",
    "rate_limit",
)

STORED_WITHIN = 0.7 * ANSWER_WITHIN
"""Seconds in which an ill registry still stores what it read: less than it is waited for."""

ODD, ODD_SHARE = "answer", 0.6
"""The mode in which the registry answers as nobody should, and its share of all."""

MEETING, MEETINGS = 0.1, 30
MOMENT, MOMENTS = 0.03, 20


@dataclass(slots=True)
class Troubles:
    """Three loops that run until told to stop; `quick` for a run of seconds instead of minutes."""

    rig: Rig
    ledger: Ledger
    rng: Random
    quick: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    modes: Counter[str] = field(default_factory=Counter)
    odd: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)

    async def hurt(self, stopping: asyncio.Event) -> None:
        """Kill, freeze, end and start the programs."""
        acts: list[tuple[Callable[[], object], int]] = [
            (self._kill, 78),
            (self._freeze, 14),
            (self._reshape, 8),
        ]
        while not stopping.is_set():
            pause = self.rng.choice((0.0, 0.2, 0.6, 1.2, 2.2)) * self.rng.random()
            await asyncio.sleep(pause * max(1.0, self.rig.last_start))
            if self.rng.random() < 0.5:
                await self._delivery_under_way()
            (act,) = self.rng.choices([one for one, _ in acts], [weight for _, weight in acts])
            done = act()
            if asyncio.iscoroutine(done):
                await done
            self.rig.check()

    async def weather(self, stopping: asyncio.Event) -> None:
        """Switch the registry from one illness to the next, with healthy times between."""
        last = ""
        while not stopping.is_set():
            name, params = self._mode(last)
            last = name
            self.modes[name] += 1
            if name == ODD:
                self.odd[odd.name_of(params)] += 1
            before = await self.rig.far.asked()
            await self.rig.far.mode(name, **params)
            if name == ODD:
                await self._met(before + self.rng.randint(1, 8), stopping)
            else:
                await asyncio.sleep(self.rng.uniform(0.3, 4.0 if name == "healthy" else 2.5))

    async def drive(self, stopping: asyncio.Event) -> None:
        """Switch faults of the Drive on, a few strikes each."""
        while not stopping.is_set():
            name = self.rng.choice(FAULTS)
            self.faults[name] += 1
            await self.rig.fault(name, times=self.rng.randint(1, 3))
            await asyncio.sleep(self.rng.uniform(0.2, 2.0))

    def _mode(self, last: str) -> tuple[str, dict[str, object]]:
        rng = self.rng
        if rng.random() < ODD_SHARE:
            return ODD, self.rig.far.draw(rng)
        if self.rig.kind is Kind.TUS:
            return rng.choices(("healthy", "stalled", "down"), (50, 25, 25))[0], {}
        kinds: list[tuple[str, int, dict[str, object]]] = [
            ("healthy", 35, {}),
            ("stalled", 10, {"cuts": rng.random() < 0.5, "lookup_works": rng.random() < 0.3}),
            ("lost_answer", 15, {"every": rng.randint(1, 3), "status": rng.choice((0, 504))}),
            ("bad_gateway", 8, {"every": rng.randint(1, 3)}),
            ("throttled", 7, {"per_second": rng.randint(1, 5), "retry_after": 1}),
            ("down", 8, {}),
        ]
        if last != "slow":  # one after the other they would add up to more than STORED_WITHIN
            seconds = round(rng.uniform(0.1, STORED_WITHIN), 2)
            kinds.append(("slow", 20, {"seconds": seconds, "store_late": rng.random() < 0.7}))
        name, _, params = rng.choices(kinds, [weight for _, weight, _ in kinds])[0]
        return name, params

    async def _met(self, requests: int, stopping: asyncio.Event) -> None:
        """Let odd answers be met: on a slow machine little is on its way, and then all at once."""
        for _ in range(MEETINGS):
            if stopping.is_set():
                return
            if await self.rig.far.asked() >= requests:
                self.counts["odd answers met"] += 1
                return
            await asyncio.sleep(MEETING)

    async def _delivery_under_way(self) -> None:
        """Wait a little for the registry to be busy with one: that is when trouble matters."""
        for _ in range(MOMENTS):
            if await self.rig.far.busy():
                self.counts["troubles with a delivery under way"] += 1
                return
            await asyncio.sleep(MOMENT)

    # ------------------------------------------------------------------------ kills and stops

    async def _kill(self) -> None:
        roles = self.rig.roles
        victims = roles if len(roles) == 1 or self.rng.random() < 0.3 else [self.rng.choice(roles)]
        for role in victims:
            self.rig.kill(role)
            self.counts["kills"] += 1
        await asyncio.sleep(self.rng.choice((0.0, 0.0, 0.0, 0.3)))
        for role in victims:
            self.rig.start(role)
        await self.rig.ready()

    async def _freeze(self) -> None:
        role = self.rng.choice(self.rig.roles)
        is_long = self.rng.random() < 0.35
        seconds = self.rng.uniform(LEASE, LEASE * 1.5) if is_long else self.rng.uniform(0.05, 1.5)
        self.counts["stops"] += 1
        self.counts["stops beyond the lease"] += is_long
        works = self.rig.works(role)
        self.rig.freeze(role)
        if is_long and role == "sync" and works and not self.quick:
            self.counts["second daemons refused"] += 1
            if not await self.rig.refuses_second(role):
                self.ledger.complain("doubled", "a second sync daemon started beside a frozen one")
        await asyncio.sleep(seconds)
        if self.rng.random() < 0.25:
            self.rig.kill(role)
            self.counts["kills"] += 1
            self.rig.start(role)
        else:
            self.rig.thaw(role)
        await self.rig.ready()

    async def _reshape(self) -> None:
        """Go from one process to two, or back; softly or not."""
        roles = self.rig.roles
        self.counts["changes of shape"] += 1
        for role in roles:
            if self.rng.random() < 0.5:
                self.rig.kill(role)
                self.counts["kills"] += 1
            else:
                await self.rig.end(role)
                self.counts["soft ends"] += 1
        for role in ("gateway", "sync") if roles == ["serve"] else ("serve",):
            self.rig.start(role)
        await self.rig.ready()

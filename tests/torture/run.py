"""One run of torture, from the seed to the report."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from tests.torture.far import Kind
from tests.torture.judge import Judge
from tests.torture.ledger import Ledger
from tests.torture.processes import Broken
from tests.torture.rig import Rig
from tests.torture.sender import Sender
from tests.torture.troubles import Troubles
from tests.torture.wire import LineLost
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

SENDERS = 8
DRAIN_WITHIN = 180.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked for."""

    seconds: float
    seed: int
    senders: int = SENDERS
    quick: bool = False
    kind: Kind | None = None
    """Which registry; None: the seed decides."""
    least: int = 0
    """How many uploads are sealed at least: a slow machine gets up to three times as long."""

    @property
    def registry(self) -> Kind:
        """Give the registry that is tortured with."""
        return self.kind or _rng(self, "registry").choice(list(Kind))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it."""

    rows: list[tuple[str, object]]
    wrong: list[tuple[str, str]]
    kills: int
    seals: int

    @property
    def report(self) -> str:
        """Word it for a person."""
        lines = [_summary(self.rows)]
        lines += [f"  {kind}: {text}" for kind, text in self.wrong[:40]]
        return "\n".join(lines)


async def torture(plan: Plan, folder: Path) -> Outcome:
    """Torture Titip in this folder; its judgement is in the outcome."""
    rig = await Rig.build(folder, plan.registry)
    try:
        return await _tortured(plan, rig)
    finally:
        await rig.close()


async def _tortured(plan: Plan, rig: Rig) -> Outcome:
    ledger, done = Ledger(), Counter[str]()
    troubles = Troubles(rig, ledger, _rng(plan, "troubles"), plan.quick)
    stopping = asyncio.Event()
    rig.start("serve")
    await rig.ready()
    begun = time.monotonic()
    judge = Judge(rig, ledger)
    senders = [
        Sender(name, _rng(plan, name), rig.wire, ledger, rig.tokens, done)
        for name in (f"sender-{number}" for number in range(plan.senders))
    ]
    try:
        async with asyncio.TaskGroup() as group:
            for sender in senders:
                group.create_task(sender.run(stopping))
            for trouble in (troubles.hurt, troubles.weather, troubles.drive):
                group.create_task(trouble(stopping))
            group.create_task(rig.uptime.watch(rig.wire, ledger, stopping))
            group.create_task(_end_after(plan, ledger, stopping))
        lasted = time.monotonic() - begun
        await judge.heal()
        await judge.drain(within=DRAIN_WITHIN)
        await judge.compare()
    except* (Broken, LineLost) as broken:
        lasted = time.monotonic() - begun
        for error in broken.exceptions:
            ledger.complain("answered", f"{type(error).__name__}: {error}")
    return Outcome(
        _rows(plan, lasted, troubles=troubles, judge=judge, done=done),
        ledger.wrong,
        kills=troubles.counts["kills"],
        seals=ledger.acknowledged["seals"],
    )


async def _end_after(plan: Plan, ledger: Ledger, stopping: asyncio.Event) -> None:
    await asyncio.sleep(plan.seconds)
    with suppress(TimeoutError):
        await until(lambda: ledger.acknowledged["seals"] >= plan.least, within=2 * plan.seconds)
    stopping.set()


def _rng(plan: Plan, name: str) -> Random:
    return Random(f"{plan.seed}/{name}")


def _rows(
    plan: Plan, lasted: float, *, troubles: Troubles, judge: Judge, done: Counter[str]
) -> list[tuple[str, object]]:
    ledger = judge.ledger
    return [
        ("seed", str(plan.seed)),
        ("seconds", f"{lasted:.0f}"),
        ("done to the programs", troubles.counts),
        ("registry", judge.rig.kind.value),
        ("registry's modes", troubles.modes),
        ("registry's odd answers", troubles.odd),
        ("Drive's faults", troubles.faults),
        ("done by the senders", done),
        ("acknowledged", ledger.acknowledged),
        ("bytes acknowledged", ledger.bytes_acknowledged),
        ("uploads", len(ledger.promises)),
        ("sealed", len(judge.sealed)),
        ("of these unheard by their sender", judge.unheard),
        ("in the registry, by evidence", judge.evidence),
        ("done by operators at the end", judge.operators),
        ("freed after their delivery", sum(1 for one in judge.sealed.values() if one["freed_at"])),
        ("answers to /readyz in quiet times", judge.rig.uptime.asked),
        ("worst start, seconds", f"{judge.rig.worst_start:.2f}"),
        ("drained within, seconds", f"{judge.drained_in:.1f}"),
        ("answered badly", ledger.count("answered")),
        ("visible to others", ledger.count("visible")),
        ("lost", ledger.count("lost")),
        ("doubled", ledger.count("doubled")),
        ("delivered without evidence", ledger.count("unproven")),
        ("freed without evidence", ledger.count("freed")),
        ("gateway down", ledger.count("down")),
    ]


def _summary(rows: list[tuple[str, object]]) -> str:
    """Lay out a report, one fact a line."""
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"  {name:<{width}}  {_shown(value)}" for name, value in rows)


def _shown(value: object) -> str:
    if isinstance(value, Counter):
        return ", ".join(f"{name} {count}" for name, count in sorted(value.items())) or "none"
    return f"{value:,}" if isinstance(value, int) else str(value)

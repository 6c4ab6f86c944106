"""Runs in turn, A B A B: what slows the machine down meanwhile slows all of them down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.figures import Line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def in_turn(
    contestants: Mapping[str, Callable[[], Mapping[str, float]]],
    *,
    runs: int,
    warm_up: bool = True,
    notes: Mapping[str, str] | None = None,
) -> list[Line]:
    """Run each once uncounted, then all of them in turn, `runs` times over."""
    if warm_up:
        for run in contestants.values():
            run()
    counted: dict[str, list[Mapping[str, float]]] = {name: [] for name in contestants}
    for _ in range(runs):
        for name, run in contestants.items():
            counted[name].append(run())
    known = notes or {}
    return [Line(name, results, known.get(name, "")) for name, results in counted.items()]

"""Whether the gateway is up all the time, but for what torture itself does to it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.torture.wire import LineLost, Request

if TYPE_CHECKING:
    from tests.torture.ledger import Ledger
    from tests.torture.wire import Wire

EVERY = 0.2
WITHIN = 10.0


@dataclass(slots=True)
class Uptime:
    """Asks /readyz again and again; whoever hurts the gateway says so before and after."""

    asked: int = 0
    _hurt: bool = True
    _turn: int = 0

    def hurt(self) -> None:
        """Note that it is being killed, frozen or ended now."""
        self._hurt = True
        self._turn += 1

    def well(self) -> None:
        """Note that it answered again."""
        self._hurt = False
        self._turn += 1

    async def watch(self, wire: Wire, ledger: Ledger, stopping: asyncio.Event) -> None:
        """Ask until told to stop; an answer that is none, in quiet times, is a complaint."""
        while not stopping.is_set():
            turn = self._turn
            if not self._hurt:
                trouble = await _trouble(wire)
                if self._turn == turn:
                    self.asked += 1
                    if trouble:
                        ledger.complain("down", f"/readyz: {trouble}")
            await asyncio.sleep(EVERY)


async def _trouble(wire: Wire) -> str:
    try:
        answer = await wire.ask(Request("GET", "/readyz"), within=WITHIN)
    except LineLost as lost:
        return f"no answer ({lost})"
    return "" if answer.status == 200 else str(answer.status)

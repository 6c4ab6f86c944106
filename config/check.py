"""`titip check`: look at the settings' surroundings before trouble does, all of them at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from config.check_finding import Finding, Grade
from config.check_gateway import gateway_findings
from config.check_machine import machine_findings
from config.check_mirror import mirror_findings
from config.check_registry import registry_findings

if TYPE_CHECKING:
    from config.settings import Settings

__all__ = ["Finding", "Grade", "examine"]


def examine(settings: Settings) -> list[Finding]:
    """Look at everything; changes nothing that stays."""
    return [
        *machine_findings(settings),
        *gateway_findings(settings),
        *asyncio.run(_destinations(settings)),
    ]


async def _destinations(settings: Settings) -> list[Finding]:
    mirror, registry = await asyncio.gather(mirror_findings(settings), registry_findings(settings))
    return [*mirror, *registry]

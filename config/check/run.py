"""`titip check`: look at the settings' surroundings before trouble does, all of them at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from config.check.finding import Finding, Grade, failure
from config.check.gateway import gateway_findings
from config.check.machine import machine_findings
from config.check.mirror import mirror_findings
from config.check.registry import registry_findings
from config.check.usual import usual_findings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable

    from config.settings import Settings

__all__ = ["Finding", "Grade", "examine"]


def examine(settings: Settings) -> list[Finding]:
    """Look at everything; changes nothing that stays."""
    return [
        *usual_findings(settings),
        *_collected("this machine", machine_findings(settings)),
        *_collected("gateway", gateway_findings(settings)),
        *asyncio.run(_destinations(settings)),
    ]


async def _destinations(settings: Settings) -> list[Finding]:
    mirror, registry = await asyncio.gather(
        _awaited("mirror", mirror_findings(settings)),
        _awaited("registry", registry_findings(settings)),
    )
    return [*mirror, *registry]


def _collected(topic: str, findings: Iterable[Finding]) -> list[Finding]:
    """Give what was found until the end, or until looking itself failed."""
    found: list[Finding] = []
    try:
        found.extend(findings)
    except Exception as error:  # noqa: BLE001 - whatever it is, the rest is still looked at
        found.append(_failed(topic, error))
    return found


async def _awaited(topic: str, looking: Awaitable[list[Finding]]) -> list[Finding]:
    try:
        return await looking
    except Exception as error:  # noqa: BLE001 - as above: a server may answer anything
        return [_failed(topic, error)]


def _failed(topic: str, error: Exception) -> Finding:
    """Tell that a look failed, without the error's text, which may hold addresses with keys."""
    text = f"it could not be looked at ({type(error).__name__})"
    return failure(topic, text, "this is a fault in Titip itself: please report it")

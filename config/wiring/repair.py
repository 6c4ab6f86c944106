"""Repair of one upload: the spool, its journal and the mirror that may have a good copy, joined."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from config.wiring.destinations import source_of
from storage.repair import Repair
from titip.delivery import MIRROR, DeliveryState
from titip.errors import ContentDamaged, DeliveryFault, DestinationUnavailable

if TYPE_CHECKING:
    from config.settings import Settings
    from config.wiring.storage import JournalServices, SpoolServices
    from titip.ports.delivery import Source
    from titip.upload import Upload


class Fate(StrEnum):
    """What became of an upload that was looked after."""

    WHOLE = "whole"
    REPAIRED = "repaired"
    LATER = "later"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class RepairResult:
    """One upload's repair; `requeued` deliveries go again, `reason` says why it was left."""

    upload: Upload
    fate: Fate
    requeued: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RepairService:
    """What repairs are made with."""

    services: JournalServices
    repair: Repair
    source: Source

    async def mend(self, upload: Upload) -> RepairResult:
        """Put the bytes back from the mirror, unless they are whole; raises StorageFull."""
        how = await self.repair.examine(upload)
        if not how:
            return RepairResult(upload, Fate.WHOLE, await self._settled(upload))
        locator = await self._copy_of(upload)
        if not locator:
            return RepairResult(upload, Fate.LEFT, reason="no mirror has received a copy of it")
        try:
            async with aclosing(self.source.fetch(locator)) as pieces:
                await self.repair.put_back(upload, pieces)
        except DestinationUnavailable as fault:
            return RepairResult(upload, Fate.LATER, reason=fault.reason)
        except DeliveryFault as fault:
            return RepairResult(upload, Fate.LEFT, reason=fault.reason)
        except ContentDamaged as damage:
            return RepairResult(
                upload, Fate.LEFT, reason=f"the mirror's copy is damaged, too: {damage}"
            )
        return RepairResult(upload, Fate.REPAIRED, await self._settled(upload))

    async def _settled(self, upload: Upload) -> int:
        requeued = await self.repair.settle(upload)
        self.services.wakeup.set()
        return requeued

    async def _copy_of(self, upload: Upload) -> str:
        for one in await self.services.records.of_upload(upload.id):
            if one.destination == MIRROR and one.state is DeliveryState.DELIVERED:
                return one.locator
        return ""


def workshop_of(
    settings: Settings, services: JournalServices, spool_services: SpoolServices
) -> RepairService:
    """Join what repairs need; raises ValueError for settings of the mirror that cannot work."""
    repair = Repair(spool_services.spool, services.journal, services.transitions)
    return RepairService(services, repair, source_of(settings))

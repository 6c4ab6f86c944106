"""Repair of one upload: the spool, its journal and the mirror that may have a good copy, joined."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from config.destinations import source_of
from storage.repair import Repair
from titip.delivery import MIRROR, DeliveryState
from titip.errors import Damaged, DeliveryFault, Unavailable

if TYPE_CHECKING:
    from config.settings import Settings
    from config.wiring import Books, Vault
    from titip.ports import Source
    from titip.upload import Upload


class Fate(StrEnum):
    """What became of an upload that was looked after."""

    WHOLE = "whole"
    REPAIRED = "repaired"
    LATER = "later"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Mended:
    """One upload's repair; `requeued` deliveries go again, `reason` says why it was left."""

    upload: Upload
    fate: Fate
    requeued: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Workshop:
    """What repairs are made with."""

    books: Books
    repair: Repair
    source: Source

    async def mend(self, upload: Upload) -> Mended:
        """Put the bytes back from the mirror, unless they are whole; raises StorageFull."""
        how = await self.repair.examine(upload)
        if not how:
            return Mended(upload, Fate.WHOLE, await self._settled(upload))
        locator = await self._copy_of(upload)
        if not locator:
            return Mended(upload, Fate.LEFT, reason="no mirror has received a copy of it")
        try:
            async with aclosing(self.source.fetch(locator)) as pieces:
                await self.repair.put_back(upload, pieces)
        except Unavailable as fault:
            return Mended(upload, Fate.LATER, reason=fault.reason)
        except DeliveryFault as fault:
            return Mended(upload, Fate.LEFT, reason=fault.reason)
        except Damaged as damage:
            return Mended(upload, Fate.LEFT, reason=f"the mirror's copy is damaged, too: {damage}")
        return Mended(upload, Fate.REPAIRED, await self._settled(upload))

    async def _settled(self, upload: Upload) -> int:
        requeued = await self.repair.settle(upload)
        self.books.doorbell.ring()
        return requeued

    async def _copy_of(self, upload: Upload) -> str:
        for one in await self.books.records.of_upload(upload.id):
            if one.destination == MIRROR and one.state is DeliveryState.DELIVERED:
                return one.locator
        return ""


def workshop_of(settings: Settings, books: Books, vault: Vault) -> Workshop:
    """Join what repairs need; raises ValueError for settings of the mirror that cannot work."""
    repair = Repair(vault.spool, books.journal, books.transitions)
    return Workshop(books, repair, source_of(settings))

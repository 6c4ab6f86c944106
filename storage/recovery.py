"""What a start does before anything is taken in: make the spool match the journal again.

A crash can leave more bytes in a file than were committed (cut off here), files that no row
tells of (put aside), and files of ended or freed uploads (removed). It cannot leave fewer bytes:
where that is found, the disk broke its word, and an operator must know.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from storage.files.durable import translated
from storage.files.spool import SHARDS
from storage.journal.uploads import has_bytes, with_prefix
from titip.upload import UploadId, UploadState

if TYPE_CHECKING:
    from storage.files.spool import Spool
    from storage.journal.database import Journal
    from titip.upload import Upload


_ENDED: Final = frozenset({UploadState.TERMINATED, UploadState.EXPIRED})


@dataclass(slots=True)
class Findings:
    """What recovery found and did; ids only, for the log."""

    truncated: list[UploadId] = field(default_factory=list)
    quarantined: list[str] = field(default_factory=list)
    removed: list[UploadId] = field(default_factory=list)
    short: list[UploadId] = field(default_factory=list)

    @property
    def quiet(self) -> bool:
        """Tell whether everything was as the journal says."""
        return not (self.truncated or self.quarantined or self.removed or self.short)


async def recover(spool: Spool, journal: Journal) -> Findings:
    """Bring the spool to what the journal says; the caller is the only gateway of this spool."""
    findings = Findings()
    for shard in SHARDS:
        rows = await journal.read(partial(with_prefix, prefix=shard))
        _mend(spool, shard, {upload.id: upload for upload in rows}, findings)
    return findings


def _mend(spool: Spool, shard: str, rows: dict[UploadId, Upload], findings: Findings) -> None:
    sizes = _sizes(spool, shard)
    for name, size in sizes.items():
        upload = rows.get(UploadId(name))
        if upload is None:
            spool.isolate(name, shard)
            findings.quarantined.append(name)
        else:
            _match(spool, upload, size, findings)
    missing = (one for one in rows.values() if has_bytes(one) and one.id not in sizes)
    findings.short.extend(one.id for one in missing)


def _match(spool: Spool, upload: Upload, size: int, findings: Findings) -> None:
    if upload.freed_at is not None or upload.state in _ENDED:
        spool.remove(upload.id)
        findings.removed.append(upload.id)
    elif size > upload.offset:
        spool.truncate(upload.id, upload.offset)
        findings.truncated.append(upload.id)
    elif size < upload.offset:
        findings.short.append(upload.id)


def _sizes(spool: Spool, shard: str) -> dict[str, int]:
    with translated(), os.scandir(spool.root / shard) as entries:
        return {
            entry.name: entry.stat(follow_symlinks=False).st_size
            for entry in entries
            if entry.is_file(follow_symlinks=False)
        }

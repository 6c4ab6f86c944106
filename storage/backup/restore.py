"""A data folder out of a backup: into an empty place only, and nothing of it counts before the end.

What the backup's journal still owes may have been delivered since the cut. So every such delivery
is marked: it is looked up at its destination before anything is sent again.
"""

from __future__ import annotations

import asyncio
import shutil
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from storage.backup.cut import Brought, Outcome, bring_all, bring_upload, doubt, schema_of
from storage.backup.manifest import JOURNAL, NAME, UnfitBackup, read_manifest
from storage.clock import utc_now
from storage.files.durable import make_folder, sync_data, sync_folder
from storage.files.process_lock import tenure
from storage.files.spool import Spool
from storage.journal.connection import connect
from storage.journal.database import Journal
from storage.journal.migrate import SCHEMAS
from storage.journal.snapshot import opened_for_reading, refuse_unsound
from storage.recovery import recover
from titip.upload import UploadState

if TYPE_CHECKING:
    from pathlib import Path

    from storage.backup.cut import Tell
    from storage.backup.manifest import Manifest
    from titip.upload import Upload

STAGE: Final = "restoring"
"""Where everything is gathered, inside the data folder; a restore that was cut leaves it."""

_LOCKS: Final = ("gateway", "sync")
_OURS: Final = frozenset({STAGE, "spool", "gateway.lock", "sync.lock"})
_NO_MATTER: Final = frozenset({"gateway.lock", "sync.lock", "lost+found"})


@dataclass(slots=True, kw_only=True)
class Restored(Brought):
    """What was brought back; `owed` deliveries are looked up before they are sent."""

    manifest: Manifest
    owed: int = 0


def restore(
    backup: Path, root: Path, *, fast: bool, tell: Tell, settle: timedelta = timedelta(0)
) -> Restored:
    """Make the data folder `root` out of a backup.

    `settle`: how long a request of the former server may still be at work at a destination.
    `fast`: compare sizes only, not the digests of sealed files. Files that are missing or damaged
    in the backup are told, and the rest is restored all the same. Raises UnfitBackup,
    UnsoundJournal, AlreadyRunning, OSError, TitipError.
    """
    manifest = _fit(backup)
    _refuse_full(root)
    root.parent.mkdir(parents=True, exist_ok=True)
    make_folder(root)
    with ExitStack() as stack:
        for role in _LOCKS:
            stack.enter_context(tenure(root, role))
        _clear(root)
        restoring = _Restoring(backup, root, fast=fast, tell=tell)
        return restoring.run(Restored(manifest=manifest), settle=settle)


class _Restoring:
    def __init__(self, backup: Path, root: Path, *, fast: bool, tell: Tell) -> None:
        self._backup = backup
        self._root = root
        self._stage = root / STAGE
        self._fast = fast
        self._tell = tell

    def run(self, restored: Restored, *, settle: timedelta) -> Restored:
        """Gather everything on the stage, then put it in place: the journal last."""
        make_folder(self._stage)
        journal = self._stage / JOURNAL
        shutil.copyfile(self._backup / JOURNAL, journal)
        journal.chmod(0o600)
        with closing(opened_for_reading(journal)) as cut:
            refuse_unsound(cut)
        connect(journal).close()  # an older version's is brought to this one's schema
        Spool(self._stage)
        with closing(opened_for_reading(journal)) as cut:
            note = partial(_note, restored)
            bring_all(cut, self._bring, note=note, tell=self._tell)
        restored.owed = doubt(journal, due=utc_now() + settle)
        asyncio.run(self._recover(journal))
        with journal.open("rb") as file:
            sync_data(file.fileno())
        for shard in sorted(restored.shards):
            sync_folder(self._stage / "spool" / shard)
        self._put_in_place()
        return restored

    def _bring(self, upload: Upload) -> Outcome:
        check = upload.state is UploadState.SEALED and not self._fast
        return bring_upload(upload, self._backup, self._stage, check=check)

    async def _recover(self, journal: Path) -> None:
        with Journal(journal) as opened:
            await recover(Spool(self._stage), opened)

    def _put_in_place(self) -> None:
        for name in ("spool", JOURNAL):
            (self._stage / name).replace(self._root / name)
            sync_folder(self._root)
        shutil.rmtree(self._stage)


def _note(restored: Restored, outcome: Outcome) -> None:
    if outcome.way is None:
        restored.missing.append(outcome.upload.id)
    else:
        restored.count(outcome.upload, outcome.way, damaged=outcome.damaged)


def _fit(backup: Path) -> Manifest:
    """Give the backup's manifest; raises UnfitBackup where there is no complete backup."""
    manifest = read_manifest(backup)
    if manifest is None or not (backup / JOURNAL).is_file():
        raise UnfitBackup(
            f"{backup} holds no complete backup ({NAME} is missing): name the folder that was "
            "given to titip backup, or run that again",
        )
    if manifest.schema > len(SCHEMAS):
        raise UnfitBackup(
            f"the backup has schema {manifest.schema}, this Titip knows {len(SCHEMAS)}: "
            "restore it with the newer Titip that made it",
        )
    with closing(opened_for_reading(backup / JOURNAL)) as journal:
        if schema_of(journal) != manifest.schema:
            raise UnfitBackup(f"{backup}: {NAME} and {JOURNAL} are not of one backup")
    return manifest


def _refuse_full(root: Path) -> None:
    """Refuse a folder with anything in it, but for what a restore that was cut left behind."""
    if not root.exists():
        return
    if not root.is_dir():
        raise UnfitBackup(f"{root} is no folder: name another place with --into")
    names = {path.name for path in root.iterdir()} - {"lost+found"}
    if names <= _NO_MATTER or (STAGE in names and names <= _OURS):
        return
    raise UnfitBackup(
        f"{root} is not empty: a restore never writes over data. Move it away, or name an empty "
        "folder with --into",
    )


def _clear(root: Path) -> None:
    """Remove what a restore that was cut left behind; without its stage nothing is touched."""
    if (root / STAGE).exists():
        for name in ("spool", STAGE):
            shutil.rmtree(root / name, ignore_errors=True)

"""A data folder out of a backup: into an empty place only, and nothing of it counts before the end.

What the backup's journal still owes may have been delivered since the cut. So every such delivery
is marked: it is looked up at its destination before anything is sent again.
"""

from __future__ import annotations

import asyncio
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from storage.backup_cut import counts, doubt, listed, schema_of
from storage.clock import utc_now
from storage.copying import Way, bring, sha256_of
from storage.durable import make_folder, sync_data, sync_folder
from storage.journal import Journal
from storage.manifest import JOURNAL, NAME, UnfitBackup, read_manifest
from storage.migrate import SCHEMAS
from storage.recovery import recover
from storage.snapshot import opened_for_reading, refuse_unsound
from storage.spool import Spool
from storage.tenure import tenure
from storage.uploads import has_bytes
from titip.errors import Damaged
from titip.upload import UploadState

if TYPE_CHECKING:
    from pathlib import Path

    from storage.backup import Tell
    from storage.manifest import Manifest
    from titip.upload import Upload, UploadId

THREADS: Final = 4

STAGE: Final = "restoring"
"""Where everything is gathered, inside the data folder; a restore that was cut leaves it."""

_LOCKS: Final = ("gateway", "sync")
_OURS: Final = frozenset({STAGE, "spool", "gateway.lock", "sync.lock"})
_NO_MATTER: Final = frozenset({"gateway.lock", "sync.lock", "lost+found"})


@dataclass(slots=True)
class Restored:
    """What was brought back; `owed` deliveries are looked up before they are sent."""

    manifest: Manifest
    owed: int = 0
    ways: dict[Way, int] = field(default_factory=lambda: dict.fromkeys(Way, 0))
    bytes: int = 0
    shards: set[str] = field(default_factory=set)
    damaged: list[UploadId] = field(default_factory=list)
    missing: list[UploadId] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Tell whether every byte that the journal promises is there and right."""
        return not (self.damaged or self.missing)


def restore(
    backup: Path, root: Path, *, fast: bool, tell: Tell, settle: timedelta = timedelta(0)
) -> Restored:
    """Make the data folder `root` out of a backup.

    `settle`: how long a request of the former server may still be at work at a destination.
    `fast`: compare sizes only, not the digests of sealed files. Files that are missing or damaged
    in the backup are told, and the rest is restored all the same. Raises UnfitBackup,
    UnsoundJournal, Taken, OSError, TitipError.
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
        return restoring.run(Restored(manifest), settle=settle)


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
        Spool(self._stage)
        self._bring_all(journal, restored)
        restored.owed = doubt(journal, due=utc_now() + settle)
        asyncio.run(self._recover(journal))
        with journal.open("rb") as file:
            sync_data(file.fileno())
        for shard in sorted(restored.shards):
            sync_folder(self._stage / "spool" / shard)
        self._put_in_place()
        return restored

    def _bring_all(self, journal: Path, restored: Restored) -> None:
        done = 0
        with (
            closing(opened_for_reading(journal)) as cut,
            ThreadPoolExecutor(THREADS, thread_name_prefix="restore") as threads,
        ):
            total = counts(cut).uploads
            for page in listed(cut):
                with_bytes = [upload for upload in page if has_bytes(upload)]
                for upload, outcome in threads.map(self._bring, with_bytes):
                    _note(upload, outcome, restored)
                done += len(page)
                self._tell("files", done, total)

    def _bring(self, upload: Upload) -> tuple[Upload, _Outcome]:
        source = self._backup / "spool" / upload.id[:2] / upload.id
        target = self._stage / "spool" / upload.id[:2] / upload.id
        sealed = upload.state is UploadState.SEALED
        try:
            way = bring(source, target, size=upload.offset, immutable=sealed)
        except (FileNotFoundError, Damaged):
            return upload, _Outcome(None)
        wrong = sealed and not self._fast and sha256_of(target) != upload.sha256
        return upload, _Outcome(way, damaged=wrong)

    async def _recover(self, journal: Path) -> None:
        with Journal(journal) as opened:
            await recover(Spool(self._stage), opened)

    def _put_in_place(self) -> None:
        for name in ("spool", JOURNAL):
            (self._stage / name).replace(self._root / name)
            sync_folder(self._root)
        shutil.rmtree(self._stage)


@dataclass(frozen=True, slots=True)
class _Outcome:
    way: Way | None
    damaged: bool = False


def _note(upload: Upload, outcome: _Outcome, restored: Restored) -> None:
    if outcome.way is None:
        restored.missing.append(upload.id)
        return
    restored.ways[outcome.way] += 1
    restored.shards.add(upload.id[:2])
    restored.bytes += upload.offset
    if outcome.damaged:
        restored.damaged.append(upload.id)


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

"""A backup of a data folder, while it is being served or not: the journal first, then the spool.

The spool may hold more than the journal says, never less, and bytes below a committed offset
never change. So a copy of the journal, and afterwards the bytes of every upload in it, are one
consistent cut, whatever goes on meanwhile. The backup before stays good until the last step.
"""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

import apsw

from storage.backup.cut import (
    Brought,
    Ended,
    Outcome,
    amend,
    bring_all,
    bring_upload,
    counts,
    place_of,
    schema_of,
)
from storage.backup.manifest import (
    JOURNAL,
    NAME,
    Manifest,
    UnfitBackup,
    moment,
    write_manifest,
)
from storage.files.copying import PART, sha256_of, size_of
from storage.files.durable import make_folder, sync_folder
from storage.files.process_lock import tenure
from storage.files.spool import SHARDS
from storage.journal.deliveries import deliveries_of_upload
from storage.journal.migrate import SCHEMAS, refuse_old_sqlite
from storage.journal.snapshot import copy_journal, opened_for_reading
from storage.journal.uploads import find, has_bytes, with_prefix
from titip.upload import UploadState

if TYPE_CHECKING:
    from pathlib import Path

    from storage.backup.cut import Tell
    from titip.upload import Upload

ROLE: Final = "backup"
"""The lock's name: two backups into one folder would undo each other."""


@dataclass(slots=True)
class Work(Brought):
    """What a backup brought; `kept` files were there already, `gone` ones ended meanwhile."""

    kept: int = 0
    gone: list[Ended] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Report:
    """A complete backup, and what it took; `removed` files that it no longer tells of."""

    manifest: Manifest
    work: Work
    removed: int


def back_up(root: Path, into: Path, *, verify: bool, tell: Tell) -> Report:
    """Back the data folder `root` up into the folder `into`, bringing only what is not there yet.

    `verify` digests every sealed file of the backup once more. Raises UnfitBackup, UnsoundJournal,
    AlreadyRunning, OSError, TitipError; the backup that was there before stays good.
    """
    _refuse_unfit(root, into)
    into.parent.mkdir(parents=True, exist_ok=True)
    make_folder(into)
    with tenure(into, ROLE):
        return _Backup(root, into, verify=verify, tell=tell).run()


class _Backup:
    def __init__(self, root: Path, into: Path, *, verify: bool, tell: Tell) -> None:
        self._root = root
        self._into = into
        self._verify = verify
        self._tell = tell
        self._part = into / (JOURNAL + PART)

    def run(self) -> Report:
        """Take the cut, bring the bytes, and only then say that it is complete."""
        made_at = moment()
        unsynced = set(SHARDS) if self._part.exists() else set()  # a backup before this was cut
        copy_journal(self._root / JOURNAL, self._part, tell=partial(self._tell, "journal"))
        self._make_shards()
        work = self._bring_all()
        manifest = self._manifest(work, made_at)
        unsynced |= work.shards
        self._seal(manifest, sorted(unsynced))
        return Report(manifest, work, self._prune())

    def _bring_all(self) -> Work:
        """Bring every file of the cut."""
        work = Work()
        with (
            closing(opened_for_reading(self._root / JOURNAL)) as live,
            closing(opened_for_reading(self._part)) as cut,
        ):
            bring_all(cut, self._bring, note=partial(_note, live, work), tell=self._tell)
        return work

    def _bring(self, upload: Upload) -> Outcome:
        """Bring one file, unless it is there: what is committed never changes, but for a repair."""
        target = place_of(self._into, upload.id)
        sealed = upload.state is UploadState.SEALED
        check = sealed and (self._verify or upload.damaged or upload.repairs > 0)
        there = size_of(target) == upload.offset
        if there and not (check and sha256_of(target) != upload.sha256):
            return Outcome(upload)
        return bring_upload(upload, self._root, self._into, check=check)

    def _manifest(self, work: Work, made_at: str) -> Manifest:
        """Let the cut know what ended meanwhile, and count it."""
        amend(self._part, work.gone)
        with closing(opened_for_reading(self._part)) as cut:
            found = counts(cut)
        return Manifest(
            made_at=made_at,
            schema=len(SCHEMAS),
            uploads=found.uploads,
            sealed=found.sealed,
            files=work.kept + sum(work.ways.values()),
            bytes=found.bytes,
            gone=len(work.gone),
        )

    def _seal(self, manifest: Manifest, unsynced: list[str]) -> None:
        """Sync all new names, put the journal in place, then the word that it is complete."""
        for number, shard in enumerate(unsynced, 1):
            sync_folder(self._into / "spool" / shard)
            self._tell("syncing", number, len(unsynced))
        self._part.replace(self._into / JOURNAL)
        sync_folder(self._into)
        write_manifest(self._into, manifest)

    def _make_shards(self) -> None:
        spool = self._into / "spool"
        make_folder(spool)
        for shard in SHARDS:
            (spool / shard).mkdir(mode=0o700, exist_ok=True)
        sync_folder(spool)

    def _prune(self) -> int:
        """Remove what this backup no longer tells of: bytes that were freed are freed here too."""
        removed = 0
        with closing(opened_for_reading(self._into / JOURNAL)) as cut:
            for shard in SHARDS:
                wanted = {upload.id for upload in with_prefix(cut, shard) if has_bytes(upload)}
                with os.scandir(self._into / "spool" / shard) as entries:
                    strangers = [entry.path for entry in entries if entry.name not in wanted]
                for path in strangers:
                    os.unlink(path)  # noqa: PTH108 - a Path costs more than the call
                removed += len(strangers)
        return removed


def _note(live: apsw.Connection, work: Work, outcome: Outcome) -> None:
    upload = outcome.upload
    if outcome.absent:
        now = find(live, upload.id)
        if now is not None and not has_bytes(now):
            work.gone.append(Ended(now, tuple(deliveries_of_upload(live, now.id))))
        else:
            work.missing.append(upload.id)
    elif outcome.way is None:
        work.kept += 1
    else:
        work.count(upload, outcome.way, damaged=outcome.damaged)


def _refuse_unfit(root: Path, into: Path) -> None:
    """Refuse a data folder of another schema, and a folder that holds anything but a backup."""
    refuse_old_sqlite(apsw.sqlite_lib_version())
    home, there = root.resolve(), into.resolve()
    if there.is_relative_to(home) or home.is_relative_to(there):
        raise UnfitBackup(f"{into} is not apart from the data folder {root}: name another folder")
    if into.exists() and not _is_ours(into):
        raise UnfitBackup(f"{into} holds something else than a backup: name an empty folder")
    if not (root / JOURNAL).is_file():
        raise UnfitBackup(f"there is no journal in {root}: nothing was ever served from it")
    with closing(opened_for_reading(root / JOURNAL)) as journal:
        schema = schema_of(journal)
    if schema != len(SCHEMAS):
        raise UnfitBackup(
            f"the journal has schema {schema}, this Titip knows {len(SCHEMAS)}: "
            "back it up with the Titip that serves it",
        )


def _is_ours(folder: Path) -> bool:
    names = {path.name for path in folder.iterdir()} - {"lost+found"}
    if "gateway.lock" in names or "sync.lock" in names:
        return False  # it was served from
    return not names or f"{ROLE}.lock" in names or NAME in names

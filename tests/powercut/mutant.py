"""The gateway with one care left out: `python -m tests.powercut.mutant NAME gateway --config FILE`.

NAME `none` leaves nothing out. A checker that cannot tell these apart from the real one is worth
nothing. A long body is committed every QUICK bytes here, so that it fits the small disks.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from enum import StrEnum

import config.runtime.serve
import storage.concatenation
import storage.files.deposit
import storage.files.extents
import storage.journal.connection
import storage.journal.database
import storage.journal.writer
from cli import main as cli
from gateway.ingest.min_rate import Pace
from storage.files.durable import sync_data
from storage.files.spool import Spool
from storage.journal import uploads
from storage.journal.deliveries import insert_deliveries
from storage.store import SpoolStore
from titip.policies.delivery_plan import deliveries_of
from titip.upload import UploadState

QUICK = 256 << 10


class Mutant(StrEnum):
    """What is left out."""

    NONE = "none"
    NO_DATA_SYNC = "no-data-sync"
    NO_FOLDER_SYNC = "no-folder-sync"
    SYNCHRONOUS_NORMAL = "synchronous-normal"
    OFFSET_BEFORE_DATA = "offset-before-data"
    SEAL_IN_TWO = "seal-in-two"
    JOIN_UNSYNCED = "join-unsynced"


def main(name: str, arguments: list[str]) -> None:
    _commit_quickly()
    match Mutant(name):
        case Mutant.NONE:
            pass
        case Mutant.NO_DATA_SYNC:
            _swap(storage.files.deposit, "sync_data", lambda _fd: None)
        case Mutant.NO_FOLDER_SYNC:
            _swap(Spool, "adopt", lambda _self, _upload: None)
        case Mutant.SYNCHRONOUS_NORMAL:
            _connect_carelessly()
        case Mutant.OFFSET_BEFORE_DATA:
            _sync_late()
        case Mutant.SEAL_IN_TWO:
            _swap(SpoolStore, "_keep", _keep_in_two)
        case Mutant.JOIN_UNSYNCED:
            _swap(storage.files.extents, "sync_data", lambda _fd: None)
            _swap(storage.concatenation, "sync_data", lambda _fd: None)
    sys.argv = ["titip", *arguments]
    cli.main()


def _commit_quickly() -> None:
    usual = config.runtime.serve.gateway_options
    pace = Pace(batch=64 << 10, commit_bytes=QUICK)
    _swap(
        config.runtime.serve,
        "gateway_options",
        lambda settings: replace(usual(settings), pace=pace),
    )


def _connect_carelessly() -> None:
    careful = storage.journal.connection.connect

    def connect(path, **kwargs):
        connection = careful(path, **kwargs)
        connection.pragma("synchronous", 1)
        return connection

    for module in (storage.journal.writer, storage.journal.database):
        _swap(module, "connect", connect)


def _sync_late() -> None:
    commit = storage.files.deposit.SpoolDeposit.commit
    _swap(storage.files.deposit, "sync_data", lambda _fd: None)

    async def commit_first(self, batch=(), **kwargs):
        after = await commit(self, batch, **kwargs)
        if self._fd is not None:
            await self._run_in_thread(sync_data, self._fd)
        return after

    _swap(storage.files.deposit.SpoolDeposit, "commit", commit_first)


def _swap(owner: object, name: str, other: object) -> None:
    """Put something else in its place; a place that is no longer there would make no mutant."""
    assert hasattr(owner, name), f"{owner} has no {name} any more"
    setattr(owner, name, other)


async def _keep_in_two(self, before, after) -> None:
    await self._journal.write(lambda db: uploads.keep(db, before, after, ()))
    self._uncommitted.pop(after.id, None)
    if after.state is UploadState.SEALED:
        owed = deliveries_of(after, self._owed, now=self._now())
        await self._journal.write(lambda db: insert_deliveries(db, owed))
        self._wakeup.set()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])

"""The gateway with one care left out: `python -m tests.powercut.mutant NAME gateway --config FILE`.

NAME `none` leaves nothing out. A checker that cannot tell these apart from the real one is worth
nothing. A long body is committed every QUICK bytes here, so that it fits the small disks.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from enum import StrEnum

import config.serve
import storage.committing
import storage.connection
import storage.deposit
import storage.extents
import storage.joining
import storage.journal
from config import cli
from gateway.pace import Pace
from storage import uploads
from storage.deliveries import insert_deliveries
from storage.durable import sync_data
from storage.spool import Spool
from storage.store import SpoolStore
from titip.owing import deliveries_of
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
            _swap(storage.deposit, "sync_data", lambda _fd: None)
        case Mutant.NO_FOLDER_SYNC:
            _swap(Spool, "adopt", lambda _self, _upload: None)
        case Mutant.SYNCHRONOUS_NORMAL:
            _connect_carelessly()
        case Mutant.OFFSET_BEFORE_DATA:
            _sync_late()
        case Mutant.SEAL_IN_TWO:
            _swap(SpoolStore, "_keep", _keep_in_two)
        case Mutant.JOIN_UNSYNCED:
            _swap(storage.extents, "sync_data", lambda _fd: None)
            _swap(storage.joining, "sync_data", lambda _fd: None)
    sys.argv = ["titip", *arguments]
    cli.main()


def _commit_quickly() -> None:
    usual = config.serve.gateway_options
    pace = Pace(batch=64 << 10, commit_bytes=QUICK)
    _swap(config.serve, "gateway_options", lambda settings: replace(usual(settings), pace=pace))


def _connect_carelessly() -> None:
    careful = storage.connection.connect

    def connect(path, **kwargs):
        connection = careful(path, **kwargs)
        connection.pragma("synchronous", 1)
        return connection

    for module in (storage.committing, storage.journal):
        _swap(module, "connect", connect)


def _sync_late() -> None:
    commit = storage.deposit.SpoolDeposit.commit
    _swap(storage.deposit, "sync_data", lambda _fd: None)

    async def commit_first(self, batch=(), **kwargs):
        after = await commit(self, batch, **kwargs)
        if self._fd is not None:
            await self._hop(sync_data, self._fd)
        return after

    _swap(storage.deposit.SpoolDeposit, "commit", commit_first)


def _swap(owner: object, name: str, other: object) -> None:
    """Put something else in its place; a place that is no longer there would make no mutant."""
    assert hasattr(owner, name), f"{owner} has no {name} any more"
    setattr(owner, name, other)


async def _keep_in_two(self, before, after) -> None:
    await self._journal.write(lambda db: uploads.keep(db, before, after, ()))
    self._unborn.pop(after.id, None)
    if after.state is UploadState.SEALED:
        owed = deliveries_of(after, self._owed, now=self._now())
        await self._journal.write(lambda db: insert_deliveries(db, owed))
        self._doorbell.ring()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])

"""A real store in a folder, for tests: its clock is moved by hand."""

from __future__ import annotations

import hashlib
import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from storage.concatenation import SpoolJoiner
from storage.destinations import JournalStandings
from storage.files.spool import Spool
from storage.journal.database import Journal
from storage.journal.deliveries import Transitions
from storage.operations import JournalOperations
from storage.queue import JournalQueue
from storage.records import JournalRecords
from storage.refusals import JournalRefusals
from storage.store import SpoolStore
from titip.delivery import MIRROR, REGISTRY
from titip.policies.delivery_plan import RequiredDelivery
from titip.retry import RetryPolicy
from titip.upload import Upload, UploadId

NOON = datetime(2025, 3, 13, 12, tzinfo=UTC)
PATIENCE = timedelta(seconds=60)
POLICY = RetryPolicy(timedelta(seconds=5), timedelta(minutes=30))


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, now=NOON):
        self.time = now

    def __call__(self):
        return self.time

    def forward(self, **by):
        self.time += timedelta(**by)
        return self.time


class CountingBell:
    """A wakeup that counts."""

    def __init__(self):
        self.rings = 0

    def set(self):
        self.rings += 1


@dataclass
class House:
    """Everything that keeps, in one folder."""

    journal: Journal
    spool: Spool
    store: SpoolStore
    joiner: SpoolJoiner
    queue: JournalQueue
    records: JournalRecords
    operations: JournalOperations
    destinations: JournalStandings
    refusals: JournalRefusals
    bell: CountingBell
    clock: Clock

    def new(self, length, *, submitter="pair-1", metadata=""):
        return Upload(
            id=UploadId(secrets.token_hex(16)),
            submitter=submitter,
            length=length,
            created_at=self.clock(),
            metadata=metadata,
        )

    async def hand_in(self, data, *, submitter="pair-1"):
        deposit = await self.store.create(self.new(len(data), submitter=submitter))
        try:
            return await deposit.commit([data] if data else [])
        finally:
            await deposit.close()


@contextmanager
def opened_house(root, *, clock=None, spare_mirror=True, mirror_after=PATIENCE):
    clock = clock or Clock()
    bell = CountingBell()
    owed = (RequiredDelivery(REGISTRY, timedelta(0)), RequiredDelivery(MIRROR, mirror_after))
    with Journal(root / "journal.db") as journal:
        spool = Spool(root)
        store = SpoolStore(spool, journal, owed=owed, wakeup=bell, now=clock)
        try:
            yield House(
                journal=journal,
                spool=spool,
                store=store,
                joiner=SpoolJoiner(journal, store.means),
                queue=JournalQueue(
                    journal,
                    Transitions(POLICY, Random(1)),
                    spare_mirror=spare_mirror,
                ),
                records=JournalRecords(journal),
                operations=JournalOperations(
                    journal,
                    Transitions(POLICY, Random(2)),
                    wakeup=bell,
                ),
                destinations=JournalStandings(journal),
                refusals=JournalRefusals(journal, Transitions(POLICY, Random(3))),
                bell=bell,
                clock=clock,
            )
        finally:
            store.close()


def sha256(data):
    return hashlib.sha256(data).hexdigest()

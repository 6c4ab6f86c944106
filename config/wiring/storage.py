"""The composition root: the only place where the rooms are joined."""

from __future__ import annotations

import random
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from config.wiring.destinations import mirror_place
from storage.clock import utc_now
from storage.concatenation import SpoolJoiner
from storage.data_folder import refuse_lost_journal
from storage.destinations import JournalStandings
from storage.files.durable import make_folder, make_way
from storage.files.failure_note import note_trouble
from storage.files.reserved_space import Ballast
from storage.files.spool import Spool
from storage.journal.database import Journal
from storage.journal.deliveries import Transitions
from storage.operations import JournalOperations
from storage.queue import JournalQueue
from storage.records import JournalRecords
from storage.refusals import JournalRefusals
from storage.store import SpoolStore
from storage.tokens import JournalTokens
from sync.worker.wakeup import LoopWakeup
from titip.delivery import MIRROR, REGISTRY
from titip.policies.delivery_plan import RequiredDelivery
from titip.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from config.settings import Settings

JOURNAL: Final = "journal.db"
BALLAST: Final = "ballast"
GATEWAY: Final = "gateway"


@dataclass(frozen=True, slots=True)
class JournalServices:
    """The journal of a data folder, as everybody who only reads or operates needs it."""

    journal: Journal
    records: JournalRecords
    operations: JournalOperations
    tokens: JournalTokens
    destinations: JournalStandings
    refusals: JournalRefusals
    queue: JournalQueue
    wakeup: LoopWakeup
    transitions: Transitions


@contextmanager
def open_journal(settings: Settings, *, serving: str = "") -> Iterator[JournalServices]:
    """Open the journal of the configured data folder, making both if they are missing.

    `serving` names the role of a process that stays. Raises UnfitFolder, UnfitJournal,
    StorageBroken, StorageFull.
    """
    root = settings.storage.path
    make_way(root)
    make_folder(root)
    refuse_lost_journal(root, root / JOURNAL)
    rng = random.Random()  # noqa: S311 - jitter, not secrecy
    transitions = Transitions(RetryPolicy(settings.retry.floor, settings.retry.ceiling), rng)
    wakeup = LoopWakeup()
    with Journal(
        root / JOURNAL,
        ballast=Ballast(root / BALLAST),
        serving=bool(serving),
        failed=partial(note_trouble, root, serving) if serving else None,
    ) as journal:
        yield JournalServices(
            journal=journal,
            records=JournalRecords(journal),
            operations=JournalOperations(
                journal,
                transitions,
                wakeup=wakeup,
                registry=settings.registry.kind != "none",
            ),
            tokens=JournalTokens(journal),
            destinations=JournalStandings(journal),
            refusals=JournalRefusals(journal, transitions),
            queue=JournalQueue(
                journal,
                transitions,
                spare_mirror=settings.mirror.when == "stalled",
                mirror_place=mirror_place(settings),
            ),
            wakeup=wakeup,
            transitions=transitions,
        )


@dataclass(frozen=True, slots=True)
class SpoolServices:
    """The spool and the store over it."""

    spool: Spool
    store: SpoolStore
    joiner: SpoolJoiner


@contextmanager
def open_spool(settings: Settings, services: JournalServices) -> Iterator[SpoolServices]:
    """Open the spool of the data folder; raises StorageBroken, StorageFull."""
    with ExitStack() as stack:
        spool = Spool(settings.storage.path)
        store = SpoolStore(
            spool,
            services.journal,
            owed=owed_by(settings),
            wakeup=services.wakeup,
            now=utc_now,
            failed=partial(note_trouble, settings.storage.path, GATEWAY),
        )
        stack.callback(store.close)
        yield SpoolServices(spool, store, SpoolJoiner(services.journal, store.means))


def owed_by(settings: Settings) -> tuple[RequiredDelivery, ...]:
    """Tell what every seal owes: the registry at once, the mirror after its patience."""
    registry = RequiredDelivery(REGISTRY, after=timedelta(0))
    match settings.mirror.when:
        case "never":
            return (registry,)
        case "always":
            return (registry, RequiredDelivery(MIRROR, after=timedelta(0)))
        case "stalled":
            return (registry, RequiredDelivery(MIRROR, after=settings.mirror.after))

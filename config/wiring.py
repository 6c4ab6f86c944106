"""The composition root: the only place where the rooms are joined."""

from __future__ import annotations

import random
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from config.destinations import mirror_place
from storage.ballast import Ballast
from storage.clock import utc_now
from storage.deliveries import Transitions
from storage.durable import make_folder, make_way
from storage.footing import refuse_lost_journal
from storage.joining import SpoolJoiner
from storage.journal import Journal
from storage.operations import JournalOperations
from storage.queue import JournalQueue
from storage.records import JournalRecords
from storage.refusals import JournalRefusals
from storage.spool import Spool
from storage.standings import JournalStandings
from storage.store import SpoolStore
from storage.tokens import JournalTokens
from storage.trouble import note_trouble
from sync.doorbell import LoopDoorbell
from titip.delivery import MIRROR, REGISTRY
from titip.owing import Owed
from titip.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from config.settings import Settings

JOURNAL: Final = "journal.db"
BALLAST: Final = "ballast"
GATEWAY: Final = "gateway"


@dataclass(frozen=True, slots=True)
class Books:
    """The journal of a data folder, as everybody who only reads or operates needs it."""

    journal: Journal
    records: JournalRecords
    operations: JournalOperations
    tokens: JournalTokens
    standings: JournalStandings
    refusals: JournalRefusals
    queue: JournalQueue
    doorbell: LoopDoorbell
    transitions: Transitions


@contextmanager
def opened_books(settings: Settings, *, serving: str = "") -> Iterator[Books]:
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
    doorbell = LoopDoorbell()
    with Journal(
        root / JOURNAL,
        ballast=Ballast(root / BALLAST),
        serving=bool(serving),
        failed=partial(note_trouble, root, serving) if serving else None,
    ) as journal:
        yield Books(
            journal=journal,
            records=JournalRecords(journal),
            operations=JournalOperations(
                journal,
                transitions,
                doorbell=doorbell,
                registry=settings.registry.kind != "none",
            ),
            tokens=JournalTokens(journal),
            standings=JournalStandings(journal),
            refusals=JournalRefusals(journal, transitions),
            queue=JournalQueue(
                journal,
                transitions,
                spare_mirror=settings.mirror.when == "stalled",
                mirror_place=mirror_place(settings),
            ),
            doorbell=doorbell,
            transitions=transitions,
        )


@dataclass(frozen=True, slots=True)
class Vault:
    """The spool and the store over it."""

    spool: Spool
    store: SpoolStore
    joiner: SpoolJoiner


@contextmanager
def opened_vault(settings: Settings, books: Books) -> Iterator[Vault]:
    """Open the spool of the data folder; raises StorageBroken, StorageFull."""
    with ExitStack() as stack:
        spool = Spool(settings.storage.path)
        store = SpoolStore(
            spool,
            books.journal,
            owed=owed_by(settings),
            doorbell=books.doorbell,
            now=utc_now,
            failed=partial(note_trouble, settings.storage.path, GATEWAY),
        )
        stack.callback(store.close)
        yield Vault(spool, store, SpoolJoiner(books.journal, store.means))


def owed_by(settings: Settings) -> tuple[Owed, ...]:
    """Tell what every seal owes: the registry at once, the mirror after its patience."""
    registry = Owed(REGISTRY, after=timedelta(0))
    match settings.mirror.when:
        case "never":
            return (registry,)
        case "always":
            return (registry, Owed(MIRROR, after=timedelta(0)))
        case "stalled":
            return (registry, Owed(MIRROR, after=settings.mirror.after))

"""Hand in one file: digest, look up, send, prove, remember."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from client.address import name_of
from client.errors import DigestMismatch, FatalError, PushError, Stopped, unforeseen, unreadable
from client.metadata import describe, upload_key
from client.proof import Proof, dispute
from client.report import Outcome, PushResult, outcome_of
from client.transfer.digest import Digest, digest, ensure_unchanged
from client.transfer.file_upload import FileUpload
from client.transfer.resume_store import Record, RecordKey, RecordState
from client.transfer.tus_upload import TusUpload

if TYPE_CHECKING:
    from collections.abc import Callable

    from client.chunk_sizer import ChunkSizer
    from client.plan import Item
    from client.progress.reporter import SteadyFace
    from client.transfer.resume_store import ResumeStore
    from client.transfer.retrier import Retrier
    from client.transfer.server_info import ServerInfo
    from client.transport.connection import HttpConnection

T = TypeVar("T")

WORTH_KEEPING = 8 << 20
"""Bytes: the digest of a larger file is written down before it is sent. Smaller ones wait for the
record of their upload, which saves a disk sync per file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What all workers of one push have in common."""

    store: ResumeStore
    greeting: ServerInfo
    face: SteadyFace
    again: bool = False


class Sender:
    """Hands in one file at a time over one connection."""

    def __init__(
        self, wire: HttpConnection, *, shared: Shared, pace: ChunkSizer, persistence: Retrier
    ) -> None:
        self._wire = wire
        self._shared = shared
        self._pace = pace
        self._persistence = persistence

    def hand_in(self, item: Item) -> Outcome:
        """Bring one file to a proof or to a reason why not.

        Raises FatalError when no other file would fare better, Stopped when asked to stop. Any
        other error is this file's own: the next one may go through.
        """
        try:
            return self._hand_in(item)
        except (FatalError, Stopped):
            raise
        except PushError as refusal:
            return outcome_of(item, PushResult.FAILED, reason=str(refusal))
        except OSError as error:
            return outcome_of(item, PushResult.FAILED, reason=unreadable(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, the other files go on
            return outcome_of(item, PushResult.FAILED, reason=unforeseen(error))

    def _hand_in(self, item: Item) -> Outcome:
        shared = self._shared
        shared.face.tell(lambda face: face.start(item))
        taken = self._digest(item)
        case = RecordKey(
            server=self._wire.server,
            identity=shared.greeting.identity(
                self._wire, persist=lambda step: self._persist(item, step)
            ),
            item=item,
            sha256=taken.sha256,
        )
        nonce, record = self._known(case)
        if record and record.state is RecordState.PROVEN:
            before = Proof(upload=record.upload, sha256=case.sha256, sealed_at=record.sealed_at)
            return outcome_of(item, PushResult.ALREADY, proof=before)
        if record and record.state is RecordState.DISPUTED:
            raise DigestMismatch(dispute(upload=record.upload, here=case.sha256, there=""))
        return self._send(case, taken, nonce=nonce, url=record.url if record else "")

    def _digest(self, item: Item) -> Digest:
        known = self._shared.store.digest_of(item)
        if known is not None:
            return known
        taken = digest(item, stop=self._wire.stop)
        if item.size >= WORTH_KEEPING:
            self._shared.store.keep_digest(item, taken)
        return taken

    def _known(self, case: RecordKey) -> tuple[str, Record | None]:
        """Give the nonce and the record to go on from; handed in again, only an unfinished one."""
        store = self._shared.store
        nonce, record = store.nonce_of(case), store.find(case)
        if record and record.state is RecordState.SENDING:
            return nonce, record
        if nonce or self._shared.again:
            return nonce or store.draw_nonce(case), None
        return "", record

    def _send(self, case: RecordKey, taken: Digest, *, nonce: str, url: str) -> Outcome:
        store, item = self._shared.store, case.item

        def remember(address: str) -> None:
            if address:
                store.save(case, Record(url=address), taken)
            else:
                store.forget(case)

        with item.path.open("rb") as stream:
            carrier = TusUpload(
                self._wire,
                stream=stream,
                length=item.size,
                metadata=describe(item, case.sha256),
                key=upload_key(item, case.sha256, nonce=nonce),
                moved=lambda at: self._shared.face.tell(lambda face: face.advance(item, at)),
            )
            carrier.set_url(url if url.startswith(self._wire.client.url) else "")
            try:
                proof = self._cross(item, carrier, sha256=case.sha256, remember=remember)
            except DigestMismatch:
                ensure_unchanged(item)
                store.save(case, _sealed(carrier, RecordState.DISPUTED), taken)
                raise
        ensure_unchanged(item)
        store.save(case, _sealed(carrier, RecordState.PROVEN, proof.sealed_at), taken)
        fate = PushResult.PROVEN if carrier.sent or not item.size else PushResult.ALREADY
        return outcome_of(item, fate, proof=proof, sent=carrier.sent)

    def _cross(
        self, item: Item, carrier: TusUpload, *, sha256: str, remember: Callable[[str], None]
    ) -> Proof:
        """Take the steps, each with patience, until there is a proof."""
        abilities = self._shared.greeting.abilities(
            self._wire, persist=lambda step: self._persist(item, step)
        )
        crossing = FileUpload(
            carrier, sha256=sha256, abilities=abilities, pace=self._pace, remember=remember
        )
        while (proof := self._persist(item, crossing.step)) is None:
            ensure_unchanged(item)
        return proof

    def _persist(self, item: Item, step: Callable[[], T]) -> T:
        def tell(reason: str, seconds: float) -> None:
            if not self._wire.stop.is_set():
                self._shared.face.tell(lambda face: face.wait(item, reason, seconds))

        return self._persistence.until_progress(step, tell=tell)


def _sealed(carrier: TusUpload, state: RecordState, sealed_at: str = "") -> Record:
    url = carrier.address
    return Record(url=url, state=state, upload=name_of(url), sealed_at=sealed_at)

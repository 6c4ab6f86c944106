"""One file's way from nothing to a proof, as steps: each makes progress or raises.

The offset is forgotten before every request that may change it, so that whatever happened to the
answer, the gateway is asked again.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from client.address import name_of
from client.errors import Gone, NetworkError, Refused, TooLarge, TransientError
from client.proof import Proof, compare, digest_in, hex_digest
from client.transport.error_mapping import Step, judge

if TYPE_CHECKING:
    from collections.abc import Callable

    from client.chunk_sizer import ChunkSizer
    from client.transfer.server_info import Capabilities
    from client.transfer.tus_upload import TusUpload

MOST_RENEWALS = 3
"""A gateway that forgets one upload this often in a run is broken for this file."""
MOST_OF_A_MOMENT = 40
MOST_EMPTY_ANSWERS = 5
"""So often in a row may a chunk be acknowledged without the offset moving."""


class FileUpload:
    """Takes one open file across. `remember` hears each new address, '' when it is gone."""

    def __init__(
        self,
        carrier: TusUpload,
        *,
        sha256: str,
        abilities: Capabilities,
        pace: ChunkSizer,
        remember: Callable[[str], None],
    ) -> None:
        self._carrier = carrier
        self._sha256 = sha256
        self._abilities = abilities
        self._pace = pace
        self._remember = remember
        self._offset: int | None = None
        self._highest = -1
        self._renewals = 0
        self._empty_answers = 0
        self._bare = False
        self._found = False

    def step(self) -> Proof | None:
        """Go one step on; give the proof when there is one.

        Raises TransientError for another try of the same step, Refused and FatalError for none.
        """
        try:
            if not self._carrier.address:
                self._create()
                return None
            if self._offset is None:
                self._offset = self._carrier.get_offset()
                self._carrier.moved(self._offset)
                if self._offset > self._highest:
                    self._highest = self._offset
                    return None
            if self._offset < self._carrier.length:
                self._send(self._offset)
                return None
        except Gone as gone:
            self._renew(gone)
            return None
        return self._prove()

    def _create(self) -> None:
        carrier, length = self._carrier, self._carrier.length
        limit = self._abilities.max_size
        if limit is not None and length > limit:
            raise Refused(f"is larger than the gateway takes: {length:,} of {limit:,} bytes")
        whole = self._abilities.takes_body and not self._bare and length <= self._pace.size
        first = length if whole else 0
        try:
            address = carrier.create_url(first=first)
        except TooLarge as refusal:
            self._pace.went_wrong()
            if not first:
                raise Refused("is larger than the gateway takes") from refusal
            self._bare = True
            return
        except NetworkError:
            if first:
                # The gateway may have it, whole: ask for it by its key before sending it all again.
                self._bare = True
                self._pace.went_wrong()
            raise
        self._note(carrier.offset)
        self._found = not first and self._offset == length > 0
        carrier.set_url(address)
        if not self._said_digest():
            self._remember(address)

    def _send(self, start: int) -> None:
        pace = self._pace
        self._offset = None
        began = time.monotonic()
        try:
            offset = self._carrier.send_chunk(start, most=pace.size)
        except TooLarge as refusal:
            if not pace.went_wrong():
                raise Refused(
                    f"the gateway, or a proxy before it, refuses even {pace.size >> 10} KiB at a "
                    "time: tell your operator"
                ) from refusal
            return
        except NetworkError:
            pace.went_wrong()
            raise
        if offset <= start:
            self._empty_answers += 1
            if self._empty_answers >= MOST_EMPTY_ANSWERS:
                raise Refused(
                    "the gateway acknowledges its bytes but keeps none: tell your operator"
                )
            raise TransientError("the gateway kept none of the bytes")
        self._empty_answers = 0
        pace.went_well(offset - start, seconds=time.monotonic() - began)
        self._note(offset)

    def _note(self, offset: int) -> None:
        """Take over the offset that an answer gave; one that cannot be is asked for again."""
        believable = 0 <= offset <= self._carrier.length
        self._offset = offset if believable else None
        self._highest = max(self._highest, self._offset or 0)
        if believable:
            self._carrier.moved(offset)

    def _renew(self, gone: Gone) -> None:
        self._renewals += 1
        if self._renewals > MOST_RENEWALS:
            raise Refused(f"{gone}, again and again: tell your operator") from gone
        self._carrier.set_url("")
        self._remember("")
        self._offset, self._highest = None, -1

    def _said_digest(self) -> str:
        return digest_in(self._carrier.answer.headers.get("Repr-Digest", ""))

    def _prove(self) -> Proof:
        """Compare digests: the one in the last answer, else the one that the gateway keeps.

        An upload that was found complete was sealed at another time than that of the answer.
        """
        answer, there = self._carrier.answer, self._said_digest()
        upload, sealed_at = name_of(self._carrier.address), self._carrier.answer.moment
        if self._found or not there:
            answer = self._carrier.wire.api(f"uploads/{upload}")
            judge(answer, Step.PROVE)
            facts = answer.facts()
            there = hex_digest(facts.get("sha256"))
            sealed_at = _moment(facts.get("sealed_at")) or _moment(facts.get("ended_at"))
        if not there:
            raise TransientError("the gateway has every byte and is sealing them")
        return compare(upload=upload, here=self._sha256, there=there, sealed_at=sealed_at)


def _moment(value: object) -> str:
    """Give a time as the gateway wrote it, or '' for what can be none."""
    is_one = isinstance(value, str) and value.isascii() and len(value) <= MOST_OF_A_MOMENT
    return str(value) if is_one else ""

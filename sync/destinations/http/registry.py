"""The registry over plain HTTP: one request a file, believed by evidence, looked up when in doubt.

Four clocks: connecting, a slice of the body leaving, the answer after the last byte, and (in
`timeout.py`) all of it. From the moment the whole body has left the file may be there, whatever is
answered; what an answer means stands in `http_answer.py`.
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import structlog

from sync.destinations.checkpoints import PendingConfirmation
from sync.destinations.credentials.headers import filled
from sync.destinations.doubts import (
    NOBODY_CAN_TELL,
    SEND_AGAIN,
    contradiction,
    left_in_doubt,
    plainly,
    unbelieved,
)
from sync.destinations.given import Given
from sync.destinations.http.body import Framing, form
from sync.destinations.http.connection import RegistryConnection
from sync.destinations.http.lookup import Lookup
from sync.destinations.http.options import BodyKind
from sync.destinations.http_answer import Meaning, doubt_after, fault_of, meaning_of
from sync.destinations.templates import Template, as_is, facts, in_url
from titip.delivery import REGISTRY
from titip.errors import (
    AttemptFailed,
    DeliveryFault,
    DeliveryRejected,
    DestinationUnavailable,
    OutcomeUnknown,
)
from titip.evidence import Doubt, Evidence
from titip.ports.delivery import DeliveryResult

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sync.destinations.http.options import RegistryOptions
    from sync.destinations.http_answer import Answer
    from titip.delivery import ClaimedDelivery
    from titip.ports.delivery import Content, Progress

log = structlog.get_logger()

ONE_EACH: Final = "another file had it, too; does registry.reference name this file's own number?"


class HttpRegistry:
    """Hands files in as the options say; raises ValueError for options that cannot work."""

    name: Final = REGISTRY

    def __init__(
        self,
        options: RegistryOptions,
        *,
        line: RegistryConnection | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        options.check()
        self._options = options
        self._line = line or RegistryConnection(options)
        self._lookup = Lookup(options, self._line.ask, sleep=sleep) if options.lookup else None
        self._given = Given()
        self._now = now

    async def deliver(
        self, parcel: ClaimedDelivery, content: Content, progress: Progress
    ) -> DeliveryResult:
        """Hand the file in, unless the registry already has it.

        The checkpoint remembers the reference of an acceptance until a look-up has shown it.
        """
        if parcel.delivery.maybe_delivered:
            known = await self._found_before(parcel, progress)
            if known is not None:
                return _with_reference(
                    known, PendingConfirmation.told_by(parcel.delivery.checkpoint)
                )
        try:
            answer = await self._hand_in(parcel, content, progress)
        except OutcomeUnknown as silence:
            progress.doubted(Doubt.UNHEARD)
            return await self._cleared_up(parcel, progress, silence, doubt=Doubt.UNHEARD)
        return await self._answered(parcel, progress, answer)

    async def probe(self) -> bool | None:
        """Ask the health address, where there is one.

        Raises DestinationUnavailable without a credential.
        """
        return await self._line.healthy()

    async def close(self) -> None:
        """Close the connections; may be called twice."""
        await self._line.close()

    async def _found_before(
        self, parcel: ClaimedDelivery, progress: Progress
    ) -> DeliveryResult | None:
        """Find out what became of earlier attempts; None: send (again)."""
        if self._lookup is not None:
            known = await self._lookup.patiently(parcel, progress)
            if known is None:
                yes = PendingConfirmation.told_by(parcel.delivery.checkpoint)
                await self._not_there(self._lookup, parcel, progress, yes=yes)
            return known
        if not self._may_repeat(parcel, parcel.delivery.maybe_delivered):
            raise left_in_doubt(parcel)
        return None

    async def _hand_in(
        self, parcel: ClaimedDelivery, content: Content, progress: Progress
    ) -> Answer:
        known = facts(parcel)
        url = Template.parse(self._options.url).fill(known, spell=in_url)
        return await self._line.send(
            url,
            headers=filled(self._options.headers, known),
            content=content,
            framing=self._framing(known),
            progress=progress,
        )

    def _framing(self, known: dict[str, str]) -> Framing:
        match self._options.body:
            case BodyKind.RAW:
                return Framing(content_type="application/octet-stream")
            case BodyKind.MULTIPART:
                fields = {
                    name: Template.parse(text).fill(known, spell=as_is)
                    for name, text in self._options.fields.items()
                }
                return form(
                    fields,
                    file_field=self._options.file_field,
                    file_name=known["filename"],
                    boundary=f"titip-{secrets.token_hex(16)}",
                )

    async def _answered(
        self, parcel: ClaimedDelivery, progress: Progress, answer: Answer
    ) -> DeliveryResult:
        rules = self._options.rules
        doubt = doubt_after(answer, rules)
        if doubt:
            progress.doubted(doubt)
        elif answer.whole and (self._lookup is not None or not parcel.delivery.maybe_delivered):
            progress.absent(looked_up=False)  # what came before was cleared up, or was nothing
        meaning = meaning_of(answer, rules)
        reference = rules.reference_of(answer) if self._says_yes(answer) else ""
        if reference and not self._given.is_of(reference, parcel.upload.sha256):
            log.warning("registry.reference_twice", delivery=parcel.delivery.id, advice=ONE_EACH)
        if reference and not self._options.lookup_sha256:
            return DeliveryResult(reference, evidence=Evidence.REFERENCE)
        if meaning is Meaning.ACCEPTED:
            if self._options.trust_status and self._lookup is None:
                return DeliveryResult("", evidence=Evidence.STATUS)
            accepted = PendingConfirmation(reference)
            await progress.checkpoint(accepted.text)
            fault = self._unproven(answer)
            known = await self._cleared_up(parcel, progress, fault, doubt=doubt, yes=accepted)
            return _with_reference(known, accepted)
        return await self._turned_away(parcel, progress, answer, doubt=doubt)

    def _unproven(self, answer: Answer) -> AttemptFailed:
        """Say what is missing from a yes."""
        place = self._options.reference
        missing = f"it has nothing at registry.reference ({place})" if place else "nothing shows it"
        if self._options.lookup_sha256:
            missing = "only its look-up can show it"
        return AttemptFailed(f"said yes, and {missing} ({answer.label})", suspect="unproven")

    def _says_yes(self, answer: Answer) -> bool:
        """Tell whether a reference in this answer is one of this file."""
        yes = answer.status in self._options.accepted or answer.status in self._options.duplicate
        return yes and answer.whole

    async def _turned_away(
        self, parcel: ClaimedDelivery, progress: Progress, answer: Answer, *, doubt: Doubt
    ) -> DeliveryResult:
        """Go on from an answer that is no yes; gives an arrival where a look-up finds one."""
        meaning = meaning_of(answer, self._options.rules)
        fault = fault_of(answer, self._options.rules, facts(parcel).values())
        if meaning is Meaning.UNKNOWN and doubt:
            return await self._cleared_up(parcel, progress, fault, doubt=doubt)
        if not doubt:
            raise fault
        if self._lookup is None:
            raise self._unresolved(parcel, fault, doubt=doubt)
        if meaning in {Meaning.REJECTED, Meaning.PAGE}:
            # A look-up that fails shows nothing: the answer counts.
            with suppress(DestinationUnavailable, AttemptFailed):
                found = await self._lookup.once(parcel)
                if isinstance(found, DeliveryResult):
                    return found
        raise fault

    async def _cleared_up(
        self,
        parcel: ClaimedDelivery,
        progress: Progress,
        fault: DeliveryFault,
        *,
        doubt: Doubt,
        yes: PendingConfirmation | None = None,
    ) -> DeliveryResult:
        """Look up what the answer does not tell; raises what it is where nothing is found."""
        if self._lookup is None:
            raise self._unresolved(parcel, fault, doubt=doubt)
        known = await self._lookup.patiently(parcel, progress)
        if known is not None:
            return known
        await self._not_there(self._lookup, parcel, progress, yes=yes)
        suspect = fault.suspect if isinstance(fault, AttemptFailed) else ""
        raise AttemptFailed(
            f"{fault.reason}; it is not there", detail=fault.detail, suspect=suspect
        )

    async def _not_there(
        self,
        lookup: Lookup,
        parcel: ClaimedDelivery,
        progress: Progress,
        *,
        yes: PendingConfirmation | None,
    ) -> None:
        """Take a look-up's "not there" for true, unless a yes stands against one that never found.

        Raises what it means that the registry said yes to the file before.
        """
        if yes is not None and not lookup.has_found:
            raise unbelieved(parcel, yes)
        progress.absent(looked_up=True)
        await progress.checkpoint("")
        if yes is not None:
            raise contradiction(parcel)

    def _unresolved(
        self, parcel: ClaimedDelivery, fault: DeliveryFault, *, doubt: Doubt
    ) -> DeliveryFault:
        """Say what becomes of a file in doubt at a registry that cannot be asked."""
        if isinstance(fault, DeliveryRejected):
            reason = f"{fault.reason}; to send it again: {SEND_AGAIN}"
            return DeliveryRejected(reason, detail=fault.detail, alike=fault.alike)
        if self._may_repeat(parcel, max(doubt, parcel.delivery.maybe_delivered)):
            return OutcomeUnknown(fault.reason, detail=fault.detail, besides=plainly(fault))
        cause = fault.suspect if isinstance(fault, AttemptFailed) else ""
        return DeliveryRejected(
            f"{fault.reason}; {NOBODY_CAN_TELL}",
            detail=fault.detail,
            alike=cause,
            besides=plainly(fault),
        )

    def _may_repeat(self, parcel: ClaimedDelivery, doubt: Doubt) -> bool:
        """Tell whether the registry, by its operator's word, makes one of two under one key."""
        lifetime, since = self._options.key_lifetime, parcel.delivery.doubt_since
        if doubt is not Doubt.UNHEARD or lifetime is None:
            return False
        first = since or (self._now() if not parcel.delivery.maybe_delivered else None)
        return first is not None and self._now() - first < lifetime


def _with_reference(known: DeliveryResult, accepted: PendingConfirmation | None) -> DeliveryResult:
    """Fill in the reference of an acceptance where the look-up shows none."""
    if known.locator or accepted is None:
        return known
    return replace(known, locator=accepted.reference)

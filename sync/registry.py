"""The registry over plain HTTP: one request a file, told apart by clocks, looked up when in doubt.

Four clocks: connecting, a slice of the body leaving, the answer after the last byte, and (in
`bounded.py`) all of it. Silence before the last byte is harmless; silence after it is Unknown.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import structlog

from sync.acceptance import Acceptance
from sync.json_pointer import text_at
from sync.registry_answer import Answer, fault
from sync.registry_body import Framing, form
from sync.registry_line import RegistryLine
from sync.registry_options import BodyKind, RegistryOptions
from sync.templates import Template, as_is, facts, in_header, in_url
from titip.delivery import REGISTRY
from titip.errors import Faltered, Refused, Unavailable
from titip.ports import Arrival

if TYPE_CHECKING:
    from titip.delivery import Parcel
    from titip.ports import Content, Progress

__all__ = ["BodyKind", "HttpRegistry", "RegistryOptions"]

log = structlog.get_logger()

OK: Final = 200
NOT_FOUND: Final = 404
MAX_REFERENCE: Final = 500
"""Longest reference that is kept, in characters."""


class HttpRegistry:
    """Hands files in as the options say; raises ValueError for options that cannot work."""

    def __init__(self, options: RegistryOptions) -> None:
        options.check()
        self._options = options
        self._line = RegistryLine(options)

    @property
    def name(self) -> str:
        """Give the destination's word."""
        return REGISTRY

    async def deliver(self, parcel: Parcel, content: Content, progress: Progress) -> Arrival:
        """Hand the file in, unless the registry already has it.

        What it accepted is looked up once more where the lookup tells a digest. The checkpoint
        remembers an acceptance, so that nothing is handed in again because a lookup failed.
        """
        accepted = Acceptance.parse(parcel.delivery.checkpoint)
        if accepted is not None and not accepted.forgotten:
            return await self._confirmed(parcel, progress, accepted)
        if parcel.delivery.doubtful or accepted is not None:
            known = await self._before_sending_again(parcel, progress)
            if known is not None:
                return known
        answer = await self._hand_in(parcel, content, progress)
        if answer.status in self._options.duplicate:
            return await self._duplicate(parcel, progress, answer)
        if answer.status not in self._options.accepted:
            raise fault(answer)
        if not answer.whole:
            raise Faltered("the registry accepted the file before it had all of it")
        reference = _reference(answer, self._options.reference)
        if self._options.lookup and (self._options.lookup_sha256 or not reference):
            accepted = Acceptance(reference)
            await progress.checkpoint(accepted.text)
            return await self._confirmed(parcel, progress, accepted)
        return self._taken_at_its_word(parcel, reference)

    async def probe(self) -> bool | None:
        """Ask the health address, where there is one."""
        return await self._line.healthy() if self._options.health else None

    async def close(self) -> None:
        """Close the connections; may be called twice."""
        await self._line.close()

    async def _before_sending_again(self, parcel: Parcel, progress: Progress) -> Arrival | None:
        """Find out what became of an attempt whose answer was lost; None: send again."""
        if self._options.lookup:
            return await self._lookup(parcel, progress)
        if not self._options.idempotent:
            raise Refused(
                "needs a human: an answer was lost, and this registry can neither be asked "
                "(registry.lookup) nor told that the file comes again (Idempotency-Key)"
            )
        return None

    async def _hand_in(self, parcel: Parcel, content: Content, progress: Progress) -> Answer:
        known = facts(parcel)
        url = Template.parse(self._options.url).fill(known, spell=in_url)
        headers = {
            name: Template.parse(text).fill(known, spell=in_header)
            for name, text in self._options.headers.items()
        }
        framing = self._framing(known)
        return await self._line.send(
            url, headers=headers, content=content, framing=framing, progress=progress
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

    async def _duplicate(self, parcel: Parcel, progress: Progress, answer: Answer) -> Arrival:
        if not self._options.lookup:
            return self._taken_at_its_word(parcel, _reference(answer, self._options.reference))
        known = await self._lookup(parcel, progress)
        if known is None:
            raise Faltered("the registry says it has the file, but cannot find it")
        return known

    async def _confirmed(self, parcel: Parcel, progress: Progress, accepted: Acceptance) -> Arrival:
        """Look up what was accepted; raises Faltered when it is not to be found."""
        known = await self._lookup(parcel, progress)
        if known is None:
            await progress.checkpoint(accepted.missed_again().text)
            raise Faltered("accepted, but its lookup does not know it yet")
        return known if known.locator else replace(known, locator=accepted.reference)

    async def _lookup(self, parcel: Parcel, progress: Progress) -> Arrival | None:
        """Ask for the file by its key; raises Refused where other bytes stand under it."""
        url = Template.parse(self._options.lookup).fill(facts(parcel), spell=in_url)
        answer = await self._line.ask(url)
        if answer.status == NOT_FOUND:
            return None
        if answer.status != OK:
            raise _unanswered(answer)
        if answer.document is None:
            raise Unavailable("the registry's lookup did not answer in JSON")
        reference = _reference(answer, self._options.reference)
        sha256 = self._digest(answer)
        if sha256 and sha256 != parcel.upload.sha256.lower():
            await progress.checkpoint("")
            raise Refused("the registry holds other bytes under this key: a human must look")
        return Arrival(reference, sha256=sha256 or None)

    def _digest(self, answer: Answer) -> str:
        pointer = self._options.lookup_sha256
        return text_at(answer.document, pointer).lower() if pointer else ""

    def _taken_at_its_word(self, parcel: Parcel, reference: str) -> Arrival:
        if self._options.reference and not reference:
            log.warning("registry.no_reference", upload=parcel.upload.id)
        return Arrival(reference)


def _reference(answer: Answer, pointer: str) -> str:
    return text_at(answer.document, pointer)[:MAX_REFERENCE] if pointer else ""


def _unanswered(answer: Answer) -> Unavailable:
    """Blame a lookup without a verdict on the registry, whatever its status: nothing was sent."""
    told = fault(answer)
    return Unavailable(f"the lookup {told.reason}", retry_after=told.retry_after)

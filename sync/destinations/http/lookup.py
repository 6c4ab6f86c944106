"""Asking a registry whether it has a file, and what its answer shows."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import re
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from sync.destinations.credentials.headers import filled
from sync.destinations.http_answer import NOT_SAID, AnswerRules, Meaning, meaning_of
from sync.destinations.json_pointer import NothingThere, resolve, text_at
from sync.destinations.templates import Template, facts, in_url
from titip.errors import AttemptFailed, DeliveryRejected, DestinationUnavailable, OutcomeUnknown
from titip.evidence import Evidence
from titip.ports.delivery import DeliveryResult

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from sync.destinations.http.options import RegistryOptions
    from sync.destinations.http_answer import Answer
    from titip.delivery import ClaimedDelivery
    from titip.ports.delivery import Progress

PATIENCE: Final = timedelta(seconds=15)
"""How long one attempt goes on asking while "it is not there" may mean "not yet"; what is not known
then is asked again when it has settled, and the place is free for others."""

_HEX: Final = re.compile(r"[0-9a-fA-F]{64}\Z")
_PREFIX: Final = re.compile(r"sha-?256\s*[:=]\s*", re.IGNORECASE)
_SHA256_BYTES: Final = 32
_LONGEST_DIGEST: Final = 100


@dataclass(frozen=True, slots=True)
class Absent:
    """The registry says that it does not have the file."""


@dataclass(frozen=True, slots=True)
class Unclear:
    """The registry answered, and shows neither; `reason` says what is missing."""

    reason: str


class Lookup:
    """The look-up of one registry; only where its options name one."""

    def __init__(
        self,
        options: RegistryOptions,
        ask: Callable[[str, Mapping[str, str]], Awaitable[Answer]],
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """Ask by `ask`, which gives the answer of an address or raises DestinationUnavailable.

        It is given the configured headers, filled, and leaves out what belongs to no question.
        """
        self._options = options
        self._ask = ask
        self._sleep = sleep
        self.has_found = False
        """Whether it ever showed a file; one that never did may ask in the wrong place."""

    async def once(self, parcel: ClaimedDelivery) -> DeliveryResult | Absent | Unclear:
        """Ask once.

        Raises DestinationUnavailable, AttemptFailed where the answer may be about this file alone,
        and DeliveryRejected where other bytes stand under the key.
        """
        known = facts(parcel)
        url = Template.parse(self._options.lookup).fill(known, spell=in_url)
        answer = await self._ask(url, filled(self._options.headers, known))
        if self.is_absent(answer):
            return Absent()
        if answer.status != HTTPStatus.OK:
            raise _failed(answer)
        if answer.document is NOT_SAID:
            return Unclear("the look-up did not answer in JSON")
        found = self._found(answer, parcel)
        self.has_found = self.has_found or isinstance(found, DeliveryResult)
        return found

    async def patiently(self, parcel: ClaimedDelivery, progress: Progress) -> DeliveryResult | None:
        """Ask until the file is there, or "it is not there" is no longer "not yet": then None.

        Raises OutcomeUnknown where neither is known after a while or the look-up fails, and
        DeliveryRejected.
        """
        pause = waited = 0.0
        while True:
            left = progress.settles_in().total_seconds()  # as of the question, not of its answer
            try:
                found = await self.once(parcel)
            except (DestinationUnavailable, AttemptFailed) as trouble:
                raise OutcomeUnknown(trouble.reason, besides=trouble) from trouble
            if isinstance(found, DeliveryResult):
                return found
            if isinstance(found, Absent) and left <= 0:
                return None
            pause = min(max(1.0, 2 * pause), max(left, 1.0))
            if waited >= min(PATIENCE.total_seconds(), max(left, 1.0)):
                raise _open(found)
            await self._sleep(pause)
            waited += pause

    def is_absent(self, answer: Answer) -> bool:
        """Tell whether an answer says that the file is not there."""
        wanted = self._options.lookup_absent
        if not wanted:
            return answer.status == HTTPStatus.NOT_FOUND
        if answer.status != HTTPStatus.OK or answer.document is NOT_SAID:
            return False
        if not wanted.startswith("/"):
            return bool(answer.document == json.loads(wanted))
        try:
            return not resolve(answer.document, wanted)
        except NothingThere:
            return False  # an answer of another kind, such as an error, tells nothing

    def _found(self, answer: Answer, parcel: ClaimedDelivery) -> DeliveryResult | Unclear:
        reference = self._options.rules.reference_of(answer)
        if self._options.lookup_sha256:
            return self._by_digest(answer, parcel, reference)
        if reference:
            return DeliveryResult(reference, evidence=Evidence.REFERENCE)
        if self._options.trust_status:
            return DeliveryResult("", evidence=Evidence.STATUS)
        place = self._options.reference
        return Unclear(f"the look-up has nothing at registry.reference ({place})")

    def _by_digest(
        self, answer: Answer, parcel: ClaimedDelivery, reference: str
    ) -> DeliveryResult | Unclear:
        place = self._options.lookup_sha256
        told = text_at(answer.document, place)
        sha256 = digest_of(told)
        if not told:
            return Unclear(f"the look-up has nothing at registry.lookup_sha256 ({place}) yet")
        if not sha256:
            return Unclear("what registry.lookup_sha256 points at is no SHA-256")
        if sha256 != parcel.upload.sha256.lower():
            raise DeliveryRejected(
                "needs attention: the registry holds other bytes under this file's key"
            )
        return DeliveryResult(reference, sha256=sha256, evidence=Evidence.DIGEST)


def digest_of(told: str) -> str:
    """Give a SHA-256 as lower hex, however it was written: hex or base64, with a label or without.

    Empty where it is none.
    """
    text = _PREFIX.sub("", told.strip(), count=1).strip(":") if len(told) < _LONGEST_DIGEST else ""
    if _HEX.match(text):
        return text.lower()
    try:
        padded = text.replace("-", "+").replace("_", "/").rstrip("=")
        raw = base64.b64decode(padded + "=" * (-len(padded) % 4), validate=True)
    except (binascii.Error, ValueError):
        return ""
    return raw.hex() if len(raw) == _SHA256_BYTES else ""


def _failed(answer: Answer) -> DestinationUnavailable | AttemptFailed:
    """Say whose trouble it is that a look-up failed: as at the intake, others must meet it too."""
    reason = f"the look-up failed ({answer.label})"
    if meaning_of(answer, AnswerRules()) is Meaning.WAIT:
        return DestinationUnavailable(reason, retry_after=answer.retry_after)
    return AttemptFailed(reason, suspect=reason)


def _open(found: Absent | Unclear) -> OutcomeUnknown:
    """Say that it is not known yet. What nobody can read may be the registry's trouble."""
    if isinstance(found, Absent):
        return OutcomeUnknown("it is not there yet", ill=False)
    return OutcomeUnknown(found.reason, besides=AttemptFailed(found.reason, suspect=found.reason))

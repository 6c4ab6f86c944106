"""Finding a row by what a person typed: a whole id, or the beginning of one."""

from __future__ import annotations

import asyncio
import re
from functools import partial
from typing import TYPE_CHECKING, Final

from cli.errors import USAGE_ERROR, CliError
from cli.output import iso
from storage.clock import from_ms_or_none
from titip.delivery import DESTINATIONS, REGISTRY
from titip.policies.delivery_plan import delivery_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import apsw

    from config.wiring.storage import JournalServices
    from titip.delivery import Delivery
    from titip.upload import Upload

SHORTEST: Final = 4
"""Hex digits: fewer are more likely a slip than an id."""

_BEGINNING: Final = re.compile(r"[0-9a-f]{4,32}")

_ATTEMPTS: Final = """
SELECT number, started_at, ended_at, outcome, reason FROM attempts WHERE delivery = :id
UNION ALL
SELECT NULL, at, at, event, reason FROM delivery_events WHERE delivery = :id
ORDER BY started_at DESC, number DESC LIMIT 100
"""
"""What was done to a delivery beside its attempts has no number."""

Attempts = list[dict[str, object]]


def found_upload(services: JournalServices, text: str) -> Upload:
    """Give the upload whose id is, or begins with, this text; raises CliError."""
    from storage.journal.uploads import with_prefix

    if _BEGINNING.fullmatch(text) is None:
        raise CliError(
            f"{text!r} is no id of an upload: it has {SHORTEST} to 32 of the signs 0-9 and a-f. "
            "See titip uploads.",
            code=USAGE_ERROR,
        )
    found = asyncio.run(services.journal.read(partial(with_prefix, prefix=text)))
    if len(found) > 1:
        raise CliError(f"Several uploads begin with {text}: give more of the id.", code=USAGE_ERROR)
    if not found:
        raise CliError(f"There is no upload {text}: see titip uploads.")
    return found[0]


def found_delivery(services: JournalServices, text: str, *, otherwise: str = REGISTRY) -> Delivery:
    """Give the delivery of an id such as "3f9a12.mirror"; without a name, `otherwise`'s one.

    Raises CliError.
    """
    beginning, _, name = text.partition(".")
    name = name or otherwise
    if name not in DESTINATIONS:
        raise CliError(
            f"There is no destination {name}: there are {' and '.join(DESTINATIONS)}.",
            code=USAGE_ERROR,
        )
    upload = found_upload(services, beginning)
    wanted = delivery_id(upload.id, name)
    for one in asyncio.run(services.records.of_upload(upload.id)):
        if one.id == wanted:
            return one
    raise CliError(f"The upload {upload.id} owes the {name} nothing (it is {upload.state}).")


def attempts_of(services: JournalServices, deliveries: Sequence[str]) -> Mapping[str, Attempts]:
    """Give the last attempts of each delivery, newest first."""

    def look(db: apsw.Connection) -> dict[str, Attempts]:
        return {
            one: [_attempt(row) for row in db.execute(_ATTEMPTS, {"id": one})] for one in deliveries
        }

    return asyncio.run(services.journal.read(look))


def _attempt(row: Sequence[object]) -> dict[str, object]:
    number, started, ended, outcome, reason = row
    return {
        "attempt": number,
        "started_at": iso(from_ms_or_none(started)),  # type: ignore[arg-type]
        "ended_at": iso(from_ms_or_none(ended)),  # type: ignore[arg-type]
        "outcome": outcome,
        "reason": reason,
    }

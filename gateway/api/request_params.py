"""What a request to the API asks for: parameters and JSON, read strictly. Pure."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from gateway.protocol.commands import bad_request
from gateway.protocol.errors import Refusal
from gateway.protocol.problems import NOT_FOUND
from titip.access import Role
from titip.delivery import DESTINATIONS, DeliveryState
from titip.ports.operations import Query, Selection

if TYPE_CHECKING:
    from collections.abc import Mapping
    from enum import StrEnum

    from titip.access import Bearer

PAGE: Final = 100
LARGEST_PAGE: Final = 1000
_COUNT: Final = re.compile(r"[0-9]{1,5}", re.ASCII)
MOST_IDS: Final = 1000
LONGEST: Final = 500
"""Characters of an id or a reference."""


def page(params: Mapping[str, str], bearer: Bearer, states: type[StrEnum], *extra: str) -> Query:
    """Read a listing's parameters; an LO sees only its own rows, whatever it asks for.

    `extra` names parameters beyond state, after and limit. An unknown one is refused: a slip of
    the pen must not look like an answer.
    """
    known = {"state", "after", "limit", *extra}
    unknown = sorted(params.keys() - known)
    if unknown:
        raise bad_request(f"Unknown parameter {unknown[0]!r}; known are {', '.join(sorted(known))}")
    submitter = params.get("submitter") or None
    return Query(
        submitter=submitter if bearer.role is Role.OPERATOR else bearer.submitter,
        states=_states(params.get("state", ""), states),
        destination=destination(params["destination"]) if "destination" in params else None,
        after=_short(params.get("after", ""), "after"),
        limit=_limit(params.get("limit", str(PAGE))),
    )


def destination(name: str) -> str:
    """Give a destination's name; raises Refusal for one there cannot be."""
    if name not in DESTINATIONS:
        raise Refusal(NOT_FOUND.because(f"Destinations are {', '.join(DESTINATIONS)}"))
    return name


def selection(body: bytes) -> Selection:
    """Read which deliveries to send again: ids, or all parked, or all that is owed."""
    asked = _object(body, {"ids", "parked", "all", "moved", "to", "not_there"})
    ids = asked.get("ids") or []
    if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
        raise bad_request('"ids" must be a list of ids of uploads or deliveries')
    if len(ids) > MOST_IDS:
        raise bad_request(f"Name {MOST_IDS} ids at most; for more, ask again or use a state")
    parked, everything = _flag(asked, "parked"), _flag(asked, "all")
    moved = _flag(asked, "moved")
    if bool(ids) + parked + everything + moved != 1:
        raise bad_request('Choose one of "ids", "parked": true, "all": true and "moved": true')
    not_there = _flag(asked, "not_there")
    if not_there and not ids:
        raise bad_request(
            '"not_there" vouches for what you looked up one by one: name "ids" with it'
        )
    to = asked.get("to")
    if to is not None and not isinstance(to, str):
        raise bad_request('"to" must name a destination')
    return Selection(
        ids=tuple(_short(one, "ids") for one in ids),
        states=_selected(parked=parked or moved, everything=everything),
        destination=None if to is None else destination(to),
        confirmed_absent=not_there,
        moved=moved,
    )


def reference(body: bytes) -> tuple[str, bool]:
    """Read the reference that an operator got by hand, and whether other files may have it too."""
    asked = _object(body, {"reference", "shared"})
    given = asked.get("reference")
    if not isinstance(given, str) or not given.strip():
        raise bad_request('Send {"reference": "..."}, as the registry gave it')
    return _short(given.strip(), "reference"), _flag(asked, "shared")


def _selected(*, parked: bool, everything: bool) -> frozenset[DeliveryState]:
    if parked:
        return frozenset({DeliveryState.PARKED})
    if everything:
        return frozenset(
            state for state in DeliveryState if state.owed and state is not DeliveryState.ACTIVE
        )
    return frozenset()


def _object(body: bytes, known: set[str]) -> dict[str, object]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise bad_request("The body must be JSON") from error
    if not isinstance(value, dict) or not value.keys() <= known:
        raise bad_request(f"The body must be a JSON object with {', '.join(sorted(known))}")
    return value


def _flag(asked: Mapping[str, object], name: str) -> bool:
    value = asked.get(name) or False
    if not isinstance(value, bool):
        raise bad_request(f'"{name}" must be true or false')
    return value


def _states(text: str, states: type[StrEnum]) -> tuple[str, ...]:
    named = tuple(word.strip() for word in text.split(",") if word.strip())
    if not set(named) <= set(states):
        raise bad_request(f"States are {', '.join(states)}")
    return named


def _limit(text: str) -> int:
    if _COUNT.fullmatch(text) is None or not 0 < int(text) <= LARGEST_PAGE:
        raise bad_request(f"limit must be between 1 and {LARGEST_PAGE}")
    return int(text)


def _short(text: str, name: str) -> str:
    if len(text) > LONGEST or not text.isprintable():
        raise bad_request(f"{name} must be at most {LONGEST} printable characters")
    return text

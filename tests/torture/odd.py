"""Answers as no registry should give them, drawn at random: what is said, when, and how it ends.

An odd registry is not a lying one. It never says "not there" of what it has, and where a reference
alone is believed it gives none for what it did not store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from standin.odd_answer import DIGESTS, FIXED

if TYPE_CHECKING:
    from random import Random

Params = dict[str, object]

LISTED: Final = (
    *(200, 201, 202, 203, 204, 206, 226, 300, 301, 302, 303, 304, 307, 308),
    *(400, 401, 403, 404, 405, 407, 408, 409, 410, 411, 413, 414, 415, 418, 419, 422, 423, 425),
    *(429, 431, 451, 499, 500, 501, 502, 503, 504, 507, 520, 524, 530, 599),
)
"""Every row of the table has some of these; others are drawn beside them."""

REJECTIONS: Final = frozenset({400, 411, 413, 414, 415, 422, 451})
ABSENT: Final = frozenset({404, 410})

REFERENCES: Final[tuple[object, ...]] = ({"id": 417}, {"id": "FOREIGN-7"}, "surrogate", "no_utf8")
"""Bodies with a reference that is none of the registry's own."""

NO_REFERENCES: Final[tuple[object, ...]] = (
    *(name for name in FIXED if name not in REFERENCES),
    *({"id": None}, {"id": ""}, {"id": "  "}, {"id": True}, {"id": []}, {"id": {"id": "x"}}),
    *("reply", "gzip_lie", "br_lie", "huge"),
)
DIGESTED: Final[tuple[object, ...]] = ("no_digest", *DIGESTS)

SOON: Final = ("1", "2", "0", "-3", "soon", "Thu, 01 Jan 1970 00:00:00 GMT")
ABSURD: Final = (
    *("Mon, 99999999999999999999 Jan 2026 0:0:0 GMT", "9" * 40, "1e9", "", "\u00b2"),
    *("Fri, 31 Dec 9999 23:59:59 GMT", "Thu, 01 Jan 1 00:00:00 +9999", "3600"),
)
ELSEWHERE: Final = ("http://127.0.0.1:1/login", "/login", "//", "http://[::1", "file:///etc/passwd")

HTTP_TURNS: Final = (
    *("intake",) * 12,
    *("lookup",) * 4,
    *("health",) * 3,
    *("intake,lookup", "intake,health", "lookup,health", "intake,lookup,health"),
)
TUS_TURNS: Final = (*("patch",) * 6, *("create",) * 3, *("head",) * 3, "options", "patch,head", "")


def believed(locator: str) -> bool:
    """Tell whether a locator is one of the odd references."""
    return locator in {"417", "FOREIGN-7"} or locator.startswith("SILON-")


def of_http(rng: Random, *, proved: bool) -> Params:
    """Draw an answer of a plain registry; `proved`: a digest alone is believed there."""
    turn = rng.choice(HTTP_TURNS)
    status = _status(rng, without=ABSENT if "lookup" in turn else frozenset())
    params = {**_shape(rng), "on": turn, "status": status}
    stored = params["at"] == "after_storing" and "lookup" not in turn
    bodies = [*NO_REFERENCES, *(REFERENCES if proved or stored else ())]
    if "lookup" in turn:
        bodies += [*DIGESTED, *DIGESTED]
    params["body"] = rng.choice(bodies)
    if params["body"] in DIGESTED:
        params["status"] = status = 200
    return {**params, "headers": _headers(rng, status, only_health=turn == "health")}


def of_tus(rng: Random) -> Params:
    """Draw an answer of a tus registry."""
    turn = rng.choice(TUS_TURNS)
    asks = "head" in turn or not turn
    status = _status(rng, without=ABSENT if asks else frozenset())
    bare = asks or turn == "options"
    params = {**_shape(rng), "on": turn, "status": status}
    params["body"] = "empty" if bare else rng.choice(NO_REFERENCES)
    headers = _headers(rng, status, only_health=False)  # a delivery asks for OPTIONS too
    if turn == "patch" and params["at"] == "after_storing" and rng.random() < 0.5:
        headers["Upload-Offset"] = "0"
    if turn == "create" and rng.random() < 0.5:
        headers["Location"] = rng.choice((*ELSEWHERE, "http://127.0.0.1:1/files/none"))
    return {**params, "headers": headers}


def name_of(params: Params) -> str:
    """Name the row of the table and the moment, for the report."""
    turn = str(params["on"]) or "any"
    return f"{turn} {str(params['status'])[0]}xx {params['at']}".replace("_", " ")


def _status(rng: Random, *, without: frozenset[int]) -> int:
    while (drawn := rng.choice(LISTED) if rng.random() < 0.7 else rng.randint(100, 599)) in without:
        continue
    return drawn


def _shape(rng: Random) -> Params:
    at = rng.choices(
        ("before_body", "mid_body", "before_storing", "after_storing"), (10, 10, 25, 55)
    )[0]
    end = rng.choices(("complete", "hang", "drip", "cut", "short"), (68, 8, 6, 9, 9))[0]
    return {
        "at": at,
        "end": end,
        "after_bytes": rng.choice((1, 100, 5000, 200_000)),
        "times": rng.choice((1, 3, 8, 8, 0)),
        "every": rng.randint(1, 3),
        "seconds": rng.choice((0.005, 0.05, 0.4)),
        "size": rng.choice((3, 70_000, 3 << 20)),
    }


def _headers(rng: Random, status: int, *, only_health: bool) -> dict[str, str]:
    """Draw headers; a rest of an hour only where it rests one file, or is nobody's."""
    headers: dict[str, str] = {}
    if rng.random() < 0.4:
        long = only_health or status in REJECTIONS
        headers["Retry-After"] = rng.choice(ABSURD if long and rng.random() < 0.7 else SOON)
    if status in range(300, 400) and rng.random() < 0.8:
        headers["Location"] = rng.choice(ELSEWHERE)
    if rng.random() < 0.1:
        headers["Content-Type"] = rng.choice(("text/html; charset=utf-16", "application/json", "x"))
    return headers

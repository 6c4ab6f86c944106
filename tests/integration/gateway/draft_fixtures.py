"""Requests of the draft that are under way, for tests of what happens meanwhile."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.context import CONTEXT
from gateway.ingest.min_rate import Pace
from tests.gateway_fixtures import BOUND, id_of
from tests.integration.gateway.draft_line import PATCH_TYPE, dial
from tests.waiting import until

BOTH = pytest.mark.parametrize("version", [8, 6])
PACE = Pace(idle=3 * BOUND, patience=BOUND)
EAGER = replace(PACE, commit_bytes=0, flush=0.01)
"""Commits whatever it got after a moment."""

WHOLE = {"Upload-Complete": "?1", "Content-Length": "8"}


def last(offset, size, *, complete="?1"):
    told = {"Upload-Offset": str(offset), "Content-Length": str(size), **PATCH_TYPE}
    return {**told, "Upload-Complete": complete}


async def half_sent(gate, body=b"0123", *, version=8, **headers):
    """Begin a whole file of eight bytes, send some, and give the line, the path and the 104."""
    line = await dial(gate)
    told = {name.replace("_", "-"): text for name, text in headers.items()}
    await line.ask("POST", "/files/", {**WHOLE, **told}, version=version)
    status, first = await line.answer()
    assert status == 104
    await line.send(body)
    path = first["Location"].partition("titip")[2]
    await until(lambda: waits(gate, path))
    return line, path, first


def waits(gate, path):
    """Tell whether the request that holds it has read all that came."""
    hold = gate.app[CONTEXT].locks.holder(id_of(path))
    return hold is not None and hold.waiting_since is not None


def somebody_waits(gate):
    holds = gate.app[CONTEXT].locks._holds.values()  # noqa: SLF001
    return any(hold.waiting_since is not None for hold in holds)


def free(gate, path):
    return gate.app[CONTEXT].locks.holder(id_of(path)) is None

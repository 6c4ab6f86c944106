"""Whoever starts it may have closed standard input, output or error: it serves all the same."""

from __future__ import annotations

from itertools import combinations

import pytest

from cli.demo.processes import Program
from tests.blackbox.program import TITIP, TREE, titip
from tests.waiting import wait_for

pytestmark = pytest.mark.e2e

CLOSED = [fds for size in (1, 2, 3) for fds in combinations(range(3), size)]


@pytest.mark.parametrize("closed", CLOSED, ids=lambda fds: "".join(map(str, fds)))
def test_it_serves_and_stops_well_whatever_standard_streams_are_closed(closed, tmp_path):
    shut = " ".join(f"{fd}>&-" for fd in closed)
    with titip(tmp_path, start=False) as served:
        words = [*TITIP, "serve", "--config", str(served.config)]
        served.program = Program(
            ["sh", "-c", f'exec "$@" {shut}', "sh", *words], name="titip", folder=TREE
        )
        wait_for(lambda: not served.alive or served.is_ready(), within=30)
        assert served.alive
        upload = served.hand_in(b"papers")
        assert served.stop() == 0
        assert (tmp_path / "data" / "spool" / upload[:2] / upload).read_bytes() == b"papers"

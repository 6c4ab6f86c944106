"""A registry that is taken out of the settings while a file is under way to it: a person's turn."""

from __future__ import annotations

import pytest

from tests.blackbox.hostile_server import HANG, hostile_server
from tests.blackbox.program import titip
from tests.waiting import wait_for

pytestmark = pytest.mark.e2e


def test_what_was_under_way_is_told_as_maybe_there_and_can_be_recorded_by_hand(tmp_path):
    with hostile_server(lambda _asked: HANG) as registry:
        table = f'[registry]\nkind = "http"\nurl = "{registry.url}/intake"\n'
        with titip(tmp_path, table) as served:
            doubted = served.hand_in(b"a scan")
            wait_for(lambda: registry.count("POST") == 1)
            served.until(doubted, "active")
            served.kill()

            served.config.write_text(served.config.read_text("utf-8").replace(table, ""), "utf-8")
            served.start()
            served.until(doubted, "deferred", "verify")
            served.hand_in(b"another")
            todo = " ".join(served.read("status")["todo"])
            served.run("delivered", doubted, "--reference", "SILON-4")
            ended = served.delivery(doubted)

    assert "2 files to be entered by hand" in todo
    assert "1 of these may be there already: look there first" in todo
    assert (ended["state"], ended["locator"]) == ("delivered", "SILON-4")

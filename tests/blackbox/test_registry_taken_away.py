"""A registry that is another one now, or none, and what may be at the former one."""

from __future__ import annotations

import pytest

from tests.blackbox.hostile_server import CUT, HANG, Say, hostile_server
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


def test_what_may_be_there_is_not_sent_again_because_the_registry_speaks_tus_now(tmp_path):
    tus = Say(204, headers={"Tus-Version": "1.0.0", "Tus-Extension": "creation"})
    with hostile_server(lambda asked: tus if asked.method == "OPTIONS" else Say(500)) as registry:
        table = f'[registry]\nkind = "http"\nurl = "{registry.url}/files/"\n'
        with titip(tmp_path, table) as served:
            doubted = served.hand_in(b"a scan")
            served.until(doubted, "parked")
            served.stop()

            text = served.config.read_text("utf-8").replace('"http"', '"tus"')
            served.config.write_text(text, "utf-8")
            served.start()
            wait_for(lambda: "(tus)" in served.delivery(doubted)["reason"])
            served.run("resync", "--moved")
            wait_for(lambda: "cannot be asked for" in served.delivery(doubted)["reason"])

    assert registry.count("POST") == 1
    assert registry.count("PATCH") == 0


def test_what_may_be_at_a_former_address_is_sent_to_the_new_one_by_a_persons_word_alone(tmp_path):
    first = lambda asked: Say(503) if asked.method == "GET" else CUT  # noqa: E731
    second = lambda asked: Say(404) if asked.method == "GET" else Say(201, {"id": "B-1"})  # noqa: E731
    with hostile_server(first) as former, hostile_server(second) as present:
        table = (
            f'[registry]\nkind = "http"\nurl = "{former.url}/intake"\n'
            f'lookup = "{former.url}/look/{{upload_id}}"\n'
        )
        with titip(tmp_path, table) as served:
            doubted = served.hand_in(b"a scan")
            served.until(doubted, "verify")
            served.stop()
            text = served.config.read_text("utf-8").replace(former.url, present.url)
            served.config.write_text(text, "utf-8")
            served.start()
            served.until(doubted, "parked")
            new = served.hand_in(b"another")
            served.until(new, "delivered")
            for words in (["--all"], ["--parked"], ["--all", "--to", "registry"]):
                said = served.run("resync", *words)
                assert "if it is the same registry: titip resync --moved" in " ".join(
                    said.stderr.split()
                )
            assert served.delivery(doubted)["state"] == "parked"
            assert present.count("POST") == 1
            served.run("resync", "--moved")
            served.until(doubted, "delivered")

    assert (former.count("POST"), present.count("POST")) == (1, 2)

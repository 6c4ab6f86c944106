"""Deliveries without evidence, as an upgrade leaves them behind: told, kept, and mended by hand."""

from tests.cli_world import Desk
from titip.delivery import SucceededEvent
from titip.evidence import Evidence


def a_desk(tmp_path):
    desk = Desk.at(tmp_path)
    upload = desk.hand_in(b"papers")
    desk.end(upload, SucceededEvent("", Evidence.STATUS))
    return desk, upload


def test_what_only_a_status_shows_is_told_on_the_screen_and_by_check(tmp_path):
    desk, _ = a_desk(tmp_path)

    todo = " ".join(desk.read("status")["todo"])
    findings = desk.run("check", "--json").stdout

    assert "1 delivery to the registry has no evidence" in todo
    assert "1 delivery to the registry without evidence" in findings


def test_a_persons_look_is_evidence_and_the_screen_is_quiet_again(tmp_path):
    desk, upload = a_desk(tmp_path)

    result = desk.run("delivered", upload, "--reference", "SILON-4")

    assert result.exit_code == 0
    (passage,) = [
        one
        for one in desk.read("receipt", upload)["deliveries"]
        if one["destination"] == "registry"
    ]
    assert (passage["evidence"], passage["locator"]) == ("person", "SILON-4")
    assert "no evidence" not in " ".join(desk.read("status")["todo"])

"""`titip status|uploads|deliveries|history|receipt` on a real journal."""

import hashlib
import threading
from contextlib import closing
from datetime import UTC, datetime

import apsw
import pytest

from tests.cli_world import Desk
from titip.health import Circuit, Health

REGISTRY = '[registry]\nkind = "http"\nurl = "http://127.0.0.1:9/intake"\n'


@pytest.fixture
def desk(tmp_path):
    return Desk.at(tmp_path, REGISTRY)


def test_status_tells_numbers_and_what_to_do(desk):
    desk.park(desk.hand_in(b"one"))
    desk.deliver(desk.hand_in(b"two"))

    result = desk.run("status")

    assert result.exit_code == 0
    assert "2 files kept (6 bytes)" in result.stdout
    assert "1 file for the registry needs attention" in result.stdout
    assert "No gateway runs on this data folder" in result.stdout


def test_status_as_json_has_the_numbers_and_the_words(desk):
    desk.hand_in(b"one")
    desk.note("registry", Health(since=datetime.now(UTC), circuit=Circuit.OPEN, reason="502"))

    found = desk.read("status")

    assert found["uploads"] == {"sealed": 1}
    assert found["destinations"][0]["counts"] == {"queued": 1}
    assert found["destinations"][0]["health"]["stalled"] is True
    assert found["gateway_runs"] is False
    assert "stalled since" in found["headline"]


def test_status_answers_while_others_commit_without_pause(desk):
    desk.hand_in(b"one")
    stopping, commits = threading.Event(), []

    def commit_without_pause():
        with closing(apsw.Connection(str(desk.settings.storage.path / "journal.db"))) as other:
            other.set_busy_timeout(10_000)
            while not stopping.is_set():
                other.execute("BEGIN IMMEDIATE; UPDATE tallies SET rows = rows; COMMIT")
                commits.append(1)

    writer = threading.Thread(target=commit_without_pause)
    writer.start()
    try:
        codes = [desk.run("status").exit_code for _ in range(20)]
    finally:
        stopping.set()
        writer.join()

    assert codes == [0] * 20
    assert len(commits) > 20


def test_a_watched_status_is_left_by_an_interrupt(desk, monkeypatch):
    desk.hand_in(b"one")

    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", interrupt)

    result = desk.run("status", "--watch")

    assert result.exit_code == 0
    assert "1 file kept (3 bytes)" in result.stdout


def test_uploads_show_names_with_their_control_signs_made_visible(desk):
    desk.hand_in(b"x", name="evil\x1b[31m\nname \u202ecod.exe")

    result = desk.run("uploads")

    assert "\x1b" not in result.stdout
    assert "\u202e" not in result.stdout
    assert "evil\\x1b[31m\\nname" in result.stdout


def test_names_are_never_read_as_markup(desk):
    desk.hand_in(b"x", name="[bold]shout[/bold] :smile:")

    assert "[bold]shout[/bold] :smile:" in desk.run("uploads").stdout


def test_uploads_can_be_narrowed_down(desk):
    mine = desk.hand_in(b"12", submitter="pair-1")
    desk.hand_in(b"12", submitter="pair-2")
    half = desk.hand_in(b"1234", submitter="pair-2", keep=1)

    assert [one["id"] for one in desk.read("uploads", "--submitter", "pair-1")["uploads"]] == [mine]
    assert [one["id"] for one in desk.read("uploads", "--state", "open")["uploads"]] == [half]
    assert "open 25%" in desk.run("uploads").stdout


def test_a_part_and_a_length_that_is_yet_unknown_are_shown_as_such(desk):
    part = desk.hand_in(b"12", concat="partial")
    open_ended = desk.hand_in(b"12", length=None)

    shown = {one["id"]: one for one in desk.read("uploads")["uploads"]}
    listed = desk.run("uploads").stdout

    assert (shown[part]["part"], shown[open_ended]["part"]) == (True, False)
    assert shown[open_ended]["length"] is None
    assert "open, a part" in listed
    assert "?" in listed
    refused = desk.run("receipt", open_ended)
    assert refused.exit_code == 1
    assert "2 of yet unknown bytes" in refused.output.replace("\n", " ")


def test_a_long_list_goes_on_where_it_ended(desk):
    ids = [desk.hand_in(bytes([number])) for number in range(3)]

    first = desk.read("uploads", "--limit", "2")
    second = desk.read("uploads", "--limit", "2", "--after", first["next"])

    assert [one["id"] for one in first["uploads"]] == ids[:0:-1]
    assert [one["id"] for one in second["uploads"]] == ids[:1]
    assert second["next"] is None
    assert f"--after {ids[1]}" in desk.run("uploads", "--limit", "2").stderr


def test_deliveries_tell_why_they_are_parked(desk):
    upload = desk.hand_in(b"one")
    desk.hand_in(b"two")
    desk.park(upload, "refused this file (422 Unprocessable)")

    found = desk.read("deliveries", "--parked")["deliveries"]
    result = desk.run("deliveries", "--parked")

    assert [one["id"] for one in found] == [f"{upload}.registry"]
    assert found[0]["reason"] == "refused this file (422 Unprocessable)"
    assert f"{upload[:12]}.registry" in result.stdout
    assert "refused this file (422 Unprocessable)" in result.stdout


def test_deliveries_can_be_narrowed_down_to_a_destination(desk):
    desk.hand_in(b"one")

    found = desk.read("deliveries", "--to", "mirror", "--state", "queued")["deliveries"]

    assert [one["destination"] for one in found] == ["mirror"]


def test_deliveries_go_on_below_one_of_either_destination(desk):
    desk.hand_in(b"one")

    first = desk.read("deliveries", "--limit", "1")
    second = desk.read("deliveries", "--limit", "1", "--after", first["next"])

    names = {one["destination"] for one in first["deliveries"] + second["deliveries"]}
    assert names == {"registry", "mirror"}


def test_history_tells_every_attempt(desk):
    upload = desk.hand_in(b"one")
    desk.park(upload, "refused this file (422)")
    assert desk.run("resync", "--parked").exit_code == 0
    desk.deliver(upload)

    found = desk.read("history", upload[:8])
    registry = next(one for one in found["deliveries"] if one["destination"] == "registry")
    result = desk.run("history", upload)

    assert [one["outcome"] for one in registry["history"]] == ["delivered", "parked"]
    assert registry["history"][1]["reason"] == "refused this file (422)"
    assert "refused this file (422)" in result.stdout


def test_a_receipt_proves_what_was_handed_in_and_where_it_went(desk):
    upload = desk.hand_in(b"proof", name="surat.pdf", submitter="pair-7")
    desk.deliver(upload, "SILON-000042")

    found = desk.read("receipt", upload)
    result = desk.run("receipt", upload[:6])

    assert found["sha256"] == hashlib.sha256(b"proof").hexdigest()
    assert found["filename"] == "surat.pdf"
    assert found["deliveries"][1]["locator"] == "SILON-000042"
    assert found["sha256"] in result.stdout
    assert "SILON-000042" in result.stdout
    assert "pair-7" in result.stdout


def test_an_unfinished_upload_has_no_receipt(desk):
    upload = desk.hand_in(b"1234", keep=3)

    result = desk.run("receipt", upload)

    assert result.exit_code == 1
    assert "nothing to prove yet: the upload is open, with 3 of 4 bytes kept" in result.stderr


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("0123abcd", 1, "There is no upload 0123abcd"),
        ("xyz", 2, "is no id of an upload"),
        ("ab", 2, "is no id of an upload"),
    ],
)
def test_a_wrong_id_is_told(desk, text, code, words):
    desk.hand_in(b"one")

    result = desk.run("receipt", text)

    assert result.exit_code == code
    assert words in result.stderr

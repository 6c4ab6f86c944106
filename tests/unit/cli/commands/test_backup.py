"""`titip backup`, `restore` and `hold`, as an operator meets them."""

import pytest

from tests.cli_world import Desk


@pytest.fixture
def desk(tmp_path):
    return Desk.at(tmp_path)


def test_a_backup_and_its_restore_say_what_they_did(desk, tmp_path):
    upload = desk.hand_in(b"papers")
    bak, new = tmp_path / "bak", tmp_path / "new"

    made = desk.run("backup", str(bak), "--verify")
    shown = desk.read("backup", str(bak))
    back = desk.run("restore", str(bak), "--into", str(new))

    assert made.exit_code == back.exit_code == 0, made.output + back.output
    assert "1 file (6 bytes); 1 new (6 bytes), 0 there already, 0 removed." in made.stdout
    assert "on the same disk as the data" in made.stderr
    assert (shown["files"], shown["new"], shown["there_already"]) == (1, 0, 1)
    assert "2 deliveries still owed then" in back.stdout
    assert "Tokens revoked since work again" in back.stdout
    assert (new / "spool" / upload[:2] / upload).read_bytes() == b"papers"


def test_a_restore_goes_to_the_data_folder_of_the_settings(desk, tmp_path):
    desk.hand_in(b"papers")
    desk.run("backup", str(tmp_path / "bak"))
    (tmp_path / "data").rename(tmp_path / "lost")

    shown = desk.read("restore", str(tmp_path / "bak"), "--fast")

    assert (shown["into"], shown["files"], shown["owed"]) == (str(tmp_path / "data"), 1, 2)
    assert desk.read("status")["uploads"] == {"sealed": 1}


def test_a_refusal_is_one_sentence(desk, tmp_path):
    desk.hand_in(b"papers")
    desk.run("backup", str(tmp_path / "bak"))

    full = desk.run("restore", str(tmp_path / "bak"))
    none = desk.run("restore", str(tmp_path))

    assert (full.exit_code, none.exit_code) == (1, 1)
    assert "is not empty: a restore never writes over data" in full.stderr
    assert "holds no complete backup" in none.stderr


def test_a_backup_that_lacks_bytes_ends_with_a_complaint(desk, tmp_path):
    upload = desk.hand_in(b"papers")
    (tmp_path / "data" / "spool" / upload[:2] / upload).unlink()

    result = desk.run("backup", str(tmp_path / "bak"))

    assert result.exit_code == 1
    assert f"cannot be found: {upload}" in result.stderr


def test_a_hold_is_put_listed_shown_and_released(desk):
    desk.hand_in(b"papers", submitter="Pair 1")

    put = desk.run("hold", "Pair 1", "--reason", "a dispute")
    stray = desk.run("hold", "Pari 1")
    listed = desk.run("hold", "--list")
    status = desk.run("status")
    shown = desk.read("status")["holds"]
    released = desk.run("hold", "Pair 1", "--release")
    twice = desk.run("hold", "--release", "Pair 1")

    assert put.exit_code == 0
    assert "is the name right?" in stray.stderr
    assert "a dispute" in listed.stdout
    assert "on hold: Pair 1, since" in status.stdout
    assert [(one["submitter"], one["reason"]) for one in shown] == [
        ("Pair 1", "a dispute"),
        ("Pari 1", ""),
    ]
    assert released.exit_code == 0
    assert (twice.exit_code, desk.read("hold", "--list")["holds"][0]["submitter"]) == (1, "Pari 1")


@pytest.mark.parametrize("words", [(), ("--release",), ("Pair 1", "--list")])
def test_a_hold_wants_to_know_whose(desk, words):
    assert desk.run("hold", *words).exit_code == 2

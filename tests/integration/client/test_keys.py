"""The key of a creation: whatever is lost, repeated or done twice, a file is one upload."""

from __future__ import annotations

import threading
from functools import partial

import pytest

from client.report import PushResult
from tests.integration.client.fixtures import KIB, ears, gateway, hand_in, received, write
from tests.integration.client.gateway import Cut, LostAnswer, Status

__all__ = ["ears", "gateway", "hand_in"]


@pytest.fixture
def other_device(hand_in, tmp_path):
    """Push as somebody who shares the files and the submitter, but not the resume store."""
    return partial(hand_in, state=tmp_path / "other" / "push.sqlite3")


def test_a_lost_answer_to_a_creation_with_its_body_leaves_one_upload(gateway, hand_in, tmp_path):
    gateway.fail("POST", LostAnswer())

    report = hand_in(write(tmp_path / "a", 60 * KIB))

    assert report.exit_code == 0
    assert len(gateway.uploads) == 1
    assert gateway.asked == ["OPTIONS", "POST", "POST", "GET"]
    assert report.sent == 60 * KIB


def test_a_gateway_that_knows_no_keys_still_gives_a_proof(gateway, hand_in, tmp_path):
    gateway.knows_keys = False
    gateway.fail("POST", LostAnswer())
    file = write(tmp_path / "a", 60 * KIB)

    report = hand_in(file)

    assert report.outcomes[0].proof.upload == "u1"
    assert bytes(gateway.uploads["u1"].content) == file.read_bytes()


def test_a_file_that_another_device_handed_in_is_proven_without_a_second_upload(
    gateway, hand_in, other_device, tmp_path
):
    file = write(tmp_path / "a", 100)
    other_device(file)

    report = hand_in(file)

    assert report.exit_code == 0
    assert len(gateway.uploads) == 1
    assert report.sent == 100  # its body left before the gateway could say that it is there


def test_of_a_big_file_that_is_there_nothing_is_sent(gateway, hand_in, other_device, tmp_path):
    file = write(tmp_path / "a", 300 * KIB)
    other_device(file)
    gateway.asked.clear()

    report = hand_in(file)

    assert report.count(PushResult.ALREADY) == 1
    assert report.sent == 0
    assert gateway.asked == ["OPTIONS", "POST", "GET"]
    assert report.outcomes[0].proof.sealed_at == "2026-01-02T03:04:05Z"


def test_the_half_upload_of_another_device_is_gone_on_with(
    gateway, hand_in, other_device, tmp_path
):
    file = write(tmp_path / "a", 300 * KIB)
    gateway.fail("PATCH", Cut(after=50 * KIB), Status(400))
    other_device(file)

    report = hand_in(file)

    assert report.exit_code == 0
    assert report.sent == 250 * KIB
    assert received(gateway) == {"a": file.read_bytes()}
    assert len(gateway.uploads) == 1


def test_an_upload_that_another_device_holds_is_waited_for(gateway, hand_in, tmp_path, ears):
    file = write(tmp_path / "a", 300 * KIB)
    gateway.fail("PATCH", Status(400), Status(423))
    hand_in(file, state=tmp_path / "other.sqlite3")
    ears.on_wait = lambda: gateway.uploads["u0"].content.extend(file.read_bytes())

    report = hand_in(file)

    assert report.exit_code == 0
    assert "busy" in ears.waits[0][0]
    assert len(gateway.uploads) == 1


def test_other_bytes_under_the_key_fail_loudly(gateway, hand_in, other_device, tmp_path):
    file = write(tmp_path / "a", 300 * KIB)
    other_device(file)
    gateway.lies = True

    report = hand_in(file)

    assert "NOT PROVEN" in report.failures[0].reason


def test_an_upload_that_was_ended_frees_its_key(gateway, hand_in, other_device, tmp_path):
    file = write(tmp_path / "a", 100)
    other_device(file)
    gateway.uploads["u0"].ended = 410

    report = hand_in(file)

    assert report.outcomes[0].proof.upload == "u1"


def test_equal_bytes_under_two_names_are_two_uploads(gateway, hand_in, tmp_path):
    write(tmp_path / "in" / "a", 100)
    write(tmp_path / "in" / "b", 100)

    hand_in(tmp_path / "in")

    assert len(gateway.uploads) == 2


def test_a_file_that_was_only_touched_is_the_same_upload(gateway, hand_in, tmp_path):
    file = write(tmp_path / "a", 100)
    hand_in(file)
    file.touch()

    report = hand_in(file)

    assert report.exit_code == 0
    assert len(gateway.uploads) == 1


def test_two_devices_at_once_make_one_upload_of_each_file(gateway, hand_in, other_device, tmp_path):
    sizes = {n: 10 if n % 2 else 100 * KIB for n in range(40)}
    files = [write(tmp_path / "in" / f"{n}", size, seed=b"%d" % n) for n, size in sizes.items()]
    reports = []
    other = threading.Thread(target=lambda: reports.append(other_device(tmp_path / "in")))

    other.start()
    reports.append(hand_in(tmp_path / "in"))
    other.join(20)

    assert [report.exit_code for report in reports] == [0, 0]
    assert len(gateway.uploads) == 40
    assert received(gateway) == {file.name: file.read_bytes() for file in files}


def test_handed_in_again_it_is_a_new_upload_once(gateway, hand_in, tmp_path):
    file = write(tmp_path / "a", 100)
    hand_in(file)
    gateway.fail("POST", LostAnswer())

    report = hand_in(file, again=True)

    assert report.count(PushResult.PROVEN) == 1
    assert len(gateway.uploads) == 2


def test_what_was_being_handed_in_again_goes_on_under_the_same_key(gateway, hand_in, tmp_path):
    file = write(tmp_path / "a", 100)
    hand_in(file)
    gateway.fail("POST", LostAnswer(), Status(400))
    hand_in(file, again=True)

    report = hand_in(file)

    assert report.outcomes[0].proof.upload == "u1"
    assert len(gateway.uploads) == 2

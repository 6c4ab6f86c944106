"""`client.push` with every fault we know of: what passes is waited for, what stays is told."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import closing

import pytest

from client.options import Patience, PushOptions
from client.push import push
from client.report import PushResult
from tests.integration.client.fixtures import KIB, ears, gateway, hand_in, received, write
from tests.integration.client.gateway import Cut, FakeGateway, LostAnswer, Silence, Status, running

__all__ = ["ears", "gateway", "hand_in"]


# ------------------------------------------------------------------------------ trouble that passes


@pytest.mark.parametrize(
    "fault",
    [
        Status(423),
        Status(429, {"Retry-After": "0"}),
        Status(500),
        Status(503),
        Status(408),
        Status(409),
        Status(404, tus=False),
        LostAnswer(),
        Cut(after=10 * KIB),
        Cut(after=0),
    ],
    ids=repr,
)
def test_trouble_with_a_chunk_passes(gateway, hand_in, tmp_path, fault):
    gateway.fail("PATCH", fault, fault)
    file = write(tmp_path / "a", 300 * KIB)

    report = hand_in(file)

    assert report.exit_code == 0
    assert received(gateway) == {"a": file.read_bytes()}
    assert len(gateway.uploads) == 1


@pytest.mark.parametrize("fault", [Status(423), Status(500), Status(404, tus=False)], ids=repr)
def test_trouble_with_the_offset_keeps_the_upload(gateway, hand_in, tmp_path, fault):
    gateway.fail("PATCH", Status(500))
    gateway.fail("HEAD", fault, fault)

    report = hand_in(write(tmp_path / "a", 300 * KIB))

    assert report.exit_code == 0
    assert len(gateway.uploads) == 1


def test_trouble_with_the_greeting_and_the_creation_passes(gateway, hand_in, tmp_path):
    gateway.fail("OPTIONS", Status(503))
    gateway.fail(
        "POST", Status(503), Status(302, {"Location": "http://login.invalid"}), Status(200)
    )

    report = hand_in(write(tmp_path / "a", 100))

    assert report.exit_code == 0


def test_a_lost_last_answer_is_proven_by_asking(gateway, hand_in, tmp_path):
    gateway.extensions = "creation"
    gateway.fail("PATCH", LostAnswer())

    report = hand_in(write(tmp_path / "a", 100))

    assert report.exit_code == 0
    assert gateway.asked == ["OPTIONS", "POST", "PATCH", "HEAD", "GET"]


@pytest.mark.parametrize("fault", [LostAnswer(), Status(413, tus=False)], ids=repr)
def test_a_file_whose_body_could_not_come_along_is_still_proven(gateway, hand_in, tmp_path, fault):
    gateway.fail("POST", fault)
    file = write(tmp_path / "a", 60 * KIB)

    report = hand_in(file)

    assert report.exit_code == 0
    assert report.outcomes[0].proof.upload == "u0"
    assert received(gateway) == {"a": file.read_bytes()}
    assert len(gateway.uploads) == 1


def test_a_seal_that_takes_its_time_is_waited_for(gateway, hand_in, tmp_path, ears):
    gateway.tells_digest = False
    gateway.fail("GET", Status(200), Status(503))

    report = hand_in(write(tmp_path / "a", 100))

    assert report.exit_code == 0
    assert "sealing" in ears.waits[0][0]


def test_retry_after_is_kept_to(gateway, hand_in, tmp_path, ears):
    gateway.fail("POST", Status(429, {"Retry-After": "1"}))

    hand_in(write(tmp_path / "a", 100))

    [(reason, seconds)] = ears.waits
    assert "slower pace" in reason
    assert 1 <= seconds < 1.1


def test_a_full_disk_is_named(gateway, hand_in, tmp_path, ears):
    gateway.always["POST"] = Status(507)
    patience = Patience(floor=0.002, ceiling=0.02, longest_retry_after=0.01, give_up_after=0.1)

    report = hand_in(write(tmp_path / "a", 100), patience=patience)

    assert "disk is full" in ears.waits[0][0]
    assert "disk is full" in report.failures[0].reason


def test_chunks_shrink_until_a_proxy_takes_them(gateway, hand_in, tmp_path):
    gateway.largest_body = 20 * KIB
    file = write(tmp_path / "a", 60 * KIB)

    report = hand_in(file)

    assert report.exit_code == 0
    assert received(gateway) == {"a": file.read_bytes()}


def test_a_silent_line_is_given_up_and_tried_anew(gateway, hand_in, tmp_path):
    gateway.fail("PATCH", Silence())
    patience = Patience(floor=0.002, ceiling=0.02, silence=0.3)

    report = hand_in(write(tmp_path / "a", 300 * KIB), patience=patience)

    assert report.exit_code == 0


def test_a_dead_network_is_waited_for(tmp_path, ears):
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    file, tried = write(tmp_path / "a", 100), threading.Event()
    ears.on_wait = tried.set
    options = PushOptions(
        server=f"http://127.0.0.1:{port}/files/",
        token=FakeGateway().token,
        state=tmp_path / "push.sqlite3",
        patience=Patience(floor=0.002, ceiling=0.02, give_up_after=0),
    )
    reports = []
    pushing = threading.Thread(
        target=lambda: reports.append(push([file], options, face=ears)), daemon=True
    )

    pushing.start()
    assert tried.wait(5)
    with running(FakeGateway(), port=port):
        pushing.join(10)

    assert reports[0].exit_code == 0
    assert ears.waits[0][0] == f"nobody listens at 127.0.0.1:{port}"


# ------------------------------------------------------------------------------ trouble that stays


def test_a_refused_token_stops_everything_after_few_requests(gateway, hand_in, tmp_path):
    for n in range(50):
        write(tmp_path / "in" / f"{n}", 10)

    report = hand_in(tmp_path / "in", token="titip_wrong_token")

    assert report.exit_code == 1
    assert "ask your operator" in report.stopped
    assert report.count(PushResult.LEFT) == 50
    assert gateway.count("POST") <= 4


def test_a_refused_file_does_not_hold_up_the_rest(gateway, hand_in, tmp_path):
    for n in range(5):
        write(tmp_path / "in" / f"{n}", 10)
    gateway.fail("POST", Status(400))

    report = hand_in(tmp_path / "in")

    assert report.exit_code == 1
    assert (report.count(PushResult.PROVEN), report.count(PushResult.FAILED)) == (4, 1)


def test_no_progress_for_too_long_stops_the_push(gateway, hand_in, tmp_path):
    gateway.always["POST"] = Status(500)
    for n in range(9):
        write(tmp_path / "in" / f"{n}", 10)
    patience = Patience(floor=0.002, ceiling=0.02, give_up_after=0.2)

    report = hand_in(tmp_path / "in", patience=patience)

    assert "no progress" in report.stopped
    assert report.exit_code == 1


def test_an_offset_that_never_moves_ends(gateway, hand_in, tmp_path):
    gateway.always["PATCH"] = Status(204, {"Upload-Offset": "0"})

    report = hand_in(write(tmp_path / "a", 300 * KIB))

    assert "keeps none" in report.failures[0].reason
    assert gateway.count("PATCH") == 5


def test_a_file_beyond_the_smallest_chunk_of_a_proxy_fails_with_a_word(gateway, hand_in, tmp_path):
    gateway.largest_body = 1 * KIB

    report = hand_in(write(tmp_path / "a", 300 * KIB))

    assert "refuses even 16 KiB" in report.failures[0].reason


def test_a_file_larger_than_the_gateway_takes_is_not_even_begun(gateway, hand_in, tmp_path):
    gateway.largest_upload = 99

    report = hand_in(write(tmp_path / "a", 100))

    assert "100 of 99 bytes" in report.failures[0].reason
    assert gateway.asked == ["OPTIONS"]


def test_a_gateway_that_keeps_forgetting_an_upload_is_given_up(gateway, hand_in, tmp_path):
    gateway.always |= {"PATCH": Status(500), "HEAD": Status(404)}

    report = hand_in(write(tmp_path / "a", 300 * KIB))

    assert "again and again" in report.failures[0].reason
    assert gateway.count("POST") == 4


def test_a_proof_that_is_not_given_fails(gateway, hand_in, tmp_path):
    gateway.tells_digest = False
    gateway.always["GET"] = Status(404)

    report = hand_in(write(tmp_path / "a", 100))

    assert "does not say which digest" in report.failures[0].reason


def test_a_wrong_address_is_said_at_once(gateway, hand_in, tmp_path):
    report = hand_in(write(tmp_path / "a", 1), server=f"{gateway.url}/somewhere")

    assert "no Titip gateway" in report.stopped


def test_a_redirection_is_named_and_not_followed(gateway, hand_in, tmp_path):
    gateway.always["OPTIONS"] = Status(301, {"Location": "https://new.example/files/"})

    report = hand_in(write(tmp_path / "a", 1))

    assert "https://new.example/files/" in report.stopped
    assert gateway.asked == ["OPTIONS"]


def test_a_file_that_changes_while_it_is_sent_fails(gateway, hand_in, tmp_path, ears):
    file = write(tmp_path / "a", 300 * KIB)
    gateway.fail("PATCH", Status(500))
    ears.on_wait = lambda: os.utime(write(file, 300 * KIB, seed=b"other"))

    report = hand_in(file)

    assert "changed while" in report.failures[0].reason


def test_a_file_that_shrinks_while_it_is_sent_fails(gateway, hand_in, tmp_path, ears):
    file = write(tmp_path / "a", 300 * KIB)
    gateway.fail("PATCH", Status(500))
    ears.on_wait = lambda: os.truncate(file, 70)

    report = hand_in(file)

    assert "shorter" in report.failures[0].reason


def test_an_entry_in_netrc_does_not_replace_the_token(gateway, hand_in, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))

    report = hand_in(write(tmp_path / "a", 1))

    assert report.exit_code == 0


def test_the_store_keeps_no_token_and_is_private(gateway, hand_in, tmp_path):
    hand_in(write(tmp_path / "a", 1))

    kept = list((tmp_path / "state").iterdir())
    assert not any(b"secret" in path.read_bytes() for path in kept)
    if os.name == "posix":
        assert {path.stat().st_mode & 0o777 for path in kept} == {0o600}

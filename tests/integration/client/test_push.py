"""`client.push` against a strict gateway on real sockets: sending, proving, resuming."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading

import pytest

from client.report import PushResult
from tests.integration.client.fixtures import KIB, ears, gateway, hand_in, received, write
from tests.integration.client.gateway import Cut, Silence, Status

__all__ = ["ears", "gateway", "hand_in"]


# ------------------------------------------------------------------------------ the good days


def test_a_folder_of_small_files_takes_one_request_a_file(gateway, hand_in, tmp_path):
    files = [write(tmp_path / "in" / f"{n:02}" / "ktp.pdf", 1000 + n) for n in range(20)]

    report = hand_in(tmp_path / "in")

    assert report.exit_code == 0
    assert gateway.asked == ["OPTIONS"] + ["POST"] * 20
    assert received(gateway) == {f"{n:02}/ktp.pdf": files[n].read_bytes() for n in range(20)}


def test_a_worker_keeps_its_connection(gateway, hand_in, tmp_path):
    write(tmp_path / "big.bin", 500 * KIB)

    report = hand_in(tmp_path / "big.bin", parallel=1)

    assert report.exit_code == 0
    assert gateway.count("PATCH") >= 3
    assert len(gateway.connections) == 1


def test_chunks_grow_while_the_line_is_swift(gateway, hand_in, tmp_path):
    file = write(tmp_path / "big.bin", 1000 * KIB)

    hand_in(file)

    assert gateway.count("PATCH") == 6  # 64 + 128 + 256 + 256 + 256 + 40 KiB
    assert received(gateway) == {"big.bin": file.read_bytes()}


def test_an_empty_file_is_complete_at_its_creation(gateway, hand_in, tmp_path):
    report = hand_in(write(tmp_path / "empty", 0))

    assert report.exit_code == 0
    assert gateway.asked == ["OPTIONS", "POST"]


def test_the_metadata_says_what_the_file_is(gateway, hand_in, tmp_path):
    file = write(tmp_path / "in" / "a b" / 'surat "ke\nluarga" क्ष.pdf', 10)

    hand_in(tmp_path / "in")

    [held] = gateway.uploads.values()
    assert held.metadata == {
        "filename": file.name,
        "relativePath": f"a b/{file.name}",
        "filetype": "application/pdf",
        "mtime": "2023-11-14T22:13:20Z",
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
    }


def test_a_second_run_sends_nothing_and_reads_nothing(gateway, hand_in, tmp_path, monkeypatch):
    for n in range(5):
        write(tmp_path / "in" / f"{n}", 100)
    hand_in(tmp_path / "in")
    asked = len(gateway.asked)
    monkeypatch.delattr("client.transfer.sender.digest")

    report = hand_in(tmp_path / "in")

    assert report.exit_code == 0
    assert len(gateway.asked) == asked
    assert report.count(PushResult.ALREADY) == 5


def test_again_sends_what_was_proven(gateway, hand_in, tmp_path):
    file = write(tmp_path / "a", 100)
    hand_in(file)

    report = hand_in(file, again=True)

    assert report.count(PushResult.PROVEN) == 1
    assert len(gateway.uploads) == 2


def test_a_file_that_changed_since_gets_a_new_upload(gateway, hand_in, tmp_path):
    hand_in(write(tmp_path / "a", 100))
    file = write(tmp_path / "a", 120)

    report = hand_in(file)

    assert report.count(PushResult.PROVEN) == 1
    assert bytes(gateway.uploads["u1"].content) == file.read_bytes()


def test_a_gateway_without_creation_with_upload_gets_the_body_by_patch(gateway, hand_in, tmp_path):
    gateway.extensions = "creation"

    report = hand_in(write(tmp_path / "a", 100))

    assert report.exit_code == 0
    assert gateway.asked == ["OPTIONS", "POST", "PATCH"]


def test_the_report_tells_each_file_for_machines(gateway, hand_in, tmp_path):
    file = write(tmp_path / "a", 100)

    told = json.loads(json.dumps(hand_in(file, tmp_path / "missing").as_json()))

    assert told["exit_code"] == 1
    assert told["counts"] == {"proven": 1, "already_proven": 0, "failed": 1, "left": 0}
    assert told["files"][0]["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert told["files"][0]["upload"] == "u0"


# ------------------------------------------------------------------------------ proof


def test_without_a_digest_in_the_answer_the_gateway_is_asked(gateway, hand_in, tmp_path):
    gateway.tells_digest = False

    report = hand_in(write(tmp_path / "a", 100))

    assert report.exit_code == 0
    assert gateway.count("GET") == 1
    assert report.outcomes[0].proof.sealed_at == "2026-01-02T03:04:05Z"


@pytest.mark.parametrize("tells", [True, False])
def test_another_digest_at_the_gateway_fails_loudly_every_time(gateway, hand_in, tmp_path, tells):
    gateway.lies, gateway.tells_digest = True, tells
    file = write(tmp_path / "a", 100)

    first = hand_in(file)
    second = hand_in(file)

    assert (first.exit_code, second.exit_code) == (1, 1)
    assert all("NOT PROVEN" in report.failures[0].reason for report in (first, second))
    assert len(gateway.uploads) == 1


def test_again_replaces_a_disputed_upload(gateway, hand_in, tmp_path):
    gateway.lies = True
    file = write(tmp_path / "a", 100)
    hand_in(file)
    gateway.lies = False

    report = hand_in(file, again=True)

    assert report.exit_code == 0
    assert hand_in(file).count(PushResult.ALREADY) == 1


def test_a_new_token_of_the_same_submitter_keeps_what_was_proven(gateway, hand_in, tmp_path):
    file = write(tmp_path / "a", 100)
    hand_in(file)
    gateway.token = "titip_lo2_other"

    report = hand_in(file)

    assert report.count(PushResult.ALREADY) == 1


def test_another_submitter_on_this_machine_hands_in_anew(gateway, hand_in, tmp_path):
    file = write(tmp_path / "a", 100)
    hand_in(file)
    gateway.token, gateway.foreign = "titip_other_secret", {"u0"}

    report = hand_in(file)

    assert report.count(PushResult.PROVEN) == 1


# ------------------------------------------------------------------------------ resuming


def test_an_unfinished_upload_goes_on_where_it_was(gateway, hand_in, tmp_path):
    file = write(tmp_path / "a", 300 * KIB)
    gateway.fail("PATCH", Cut(after=50 * KIB), Status(400))
    first = hand_in(file)

    second = hand_in(file)

    assert (first.exit_code, second.exit_code) == (1, 0)
    assert received(gateway) == {"a": file.read_bytes()}
    assert gateway.count("POST") == 1


@pytest.mark.parametrize("status", [403, 404, 410])
def test_an_upload_that_is_gone_is_created_anew(gateway, hand_in, tmp_path, status):
    file = write(tmp_path / "a", 300 * KIB)
    gateway.fail("PATCH", Status(400))
    hand_in(file)
    gateway.uploads["u0"].ended = status

    report = hand_in(file)

    assert report.exit_code == 0
    assert bytes(gateway.uploads["u1"].content) == file.read_bytes()


def test_an_upload_of_another_length_is_not_continued(gateway, hand_in, tmp_path):
    file = write(tmp_path / "a", 300 * KIB)
    gateway.fail("PATCH", Status(400))
    hand_in(file)
    gateway.uploads["u0"].length, gateway.uploads["u0"].key = 5, "of another file"

    report = hand_in(file)

    assert report.exit_code == 0
    assert bytes(gateway.uploads["u1"].content) == file.read_bytes()


# ------------------------------------------------------------------------------ being interrupted


PUSH = """
import sys
from pathlib import Path
from client.progress.reporter import LineProgress
from client.push import PushOptions, push
server, token, state, path = sys.argv[1:]
options = PushOptions(server=server, token=token, state=Path(state))
report = push([Path(path)], options, face=LineProgress())
raise SystemExit(report.exit_code)
"""


@pytest.mark.skipif(os.name != "posix", reason="sends a POSIX signal")
def test_ctrl_c_ends_it_within_a_second_and_the_next_run_goes_on(gateway, hand_in, tmp_path):
    file = write(tmp_path / "a", 5000 * KIB)
    gateway.fail("PATCH", Cut(after=100 * KIB), Silence())
    state = tmp_path / "state" / "push.sqlite3"
    program = [sys.executable, "-c", PUSH, gateway.url, gateway.token, state, file]

    with subprocess.Popen(program, stderr=subprocess.PIPE, text=True) as process:
        assert gateway.silenced.wait(10)
        process.send_signal(signal.SIGINT)
        _, words = process.communicate(timeout=2)
    report = hand_in(file)

    assert process.returncode == 130
    assert "Run the same command again" in words
    assert report.exit_code == 0
    assert received(gateway) == {"a": file.read_bytes()}
    assert gateway.count("POST") == 1


def test_two_pushes_at_once_share_the_store(gateway, hand_in, tmp_path):
    for n in range(30):
        write(tmp_path / "in" / f"{n}", 10)
    reports = []
    other = threading.Thread(target=lambda: reports.append(hand_in(tmp_path / "in")))

    other.start()
    reports.append(hand_in(tmp_path / "in"))
    other.join(20)

    assert [report.exit_code for report in reports] == [0, 0]
    assert hand_in(tmp_path / "in").count(PushResult.ALREADY) == 30

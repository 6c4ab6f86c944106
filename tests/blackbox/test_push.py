"""`titip push` from outside, before gateways and networks that answer as nobody should."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import zlib
from contextlib import suppress

import pytest

from tests.blackbox.hostile_server import Say, hostile_server
from tests.blackbox.program import TITIP, TREE

pytestmark = pytest.mark.e2e

TOKEN = "titip_lo1_very-secret"
TUS = {"Tus-Resumable": "1.0.0", "Tus-Version": "1.0.0"}
GREETING = Say(204, headers={**TUS, "Tus-Extension": "creation,creation-with-upload"})
YEAR_1601, YEAR_2300 = -11_644_473_600, 10_413_792_000


def push(tmp_path, *paths, to, give_up=2.0, under=(), **variables):
    """Run `titip push --json`; give the process, its report and the seconds it took.

    `under`: the beginning of a command that runs the one after it.
    """
    words = ["--to", to, "--give-up-after", str(give_up), "--json"]
    began = time.monotonic()
    done = subprocess.run(
        [
            *(*under, *TITIP, "push", *map(str, paths), *words),
            *("--state", str(tmp_path / "push.sqlite3")),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=TREE,
        env={**os.environ, "TITIP_TOKEN": TOKEN, **variables},
    )
    assert "Traceback" not in done.stderr, done.stderr[-2000:]
    assert TOKEN not in done.stdout + done.stderr
    return done, json.loads(done.stdout or "{}"), time.monotonic() - began


def one_file(folder, name="ktp.jpg", content=b"a scan"):
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(content)
    return path


def sealing(asked, *, location="/files/u1"):
    """Take one file whole, as a gateway does."""
    digest = base64.b64encode(hashlib.sha256(asked.body).digest()).decode()
    told = {"Location": location, "Upload-Offset": str(len(asked.body))}
    return Say(201, headers={**TUS, **told, "Repr-Digest": f"sha-256=:{digest}:"})


def gateway(create=sealing, others=lambda asked: Say(404)):
    """Answer as a gateway does, but for what is given."""

    def script(asked):
        if asked.method == "OPTIONS":
            return GREETING
        return create(asked) if asked.method == "POST" else others(asked)

    return hostile_server(script)


def said(report):
    return report["stopped"] + "".join(one["reason"] for one in report["files"])


# ------------------------------------------------------------------------------ what files can be


def test_times_that_no_database_counts_keep_no_other_file_back(tmp_path):
    folder = tmp_path / "in"
    for number, moment in enumerate([YEAR_2300] * 4 + [YEAR_1601]):
        os.utime(one_file(folder, f"0{number}"), (moment, moment))
    for number in range(10):
        one_file(folder, f"file-{number}")

    with gateway() as server:
        done, report, _ = push(tmp_path, folder, "--parallel", "4", to=server.url)

    assert report["counts"]["proven"] == 15, done.stderr
    assert done.returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="makes names of any bytes, and a pipe")
def test_names_of_any_bytes_are_handed_in_and_what_cannot_be_read_fails_alone(tmp_path):
    folder = tmp_path / "in"
    for name in (b"\xff\xfe.jpg", b"\xed\xa0\xbd.pdf", "é\u202e\n.pdf".encode(), b"-rf"):
        one_file(folder, os.fsdecode(name))
    os.mkfifo(folder / "fifo")
    (folder / "dangling").symlink_to(folder / "nowhere")
    (folder / "loop").symlink_to(folder / "loop")

    with gateway() as server:
        done, report, _ = push(tmp_path, folder, to=server.url)

    assert done.returncode == 1
    assert report["counts"] == {"proven": 4, "already_proven": 0, "failed": 3, "left": 0}
    assert all(one["reason"] for one in report["files"] if one["fate"] == "failed")


# ------------------------------------------------------------------------------ settings


@pytest.mark.parametrize(
    ("address", "mend"),
    [
        ("http://a..b", "between two dots"),
        (f"http://{'a' * 70}.example", "longer than 63"),
        ("http://127.0.0.1:99999", "from 1 to 65535"),
        ("http://user:hidden@127.0.0.1", "--token-file"),
    ],
)
def test_an_address_that_can_never_work_is_refused_at_once(tmp_path, address, mend):
    done, report, _ = push(tmp_path, one_file(tmp_path), to=address)

    assert (done.returncode, report) == (2, {}), done.stderr
    assert mend in done.stderr
    assert "hidden" not in done.stderr
    assert not (tmp_path / "push.sqlite3").exists()


def test_a_proxy_that_can_never_work_is_refused_at_once(tmp_path):
    variables = {"http_proxy": "http://a..b:3128", "no_proxy": "", "NO_PROXY": ""}
    done, _, _ = push(tmp_path, one_file(tmp_path), to="http://titip.example.org", **variables)

    assert done.returncode == 2
    assert "HTTP_PROXY" in done.stderr


def test_authorities_that_cannot_be_read_are_refused_at_once(tmp_path):
    variables = {"REQUESTS_CA_BUNDLE": "/nowhere/ca.pem"}
    done, _, _ = push(tmp_path, one_file(tmp_path), to="https://127.0.0.1:1", **variables)

    assert done.returncode == 2
    assert "/nowhere/ca.pem cannot be read" in done.stderr


def test_a_proxy_from_the_environment_is_used(tmp_path):
    with gateway() as proxy:
        variables = {"http_proxy": proxy.url, "no_proxy": "", "NO_PROXY": ""}
        done, _, _ = push(tmp_path, one_file(tmp_path), to="http://titip.invalid", **variables)

    assert done.returncode == 0, done.stderr
    assert proxy.asked[0].path == "http://titip.invalid/files/"


# ------------------------------------------------------------------------------ answers


def endless(sock, over):
    with suppress(OSError):
        while not over.is_set():
            sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 2000)


def dripping(sock, over):
    with suppress(OSError):
        while not over.wait(0.1):
            sock.sendall(b"x")


@pytest.mark.parametrize(
    ("raw", "drip"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\nhello", None),
        (b"", endless),
        (b"HTTP/1.1 200 OK\r\nX: ", dripping),
    ],
    ids=["no HTTP", "two lengths", "endless", "dripping"],
)
def test_an_answer_that_is_none_ends_with_a_reason(tmp_path, raw, drip):
    with hostile_server(lambda asked: Say(raw=raw, drip=drip)) as server:
        done, report, seconds = push(tmp_path, one_file(tmp_path), to=server.url, give_up=0.5)

    assert done.returncode == 1
    assert seconds < 20
    assert server.url.removeprefix("http://") in said(report) or "not end" in said(report)
    assert "Error" not in said(report)


def bomb_of(mebibytes):
    """Compress so many zeros without ever holding them."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    pieces = [packer.compress(bytes(1 << 20)) for _ in range(mebibytes)]
    return b"".join([*pieces, packer.flush()])


MEASURE = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[2:])
with open(sys.argv[1], "w") as peak:
    peak.write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code)
"""
"""Runs a command and writes its largest resident size, in KiB; only its own."""


def test_a_compressed_bomb_is_not_blown_up(tmp_path):
    told = {**TUS, "Location": "/files/u1", "Upload-Offset": "6"}
    bomb = Say(200, body=bomb_of(400), headers={**TUS, "Content-Encoding": "gzip"})

    with gateway(lambda asked: Say(201, headers=told), lambda asked: bomb) as server:
        measured = [sys.executable, "-c", MEASURE, str(tmp_path / "peak")]
        file = one_file(tmp_path)
        done, report, _ = push(tmp_path, file, to=server.url, give_up=0.5, under=measured)

    assert done.returncode == 1
    assert report["counts"]["proven"] == 0
    assert int((tmp_path / "peak").read_text()) < 300 << 10


def test_an_absurd_wait_is_no_reason_to_wait_beyond_patience(tmp_path):
    headers = {**TUS, "Retry-After": "9" * 400}
    with gateway(lambda asked: Say(503, headers=headers)) as server:
        done, report, seconds = push(tmp_path, one_file(tmp_path), to=server.url, give_up=1)

    assert done.returncode == 1
    assert seconds < 20
    assert "in trouble (503)" in said(report)


# ------------------------------------------------------------------------------ other origins


def test_an_upload_address_that_is_none_is_told(tmp_path):
    with gateway(lambda asked: sealing(asked, location="http://[fe80::1/files/x")) as server:
        done, report, _ = push(tmp_path, one_file(tmp_path), to=server.url, give_up=0.5)

    assert done.returncode == 1
    assert said(report)


def test_an_upload_address_at_another_host_is_refused(tmp_path):
    with hostile_server(lambda asked: Say(404), host="127.0.0.2") as other:
        told = {**TUS, "Location": f"{other.url}/files/u1", "Upload-Offset": "0"}
        with gateway(lambda asked: Say(201, headers=told)) as server:
            done, report, _ = push(tmp_path, one_file(tmp_path), to=server.url)

    assert done.returncode == 1
    assert f"another host ({other.url})" in said(report)
    assert other.asked == []


def test_another_port_of_the_same_host_is_kept_to_ours_and_told_once(tmp_path):
    for name in "abc":
        one_file(tmp_path / "in", name)

    with (
        hostile_server(lambda asked: Say(404)) as other,
        gateway(lambda asked: sealing(asked, location=f"{other.url}/files/u1")) as server,
    ):
        done, report, _ = push(tmp_path, tmp_path / "in", to=server.url)

    assert done.returncode == 0
    assert other.asked == []
    assert [other.url in note for note in report["notes"]] == [True]


# ------------------------------------------------------------------------------ endings


@pytest.mark.parametrize("imports", [5, 60, 250])
def test_ctrl_c_in_the_first_moments_leaves_no_traceback(tmp_path, imports):
    words = ["push", str(one_file(tmp_path)), "--state", str(tmp_path / "push.sqlite3")]
    variables = {**os.environ, "PYTHONPROFILEIMPORTTIME": "1", "PYTHONUNBUFFERED": "1"}
    with (
        socket.create_server(("127.0.0.1", 0)) as mute,
        subprocess.Popen(
            [*TITIP, *words, "--to", f"http://127.0.0.1:{mute.getsockname()[1]}"],
            stderr=subprocess.PIPE,
            text=True,
            cwd=TREE,
            env=variables,
        ) as process,
    ):
        assert process.stderr is not None
        for line in process.stderr:
            if line.rpartition("|")[2].strip() == "config":
                break
        for _ in range(imports):
            process.stderr.readline()
        process.send_signal(signal.SIGINT)
        words_after = process.stderr.read()

    assert "Traceback" not in words_after
    assert process.returncode == 130


@pytest.mark.skipif(os.name != "posix", reason="closes standard error the POSIX way")
def test_without_standard_error_the_exit_code_is_still_true(tmp_path):
    words = ["push", str(one_file(tmp_path)), "--state", str(tmp_path / "push.sqlite3")]
    with gateway() as server:
        line = ["sh", "-c", '"$@" 2>&-', "sh", *TITIP, *words, "--to", server.url]
        done = subprocess.run(line, check=False, cwd=TREE, timeout=60)

    assert done.returncode == 0

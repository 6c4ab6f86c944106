"""`titip push` from outside, before gateways and networks that answer as nobody should."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from tests.blackbox.hostile_server import CUT, Say, hostile_server
from tests.blackbox.program import TITIP, TREE, free_port

pytestmark = pytest.mark.e2e

TOKEN = "titip_lo1_very-secret"
TUS = {"Tus-Resumable": "1.0.0", "Tus-Version": "1.0.0"}
GREETING = Say(204, headers={**TUS, "Tus-Extension": "creation,creation-with-upload"})
YEAR_1601, YEAR_2300 = -11_644_473_600, 10_413_792_000


def push(tmp_path, *paths, to, token=TOKEN, give_up=2, **variables):
    """Run `titip push --json`; give the process, its report and the seconds it took."""
    words = ["--to", to, "--give-up-after", str(give_up), "--json"]
    began = time.monotonic()
    done = subprocess.run(
        [*TITIP, "push", *map(str, paths), *words, "--state", str(tmp_path / "push.sqlite3")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=TREE,
        env={**os.environ, "TITIP_TOKEN": token, **variables},
    )
    assert "Traceback" not in done.stderr, done.stderr[-2000:]
    assert token == "" or token not in done.stdout + done.stderr
    report = json.loads(done.stdout) if done.stdout else None
    return done, report, time.monotonic() - began


def one_file(tmp_path, name="ktp.jpg", content=b"a scan"):
    path = tmp_path / name
    path.write_bytes(content)
    return path


def sealing(asked, *, location="/files/u1", **headers):
    """Take one file whole, as a gateway does."""
    digest = base64.b64encode(hashlib.sha256(asked.body).digest()).decode()
    told = {"Location": location, "Upload-Offset": str(len(asked.body))}
    return Say(201, headers={**TUS, **told, "Repr-Digest": f"sha-256=:{digest}:", **headers})


def gateway(create=sealing, others=lambda asked: Say(404)):
    """Answer as a gateway does, but for what is given."""

    def script(asked):
        if asked.method == "OPTIONS":
            return GREETING
        return create(asked) if asked.method == "POST" else others(asked)

    return hostile_server(script)


# ------------------------------------------------------------------------------ what files can be


def test_times_that_no_database_counts_keep_no_other_file_back(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for number, moment in enumerate([YEAR_1601, YEAR_2300, YEAR_1601, YEAR_2300]):
        os.utime(one_file(folder, f"0{number}"), (moment, moment))
    for number in range(10):
        one_file(folder, f"file-{number}")

    with gateway() as server:
        first, report, _ = push(tmp_path, folder, to=server.url)
        asked = server.count("POST")
        _, again, _ = push(tmp_path, folder, to=server.url)

    assert report["counts"]["proven"] == 14, first.stderr
    assert first.returncode == 0
    assert asked == 14
    assert again["counts"]["already_proven"] == 14


@pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes")
def test_names_of_any_bytes_are_handed_in(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in (b"\xff\xfe.jpg", b"\xed\xa0\xbd.pdf", "é\u202e\n.pdf".encode(), b"-rf"):
        (folder / os.fsdecode(name)).write_bytes(b"x")

    with gateway() as server:
        done, report, _ = push(tmp_path, folder, to=server.url)

    assert (done.returncode, report["counts"]["proven"]) == (0, 4)


def test_what_cannot_be_read_fails_alone_with_its_reason(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    one_file(folder, "good")
    os.mkfifo(folder / "fifo")
    (folder / "dangling").symlink_to(folder / "nowhere")
    (folder / "loop").symlink_to(folder / "loop")

    with gateway() as server:
        done, report, _ = push(tmp_path, folder, to=server.url)

    assert done.returncode == 1
    assert report["counts"] == {"proven": 1, "already_proven": 0, "failed": 3, "left": 0}
    assert all(one["reason"] for one in report["files"] if one["fate"] == "failed")


def test_a_file_that_vanishes_on_the_way_fails_alone(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    files = [one_file(folder, name) for name in ("a", "b")]

    def create(asked):
        with suppress(FileNotFoundError):
            files[1].unlink()
        return sealing(asked)

    with gateway(create) as server:
        done, report, _ = push(tmp_path, folder, "--parallel", "1", to=server.url)

    assert done.returncode == 1
    assert [one["fate"] for one in report["files"]] == ["proven", "failed"]
    assert "cannot be read" in report["files"][1]["reason"]


# ------------------------------------------------------------------------------ settings


@pytest.mark.parametrize(
    ("address", "mend"),
    [
        ("http://a..b", "between two dots"),
        ("http://.a", "between two dots"),
        (f"http://{'a' * 70}.example", "longer than 63"),
        (f"http://{'a.' * 127}example", "longer than 253"),
        ("http://127.0.0.1:99999", "from 1 to 65535"),
        ("http://127.0.0.1:0", "from 1 to 65535"),
        ("http://127.0.0.1:8o8o", "from 1 to 65535"),
        ("http://user:hidden@127.0.0.1", "--token-file"),
        ("http://exa mple.org", "sign"),
        ("http://[fe80::1", "https://titip.example.org"),
        ("http://[zz::1]", "https://titip.example.org"),
        ("http://titip.example.org/a b", "sign"),
        ("titip.example.org", "must begin with"),
    ],
)
def test_an_address_that_can_never_work_is_refused_at_once(tmp_path, address, mend):
    done, report, _ = push(tmp_path, one_file(tmp_path), to=address)

    assert done.returncode == 2, done.stderr
    assert report is None
    assert mend in done.stderr
    assert "hidden" not in done.stderr
    assert not (tmp_path / "push.sqlite3").exists()


@pytest.mark.parametrize("proxy", ["http://a..b:3128", "http://p:99999", "ftp://p", "socks5://p"])
def test_a_proxy_that_can_never_work_is_refused_at_once(tmp_path, proxy):
    done, _, _ = push(
        tmp_path, one_file(tmp_path), to="http://titip.example.org", HTTP_PROXY=proxy, NO_PROXY=""
    )

    assert done.returncode == 2
    assert "HTTP_PROXY" in done.stderr


def test_authorities_that_cannot_be_read_are_refused_at_once(tmp_path):
    done, _, _ = push(
        tmp_path, one_file(tmp_path), to="https://127.0.0.1:1", SSL_CERT_FILE="/nowhere/ca.pem"
    )

    assert done.returncode == 2
    assert "SSL_CERT_FILE" in done.stderr


# ------------------------------------------------------------------------------ answers


def endless(sock, over):
    with suppress(OSError):
        while not over.is_set():
            sock.sendall(b"x" * 65536)


def dripping(sock, over):
    with suppress(OSError):
        while not over.wait(0.2):
            sock.sendall(b"x")


def raw(text, drip=None):
    data = text if isinstance(text, bytes) else text.encode("latin-1")
    return lambda asked: Say(raw=data, drip=drip)


NASTY = {
    "no HTTP": raw("SSH-2.0-OpenSSH_9.2\r\n"),
    "binary": raw(bytes(range(256)) * 8),
    "TLS": raw(b"\x15\x03\x01\x00\x02\x02\x46"),
    "two lengths": raw("HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\nhello"),
    "no UTF-8": raw(
        b"HTTP/1.1 200 \xff\r\nTus-Version: \xff\xfe\r\nContent-Length: 2\r\n\r\n\xff\xff"
    ),
    "bad chunks": raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello"),
    "headers without end": raw("HTTP/1.1 200 OK\r\nX: ", endless),
    "body without end": raw("HTTP/1.1 200 OK\r\n\r\n", endless),
    "continue for ever": lambda asked: Say(
        raw=b"", drip=lambda sock, over: dripping_continue(sock, over)
    ),
    "dripping headers": raw("HTTP/1.1 200 OK\r\nX: ", dripping),
    "dripping body": raw("HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n", dripping),
    "cut": lambda asked: CUT,
}


def dripping_continue(sock, over):
    with suppress(OSError):
        while not over.wait(0.01):
            sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")


@pytest.mark.parametrize("kind", NASTY)
def test_an_answer_that_is_none_ends_with_a_reason(tmp_path, kind):
    with hostile_server(NASTY[kind]) as server:
        done, report, seconds = push(tmp_path, one_file(tmp_path), to=server.url, give_up=0.5)

    assert done.returncode == 1
    assert seconds < 20
    said = report["stopped"] + report["files"][0]["reason"]
    assert said, report
    assert "Error" not in said
    assert report["counts"]["proven"] == 0


def test_a_compressed_bomb_is_not_blown_up(tmp_path):
    bomb = gzip.compress(b"\0" * (400 << 20), 9)
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss

    def others(asked):
        return Say(200, body=bomb, headers={**TUS, "Content-Encoding": "gzip"})

    def create(asked):
        told = {"Location": "/files/u1", "Upload-Offset": str(len(asked.body))}
        return Say(201, headers={**TUS, **told})

    with gateway(create, others) as server:
        done, report, _ = push(tmp_path, one_file(tmp_path), to=server.url, give_up=0.5)

    assert done.returncode == 1
    assert report["counts"]["proven"] == 0
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < max(before, 200 << 10)


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "9" * 400},
        {"Retry-After": "Mon, 99999999999999999999 Jan 2026 0:0:0 GMT"},
        {"Retry-After": "\xb2\xb3"},
        {"Retry-After": "-1"},
        {"Retry-After": "3600"},
    ],
)
def test_an_absurd_wait_is_no_reason_to_wait_beyond_patience(tmp_path, headers):
    with gateway(lambda asked: Say(503, headers={**TUS, **headers})) as server:
        done, report, seconds = push(tmp_path, one_file(tmp_path), to=server.url, give_up=1)

    assert done.returncode == 1
    assert seconds < 10
    assert "in trouble (503)" in report["stopped"] + report["files"][0]["reason"]


@pytest.mark.parametrize(
    "offset", ["9" * 5000, str(1 << 63), "-1", "\xb2", "1e3", "0x10", "", "7"], ids=lambda o: o[:9]
)
def test_an_absurd_offset_is_never_a_proof(tmp_path, offset):
    def others(asked):
        return Say(200, headers={**TUS, "Upload-Offset": offset, "Upload-Length": offset})

    def create(asked):
        return Say(201, headers={**TUS, "Location": "/files/u1", "Upload-Offset": offset})

    with gateway(create, others) as server:
        done, report, _ = push(tmp_path, one_file(tmp_path), to=server.url, give_up=0.5)

    assert done.returncode == 1
    assert report["counts"]["proven"] == 0
    assert report["stopped"] or report["files"][0]["reason"]


# ------------------------------------------------------------------------------ other origins


@pytest.mark.parametrize("location", ["http://[fe80::1/files/x", "http://a:b/files/x", "//", "/"])
def test_an_upload_address_that_is_none_is_told(tmp_path, location):
    with gateway(lambda asked: sealing(asked, location=location)) as server:
        done, report, _ = push(tmp_path, one_file(tmp_path), to=server.url, give_up=0.5)

    assert done.returncode == 1
    assert report["stopped"] or report["files"][0]["reason"]


def test_an_upload_address_at_another_host_is_refused(tmp_path):
    with hostile_server(lambda asked: Say(404), host="127.0.0.2") as other:

        def create(asked):
            headers = {"Location": f"{other.url}/files/u1", "Upload-Offset": "0"}
            return Say(201, headers={**TUS, **headers})

        with gateway(create) as server:
            done, report, _ = push(tmp_path, one_file(tmp_path), to=server.url)

    assert done.returncode == 1
    assert "another host (127.0.0.2)" in report["files"][0]["reason"]
    assert other.asked == []


def test_another_port_of_the_same_host_is_kept_to_ours_and_told_once(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in "abc":
        one_file(folder, name)

    with (
        hostile_server(lambda asked: Say(404)) as other,
        gateway(lambda asked: sealing(asked, location=f"{other.url}/files/u1")) as server,
    ):
        done, report, _ = push(tmp_path, folder, to=server.url)

    assert done.returncode == 0
    assert other.asked == []
    assert len(report["notes"]) == 1
    assert other.url in report["notes"][0]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirection_takes_the_token_along(tmp_path, status):
    with hostile_server(lambda asked: Say(200)) as other:

        def create(asked):
            return Say(status, headers={"Location": f"{other.url}/files/"})

        with gateway(create) as server:
            done, _, _ = push(tmp_path, one_file(tmp_path), to=server.url, give_up=0.5)

    assert done.returncode == 1
    assert other.asked == []


def test_netrc_never_replaces_the_token(tmp_path):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
    (tmp_path / "netrc").chmod(0o600)

    with gateway() as server:
        push(tmp_path, one_file(tmp_path), to=server.url, NETRC=str(tmp_path / "netrc"))

    assert {one.headers["authorization"] for one in server.asked} == {f"Bearer {TOKEN}"}


def test_a_proxy_from_the_environment_is_used(tmp_path):
    with gateway() as proxy:
        done, report, _ = push(
            tmp_path,
            one_file(tmp_path),
            to="http://titip.invalid",
            HTTP_PROXY=proxy.url,
            http_proxy=proxy.url,
            NO_PROXY="",
        )

    assert done.returncode == 0, report
    assert proxy.asked[0].path == "http://titip.invalid/files/"


# ------------------------------------------------------------------------------ reasons


def test_reasons_name_address_and_cause(tmp_path):
    port = free_port()
    file = one_file(tmp_path)

    def reason(to):
        return push(tmp_path, file, to=to, give_up=0.3, NO_PROXY="*")[1]["stopped"]

    with hostile_server(lambda asked: Say(200)) as server:
        plain = server.url.removeprefix("http://")
        assert f"{plain} does not speak TLS: try http://" in reason(f"https://{plain}")
    assert f"nobody listens at 127.0.0.1:{port}" in reason(f"http://127.0.0.1:{port}")
    assert "titip.invalid" in reason("http://titip.invalid")


# ------------------------------------------------------------------------------ stopping


@pytest.mark.parametrize("after", [0.1, 0.2, 0.3, 0.45])
def test_ctrl_c_in_the_first_moments_leaves_no_traceback(tmp_path, after):
    file = one_file(tmp_path)
    state = ["--state", str(tmp_path / "push.sqlite3")]
    with (
        socket.create_server(("127.0.0.1", 0)) as mute,
        subprocess.Popen(
            [
                *TITIP,
                "push",
                str(file),
                "--to",
                f"http://127.0.0.1:{mute.getsockname()[1]}",
                *state,
            ],
            stderr=subprocess.PIPE,
            text=True,
            cwd=TREE,
        ) as process,
    ):
        time.sleep(after)  # what is being done then differs from machine to machine: any will do
        process.send_signal(signal.SIGINT)
        _, words = process.communicate(timeout=10)

    assert "Traceback" not in words
    assert process.returncode == 130


@pytest.mark.skipif(not hasattr(os, "closerange"), reason="closes descriptors the POSIX way")
def test_without_standard_error_the_exit_code_is_still_true(tmp_path):
    with gateway() as server:
        words = ["push", str(one_file(tmp_path)), "--to", server.url]
        words += ["--state", str(tmp_path / "push.sqlite3")]
        line = ["sh", "-c", '"$@" 2>&-', "sh", *TITIP, *words]
        done = subprocess.run(line, check=False, cwd=TREE, timeout=60)

    assert done.returncode == 0

"""`titip serve` as a process on a disk that fails, and one that is full: what is seen outside."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from cli.demo.processes import TITIP
from tests.disks.mounts import faulty_disk, why_no_fuse
from tests.e2e.outage import Server
from tests.ports import free_port

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(bool(why_no_fuse()), reason=why_no_fuse()),
]

CONFIG = """
[gateway]
listen = "127.0.0.1:{port}"
auth = "none"
[storage]
path = "{data}"
reserve = "0B"
[mirror]
when = "never"
"""


@pytest.fixture
def disk(tmp_path):
    with faulty_disk(tmp_path / "disk", tmp_path / "behind") as disk:
        yield disk


@pytest.fixture
def server(tmp_path, disk):
    port = free_port()
    config = tmp_path / "titip.toml"
    config.write_text(CONFIG.format(port=port, data=disk.place / "data"))
    made = Server(config, f"http://127.0.0.1:{port}", tmp_path / "log")
    made.start()
    try:
        made.ready()
        yield made
    finally:
        if made.process.poll() is None:
            made.kill()


def titip(*words, config=None):
    command = [*TITIP, *words, *(("--config", str(config)) if config else ())]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def readiness(server):
    try:
        with urllib.request.urlopen(f"{server.url}/readyz?verbose") as answer:  # noqa: S310
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def post(server, body):
    request = urllib.request.Request(  # noqa: S310
        f"{server.url}/files/",
        data=body,
        headers={
            "Tus-Resumable": "1.0.0",
            "Upload-Length": str(len(body)),
            "Content-Type": "application/offset+octet-stream",
        },
    )
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_a_failed_disk_is_told_everywhere_and_mended_by_a_restart(server, disk, tmp_path):
    kept = post(server, b"kept")

    disk.strike("sync", name="/spool/", times=1)
    refused = [post(server, b"lost"), post(server, b"and not taken for well again")]
    status, told = readiness(server)
    screen = titip("status", config=server.config).stdout
    server.stop()
    server.start()
    server.ready()
    after = titip("status", config=server.config).stdout

    assert (kept, refused, status) == (201, [503, 503], 503)
    assert "mend or replace the disk, restart Titip" in told["advice"][0]
    assert "The storage failed, nothing is taken in until a restart" in screen
    assert "spool.broken" in server.log.read_text()
    assert "The storage failed" not in after
    assert post(server, b"taken in again") == 201


def test_a_full_disk_is_told_and_taken_in_again_without_a_hand(server, disk, tmp_path):
    disk.strike("write", name="/spool/", error=errno.ENOSPC)
    refused = post(server, b"too much")
    disk.heal()

    assert refused == 507
    assert post(server, b"taken in again") == 201


def test_a_start_on_a_failing_disk_says_one_sentence(server, disk):
    server.stop()
    disk.strike("write", "sync", name="/data/")

    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "serve", "--config", str(server.config)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 1
    assert "kernel's log" in done.stderr
    assert "Traceback" not in done.stderr

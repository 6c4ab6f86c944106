"""`titip serve`, `gateway`, `sync`, `push` and the stand-ins as their own processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from contextlib import contextmanager

import pytest

from cli.demo.processes import TITIP, Program
from tests.cli_world import Desk
from tests.waiting import wait_for

pytestmark = pytest.mark.e2e

WITHIN = 30
LISTEN = '[gateway]\nlisten = "127.0.0.1:0"\n'


@contextmanager
def running(*words, log):
    """Run `titip ...` until the block ends."""
    program = Program.titip(*words, log=log)
    try:
        yield program
    finally:
        program.kill()


def ended(program, number=signal.SIGTERM):
    program.process.send_signal(number)
    return program.process.wait(WITHIN)


def titip(*words, **variables):
    return subprocess.run(
        [*TITIP, *words],
        capture_output=True,
        text=True,
        timeout=WITHIN,
        check=False,
        env={**os.environ, **variables},
    )


@pytest.fixture
def desk(tmp_path):
    return Desk.at(tmp_path, LISTEN)


def test_the_first_start_makes_one_operators_token_and_shows_it_once(desk, tmp_path):
    log = tmp_path / "log"

    with running("serve", "-c", str(desk.file), log=log) as first:
        token = first.line(r"^  (titip_\S+)$")[1]
        first.url()
        code = ended(first)
    with running("serve", "-c", str(desk.file), log=log) as second:
        line = second.line("").string
        ended(second, signal.SIGINT)

    tokens = desk.read("token", "list")["tokens"]
    assert code == 0
    assert [(one["role"], one["id"]) for one in tokens] == [("operator", token.split("_")[1])]
    assert line.startswith("Titip takes files in at ")
    assert token not in log.read_text("utf-8")


def test_without_tokens_none_is_made(tmp_path):
    desk = Desk.at(tmp_path, f'{LISTEN}auth = "none"\n')

    with running("gateway", "-c", str(desk.file), log=tmp_path / "log") as process:
        line = process.line("").string
        ended(process)

    assert line.startswith("Titip takes files in at ")
    assert desk.read("token", "list") == {"tokens": []}


def test_logs_are_json_one_event_a_line(desk, tmp_path):
    log = tmp_path / "log"

    with running("serve", "-c", str(desk.file), "--log-json", log=log) as process:
        process.url()
        ended(process)

    events = [json.loads(line)["event"] for line in log.read_text("utf-8").splitlines()]
    assert "gateway.listening" in events
    assert events[-1] == "titip.stopped"


def test_a_second_gateway_on_the_same_folder_is_refused(desk, tmp_path):
    with running("gateway", "-c", str(desk.file), log=tmp_path / "log") as process:
        process.url()
        second = titip("gateway", "-c", str(desk.file))
        ended(process)

    assert second.returncode == 1
    assert "Another gateway already runs" in second.stderr
    assert "Traceback" not in second.stderr


def test_an_address_in_use_is_told(desk, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    with running("gateway", "-c", str(desk.file), log=tmp_path / "log") as process:
        address = process.url().removeprefix("http://")
        other = Desk.at(elsewhere, f'[gateway]\nlisten = "{address}"\n')
        second = titip("serve", "-c", str(other.file))
        ended(process)

    assert second.returncode == 1
    assert "in use" in second.stderr.lower()
    assert "Traceback" not in second.stderr


def test_gateway_and_sync_may_be_two_processes(desk, tmp_path):
    log = tmp_path / "log"
    (tmp_path / "one.txt").write_text("one", "utf-8")

    with running("gateway", "-c", str(desk.file), log=log) as gateway:
        address = gateway.url()
        token = titip("token", "create", "--submitter", "p", "-c", str(desk.file)).stdout.strip()
        pushed = titip(
            *("push", str(tmp_path / "one.txt"), "--to", address, "--json"),
            *("--state", str(tmp_path / "pushed.db")),
            TITIP_TOKEN=token,
        )
        upload = json.loads(pushed.stdout)["files"][0]["upload"]
        before = desk.read("status")
        assert desk.run("resync", upload, "--to", "mirror").exit_code == 0
        with running("sync", "-c", str(desk.file), log=log) as sync:
            wait_for(lambda: desk.read("status")["sync_runs"])
            wait_for(
                lambda: desk.read("deliveries", "--to", "mirror", "--state", "delivered")[
                    "deliveries"
                ]
            )
            assert ended(sync) == 0
        assert ended(gateway) == 0

    assert pushed.returncode == 0
    assert (before["gateway_runs"], before["sync_runs"]) == (True, False)
    passages = desk.read("receipt", upload)["deliveries"]
    assert [one["state"] for one in passages] == ["delivered", "queued"]


def test_a_push_takes_its_token_from_a_file_and_repeats_nothing(desk, tmp_path):
    (tmp_path / "one.txt").write_text("one", "utf-8")
    desk.run("token", "create", "--submitter", "p")
    (tmp_path / "token").write_text(desk.run("token", "create", "--submitter", "p").stdout, "utf-8")
    words = (str(tmp_path / "one.txt"), "--state", str(tmp_path / "pushed.db"), "--json")

    with running("serve", "-c", str(desk.file), log=tmp_path / "log") as process:
        address = process.url()
        to = ("--to", address, "--token-file", str(tmp_path / "token"))
        first, second = titip("push", *words, *to), titip("push", *words, *to)
        refused = titip("push", *words, "--to", address, "--token", "titip_0_0", "--again")
        ended(process)

    assert first.returncode == second.returncode == 0
    assert json.loads(second.stdout)["counts"]["already_proven"] == 1
    assert refused.returncode == 1
    assert "token was refused" in refused.stderr


def test_a_token_file_that_is_not_there_is_told(tmp_path):
    found = titip("push", "x", "--to", "http://127.0.0.1:9", "--token-file", str(tmp_path / "no"))

    assert found.returncode == 2
    assert "check --token-file" in found.stderr


def test_an_address_that_is_none_is_told():
    found = titip("push", "x", "--to", "ftp://h")

    assert found.returncode == 2
    assert "must begin with https:// or http://" in found.stderr


def test_the_standin_registry_can_be_switched_from_the_command_line(tmp_path):
    with running("standin", "registry", "--json", log=tmp_path / "log") as process:
        url = process.url()
        switched = titip("standin", "mode", url, "slow", "seconds=0.5")
        wrong = titip("standin", "mode", url, "slow", "speed=1")
        stats = titip("standin", "stats", url)
        entries = titip("standin", "entries", url)
        code = ended(process)

    assert code == 0
    assert json.loads(switched.stdout)["seconds"] == 0.5
    assert wrong.returncode == 1
    assert "no such parameter here" in wrong.stderr
    assert json.loads(stats.stdout)["mode"] == "slow"
    assert json.loads(entries.stdout) == []


def test_the_standin_drive_says_what_to_write_into_the_settings(tmp_path):
    credentials = tmp_path / "drive.json"

    with running(
        *("standin", "drive", "--flip-byte", "--credentials", str(credentials)),
        log=tmp_path / "log",
    ) as process:
        url = process.line(r"Listening at (\S+)")[1]
        endpoint = process.line(r'endpoint = "(\S+)"')[1]
        faults = json.loads(titip("standin", "fault", url, "none").stdout)
        ended(process)

    assert endpoint == f"{url}/"
    assert credentials.stat().st_mode & 0o077 == 0
    assert faults == {"faults": []}


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("registry", "--mode", "sunny"), "choose one of"),
        (("registry", "--dedupe", "--conflict"), "Choose one of --dedupe and --conflict"),
        (("mode", "http://127.0.0.1:9", "down", "x"), "write KEY=VALUE"),
    ],
)
def test_mistakes_with_the_standins_are_told(words, reason):
    found = titip("standin", *words)

    assert found.returncode == 2
    assert reason in found.stderr


def test_a_standin_that_is_not_there_is_told():
    found = titip("standin", "stats", "http://127.0.0.1:9")

    assert found.returncode == 1
    assert "No stand-in answers at http://127.0.0.1:9" in found.stderr

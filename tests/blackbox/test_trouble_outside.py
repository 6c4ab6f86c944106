"""Whatever a destination answers or is set to, files are taken in, and a stop is a stop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from functools import partial

import pytest

from tests.blackbox.hostile_server import CUT, HANG, Say, hostile_server
from tests.blackbox.program import titip
from tests.waiting import wait_for

pytestmark = pytest.mark.e2e

STOP_WITHIN = 10.0
LONG_AGO = "Mon, 99999999999999999999 Jan 2026 0:0:0 GMT"
ILL = Say(503, {"error": "maintenance"})


def registry_settings(url, **more):
    lines = ['[registry]\nkind = "http"', f'url = "{url}/intake"']
    return "\n".join([*lines, *(f'{key} = "{value}"' for key, value in more.items())]) + "\n"


def stopped(served):
    """Stop it, and give its code and how long that took."""
    begun = time.monotonic()
    code = served.stop(within=60)
    return code, time.monotonic() - begun


def takes_files_in(served):
    assert served.alive, served.logged[-3000:]
    assert served.hand_in(b"another scan")
    assert served.status("/readyz") == 200


def is_refused(served):
    """Tell whether it was refused at its start with a sentence, not a traceback."""
    served.start(ready=False)
    wait_for(lambda: not served.alive or served.is_ready(), within=30)
    if served.alive:
        return False
    assert served.process.returncode == 2, served.logged[-3000:]
    assert "Traceback" not in served.logged
    return True


def asked_for_health(served, registry, times=2):
    """Wait until the open circuit was probed some times, or the log tells what that showed."""

    def probed():
        assert served.alive, served.logged[-3000:]
        known = ("probe.failed", "circuit.half_open")
        return registry.count("GET") >= times or any(one in served.logged for one in known)

    wait_for(probed, within=20)


def ill_or(health):
    return lambda asked: health if asked.method == "GET" else ILL


@pytest.mark.parametrize("status", [200, 503])
def test_an_absurd_retry_after_of_a_health_address_ends_no_gateway(tmp_path, status):
    with hostile_server(ill_or(Say(status, headers={"Retry-After": LONG_AGO}))) as registry:
        settings = registry_settings(registry.url, health=f"{registry.url}/health")
        with titip(tmp_path, settings) as served:
            served.hand_in(b"a scan")
            asked_for_health(served, registry)
            takes_files_in(served)
            assert stopped(served)[0] == 0
            served.start()
            takes_files_in(served)


HEALTH_ANSWERS = (
    Say(500, b"\xff\xfe\xfa", headers={"Content-Type": "application/json"}),
    Say(raw=b"\x00\x01\x02 nonsense\r\n\r\n"),
    Say(raw=b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n"),
    Say(raw=b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n"),
    Say(raw=b"HTTP/1.1 999999 OK\r\n\r\n"),
    Say(raw=b"HTTP/1.1 503 \xff\r\nRetry-After: \xb2\r\n\r\n"),
    Say(302, headers={"Location": "http://[::1"}),
    CUT,
)


def test_no_answer_of_a_health_address_ends_the_gateway(tmp_path):
    answers = list(HEALTH_ANSWERS)
    script = partial(_next_answer, answers)
    with hostile_server(script) as registry:
        settings = registry_settings(registry.url, health=f"{registry.url}/health")
        with titip(tmp_path, settings) as served:
            served.hand_in(b"a scan")
            asked_for_health(served, registry, times=len(HEALTH_ANSWERS) + 1)
            takes_files_in(served)


def _next_answer(answers, asked):
    if asked.method == "GET":
        return answers.pop(0) if answers else ILL
    return ILL


HEALTH_ADDRESSES = {
    "an empty label": "http://registry..example/health",
    "a label of 70 letters": f"http://{'a' * 70}.example/health",
    "a user beside a bearer": "http://monitor:pw@127.0.0.1:9/health",
    "a port beyond all": "http://127.0.0.1:99999/health",
}


@pytest.mark.parametrize("name", HEALTH_ADDRESSES)
def test_no_health_address_ends_the_gateway(tmp_path, name):
    with hostile_server(lambda asked: ILL) as registry:
        address = HEALTH_ADDRESSES[name]
        settings = registry_settings(registry.url, health=address, bearer="secret")
        with titip(tmp_path, settings, start=False) as served:
            if is_refused(served):
                return
            served.hand_in(b"a scan")
            wait_for(lambda: "circuit.open" in served.logged or not served.alive, within=20)
            served.run("probe", "registry", check=False)
            wait_for(lambda: "destination.probed" in served.logged or not served.alive, within=20)
            takes_files_in(served)
            assert stopped(served)[0] == 0
            assert "monitor" not in served.logged
            assert "pw@" not in served.logged


def test_half_an_emoji_as_a_reference_is_not_sent_again_for_ever(tmp_path):
    answer = Say(201, b'{"id": "SILON-\\ud83d"}', headers={"Content-Type": "application/json"})
    with (
        hostile_server(lambda asked: answer) as registry,
        titip(tmp_path, registry_settings(registry.url)) as served,
    ):
        delivery = served.until(served.hand_in(b"a scan"), "delivered", "verify", "parked")

        assert delivery["state"] != "delivered" or delivery["locator"].startswith("SILON-")
        assert registry.count("POST") == 1


def test_a_black_hole_as_a_health_address_holds_up_no_stop(tmp_path):
    with hostile_server(ill_or(HANG)) as registry:
        settings = registry_settings(registry.url, health=f"{registry.url}/health")
        with titip(tmp_path, settings) as served:
            served.hand_in(b"a scan")
            wait_for(lambda: registry.count("GET"), within=20)
            takes_files_in(served)

            code, seconds = stopped(served)

            assert (code, seconds < STOP_WITHIN) == (0, True)
            served.start()
            takes_files_in(served)


def test_a_registry_that_never_answers_holds_up_no_stop(tmp_path):
    with (
        hostile_server(lambda asked: HANG) as registry,
        titip(tmp_path, registry_settings(registry.url)) as served,
    ):
        served.hand_in(b"a scan")
        wait_for(lambda: registry.count("POST"), within=20)

        code, seconds = stopped(served)

        assert (code, seconds < STOP_WITHIN) == (0, True)


def test_a_mirror_s_disk_that_hangs_holds_up_no_stop(tmp_path):
    """A pipe that nobody reads, in the place of a copy's temporary file, hangs as a mount does."""
    mirror = tmp_path / "mirror"
    settings = f'[mirror]\nwhen = "always"\nafter = "3s"\npath = "{mirror}"\n'
    with titip(tmp_path, settings, TITIP__MIRROR__WHEN="stalled") as served:
        upload = served.hand_in(b"a scan")
        folder = mirror / "everyone"
        folder.mkdir(parents=True, exist_ok=True)
        for ending in (".jpg", ""):
            os.mkfifo(folder / f".{upload}{ending}.1.part")
        served.until(upload, "active", to="mirror", within=20)
        takes_files_in(served)

        code, seconds = stopped(served)

        assert (code, seconds < STOP_WITHIN) == (0, True)
        for pipe in folder.glob(".*"):
            pipe.unlink(missing_ok=True)
        served.start()
        served.until(upload, "delivered", to="mirror", within=30)


def test_a_second_signal_while_it_stops_changes_nothing(tmp_path):
    with (
        hostile_server(lambda asked: HANG) as registry,
        titip(tmp_path, registry_settings(registry.url)) as served,
    ):
        served.hand_in(b"a scan")
        wait_for(lambda: registry.count("POST"), within=20)
        process = served.process
        begun = time.monotonic()
        for number in (signal.SIGTERM, signal.SIGINT) * 10:
            process.send_signal(number)
            time.sleep(0.02)
        process.wait(60)

        assert process.returncode == 0
        assert time.monotonic() - begun < STOP_WITHIN


@contextmanager
def hanging_disk(place):
    """Mount a disk that hangs; skip where this machine mounts none."""
    place.mkdir()
    if not os.access("/dev/fuse", os.W_OK):
        print("skipped: there is no /dev/fuse to mount a disk that hangs")  # noqa: T201 - seen with -s
        pytest.skip("there is no /dev/fuse to mount a disk that hangs")
    mounting = subprocess.Popen([sys.executable, "-m", "tests.blackbox.hanging_disk", str(place)])
    try:
        wait_for(lambda: mounting.poll() is not None or os.path.ismount(place))
        if mounting.poll() is not None:
            pytest.skip("this machine mounts no FUSE disk")
        yield mounting
    finally:
        mounting.kill()
        mounting.wait()
        subprocess.run(["umount", "-l", str(place)], check=False, capture_output=True)  # noqa: S607


def test_a_disk_that_keeps_its_callers_in_the_kernel_holds_up_neither_intake_nor_a_start(tmp_path):
    with hanging_disk(tmp_path / "disk") as mounted:
        settings = f'[mirror]\nwhen = "always"\npath = "{tmp_path}/disk/copies"\n'
        with titip(tmp_path, settings) as served:
            upload = served.hand_in(b"a scan")
            served.run("probe", "registry", check=False)
            takes_files_in(served)
            first, begun = served.process, time.monotonic()

            first.terminate()
            wait_for(lambda: "titip.stopped" in served.logged, within=STOP_WITHIN)
            wait_for(lambda: served.status("/livez") == 0, within=STOP_WITHIN)
            served.start()

            assert time.monotonic() - begun < 2 * STOP_WITHIN
            takes_files_in(served)
            assert served.status(f"/files/{upload}") == 200
            mounted.kill()
            assert first.wait(STOP_WITHIN) == 0
            assert served.stop(within=STOP_WITHIN) == 0


@pytest.mark.parametrize("look_up", ["", 'lookup = "URL/look/{upload_id}"\n'], ids=["", "look-up"])
def test_what_may_be_at_one_registry_is_not_looked_for_at_another(tmp_path, look_up):
    def settings(url):
        return registry_settings(url) + look_up.replace("URL", url)

    def lost(asked):
        return CUT if asked.method == "POST" else Say(504)

    with (
        hostile_server(lost) as old,
        hostile_server(lambda asked: Say(404), host="127.0.0.2") as new,
        titip(tmp_path, settings(old.url)) as served,
    ):
        upload = served.hand_in(b"a scan")
        served.until(upload, "verify", "parked")
        served.stop()
        written = served.config.read_text("utf-8").replace(old.url, new.url)
        served.config.write_text(written, "utf-8")
        served.start()
        found = served.until(upload, "parked")

        assert "127.0.0.1" in found["reason"] or not look_up
        assert not new.count("POST")
        assert "127.0.0.1" in served.run("history", upload).stdout

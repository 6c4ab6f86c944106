"""SIGTERM at any moment, beside destinations that hang, fail and answer: nothing is lost.

`TITIP_HYPOTHESIS=nightly` stops ten times as often.
"""

from __future__ import annotations

import os
import random
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from tests.blackbox.hostile_server import CUT, HANG, Say, hostile_server
from tests.blackbox.program import titip
from tests.nightly import NIGHTLY
from tests.waiting import wait_for

pytestmark = pytest.mark.e2e

POINTS = 200 if NIGHTLY else 20
TRACKS = 4
WITHIN = 10.0
BUSIEST = 0.6
"""Seconds of work after which a stop comes at the latest."""

STUCK = 0.25
"""Share of the stops beside a registry that hangs: each takes as long as an answer may."""

SETTINGS = """
[registry]
kind = "http"
url = "{url}/intake"
health = "{url}/health"
[mirror]
when = "stalled"
after = "100ms"
path = "{mirror}"
"""


USUAL = [Say(201, {"id": "SILON-1"})] * 6
ODD = [Say(503), CUT, Say(500, b"\xff"), Say(200, "<html>Login"), Say(404)]


class Moods:
    """A script that fails and answers as its generator says, and hangs while it is `stuck`."""

    def __init__(self, seed):
        self._rng = random.Random(seed)
        self._lock = threading.Lock()
        self.stuck = False

    def __call__(self, _asked):
        with self._lock:
            return self._rng.choice([*USUAL, *ODD, *[HANG] * 4 * self.stuck])


class Sender:
    """Hands small files in, one after the other, and remembers what was acknowledged."""

    def __init__(self, served, kept):
        self._served = served
        self._kept = kept
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._send, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join(30)

    def _send(self):
        while not self._over.is_set():
            data = os.urandom(300)
            with suppress(OSError):
                self._kept[self._served.hand_in(data)] = data
            self._over.wait(0.005)


@pytest.mark.timeout(400 if POINTS == 20 else 3600)
def test_a_stop_at_any_moment_is_in_time_and_loses_nothing(tmp_path):
    with ThreadPoolExecutor(TRACKS) as pool:
        stops = pool.map(lambda seed: track(tmp_path / str(seed), seed), range(TRACKS))
        longest = max(max(one) for one in stops)

    print(f"{POINTS} stops; the longest took {longest:.1f} s")  # noqa: T201 - a figure to keep


def track(root, seed):
    """Stop one data folder again and again; give how long each stop took."""
    root.mkdir()
    rng = random.Random(seed)
    kept: dict[str, bytes] = {}
    moods = Moods(seed)
    with hostile_server(moods) as registry:
        settings = SETTINGS.format(url=registry.url, mirror=root / "mirror")
        with titip(root, settings, start=False) as served:
            stops = []
            for _ in range(POINTS // TRACKS):
                moods.stuck = rng.random() < STUCK
                stops.append(one_stop(served, kept, rng))
            served.start()
            lost = [upload for upload, data in kept.items() if brought(served, upload) != data]
            assert served.stop(within=WITHIN) == 0

    assert not lost, f"seed {seed}: lost {lost}"
    assert "Traceback" not in served.logged
    return stops


def one_stop(served, kept, rng):
    """Start it, stop it at a moment of its work, and give how long the stop took."""
    served.start(ready=False)
    wait_for(lambda: not served.alive or served.status("/livez") == 200, within=60)
    assert served.alive, served.logged[-3000:]
    with Sender(served, kept):
        time.sleep(rng.uniform(0, BUSIEST))  # the moment is what the seed chooses
        begun = time.monotonic()
        code = served.stop(within=60)
        seconds = time.monotonic() - begun
    assert (code, seconds < WITHIN) == (0, True), f"{seconds:.1f} s\n{served.logged[-3000:]}"
    return seconds


def brought(served, upload):
    """Give the bytes of an upload that was acknowledged."""
    with urllib.request.urlopen(f"{served.url}/files/{upload}", timeout=30) as answer:  # noqa: S310
        return answer.read()

"""Whoever reads the log may stand still: files are taken in, and what was lost is told."""

from __future__ import annotations

import http.client
import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from tests.blackbox.program import titip
from tests.waiting import wait_for

pytestmark = pytest.mark.e2e

STOP_WITHIN = 5.0
FILES = 400
"""Their lines are several times what a pipe holds."""
ACTS = 12_000
"""Their lines are more than a pipe and the queue hold."""


class Reader:
    """Whoever reads the log: stands still until told to go on."""

    def __init__(self, fd):
        self._fd = fd
        self._read = bytearray()
        self._thread = threading.Thread(target=self._go_on, daemon=True)

    @property
    def lines(self):
        """Give what was read, line by line."""
        return bytes(self._read).decode().splitlines()

    def go_on(self):
        self._thread.start()

    def end(self):
        """Wait until the log is over."""
        self._thread.join(30)
        assert not self._thread.is_alive()

    def _go_on(self):
        while piece := os.read(self._fd, 1 << 16):
            self._read += piece


@contextmanager
def served_into_a_pipe(root):
    """Serve with both streams in one pipe, and give it and its reader."""
    reading, writing = os.pipe()
    with titip(root, '[mirror]\nwhen = "never"\n', start=False) as served:
        served.start(into=writing)
        os.close(writing)
        yield served, Reader(reading)
    os.close(reading)


def stopped(served):
    begun = time.monotonic()
    code = served.stop(within=60)
    return code, time.monotonic() - begun < STOP_WITHIN


def act(served, times):
    """Have the operators' lever pulled so often: each time is a line of the log."""
    line = http.client.HTTPConnection(urlsplit(served.url).netloc, timeout=30)
    for _ in range(times):
        line.request("POST", "/api/resync", json.dumps({"parked": True}))
        assert line.getresponse().read()
    line.close()


def counted_by_metric(served):
    line = http.client.HTTPConnection(urlsplit(served.url).netloc, timeout=30)
    line.request("GET", "/metrics")
    page = line.getresponse().read().decode()
    line.close()
    (found,) = [one for one in page.splitlines() if one.startswith("titip_log_lines_dropped_total")]
    return int(float(found.split()[1]))


def test_a_reader_that_never_reads_stops_neither_intake_nor_the_end(tmp_path):
    with served_into_a_pipe(tmp_path) as (served, reader):
        with ThreadPoolExecutor(8) as pool:
            kept = set(pool.map(lambda number: served.hand_in(b"%d" % number), range(FILES)))
        ready = served.is_ready()
        ended = stopped(served)
        reader.go_on()
        reader.end()

    assert (len(kept), ready, ended) == (FILES, True, (0, True))
    assert len("\n".join(reader.lines)) > 60_000, "the pipe was never full"


def test_a_reader_that_goes_on_is_told_how_much_it_missed(tmp_path):
    with served_into_a_pipe(tmp_path) as (served, reader):
        act(served, ACTS)
        dropped = counted_by_metric(served)
        reader.go_on()
        wait_for(lambda: any('"log.dropped"' in one for one in reader.lines))
        act(served, 10)
        assert stopped(served) == (0, True)
        reader.end()

    events = [json.loads(one) for one in reader.lines if one.startswith("{")]
    told = [one["count"] for one in events if one["event"] == "log.dropped"]
    acts = sum(one["event"] == "deliveries.requeued" for one in events)
    assert sum(told) == dropped > 0
    assert acts + dropped == ACTS + 10
    assert events[-1]["event"] == "titip.stopped"


def test_a_reader_that_went_away_stops_nothing(tmp_path):
    reading, writing = os.pipe()
    with titip(tmp_path, start=False) as served:
        served.start(into=writing)
        os.close(writing)
        os.close(reading)

        assert served.hand_in(b"a scan")
        assert stopped(served) == (0, True)

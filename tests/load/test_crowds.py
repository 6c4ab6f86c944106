"""A crowd that means no good, before the real server: the others are served all the same."""

import resource
from contextlib import suppress

import pytest

from tests.load.connections import crowd, eventually, half_sent, status_of, wants_descriptors

MIB = 1 << 20

pytestmark = pytest.mark.e2e

LIVE = b"GET /livez HTTP/1.1\r\nHost: titip\r\n\r\n"


def test_ten_thousand_idle_connections_and_slow_uploads_leave_room_for_a_fresh_one(tmp_path):
    wants_descriptors(12_000)
    with crowd(tmp_path) as people:
        asking = [people.dial(LIVE) for _ in range(5_000)]
        assert {status_of(sock) for sock in asking} == {200}
        for _ in range(5_000):
            people.dial()
        for _ in range(200):
            people.dial(half_sent(50 * MIB, 2 * MIB))
        eventually(lambda: people.metric("titip_connections ") >= 10_200)

        seconds = people.fresh_upload(MIB)

        assert people.memory() < 600 * MIB
        assert seconds < 1


def test_three_thousand_half_open_uploads_cost_bounded_memory(tmp_path):
    wants_descriptors(7_000)
    with crowd(tmp_path) as people:
        for _ in range(3_000):
            people.dial(half_sent(MIB, 128 << 10))
        eventually(lambda: people.metric("titip_requests_in_flight ") >= 3_000)

        seconds = people.fresh_upload(MIB)

        assert people.memory() < 600 * MIB
        assert seconds < 1


def test_a_server_out_of_descriptors_recovers_without_a_restart(tmp_path):
    with crowd(tmp_path) as people:
        pid = people.server.process.pid
        _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (48, hard))
        for _ in range(100):
            with suppress(OSError):
                people.dial(LIVE)
        answers = []
        for sock in people.sockets:
            sock.settimeout(0.01)
            with suppress(TimeoutError):
                answers.append(status_of(sock))
        assert answers.count(200) < 100

        people.leave()

        eventually(lambda: _served(people))
        assert people.server.process.poll() is None


def _served(people):
    with suppress(OSError, AssertionError):
        people.fresh_upload(1024)
        return True
    return False

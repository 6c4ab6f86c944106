"""A crowd of raw connections to a `titip serve` that runs as a process of its own."""

from __future__ import annotations

import json
import resource
import socket
import time
import urllib.request
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import pytest

from bench.process import memory_of
from tests.e2e.outage import Server
from tests.ports import free_port
from tests.waiting import wait_for

CONFIG = """
[gateway]
listen = "127.0.0.1:{port}"
auth = "none"
{gateway}
[storage]
path = "{data}"
reserve = "1MiB"
[mirror]
when = "never"
"""

TUS = b"Host: titip\r\nTus-Resumable: 1.0.0\r\n"
BYTES = b"Content-Type: application/offset+octet-stream\r\n"


def wants_descriptors(number):
    """Raise this process's limit on open files; skip where that cannot be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < number:
        pytest.skip(f"needs {number:,} open files; the hard limit here is {hard:,} (ulimit -Hn)")
    if soft != resource.RLIM_INFINITY and soft < number:
        resource.setrlimit(resource.RLIMIT_NOFILE, (number, hard))


@dataclass
class Crowd:
    """A server and whoever bothers it."""

    server: Server
    port: int
    sockets: list[socket.socket] = field(default_factory=list)

    def dial(self, first=b""):
        sock = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        self.sockets.append(sock)
        if first:
            sock.sendall(first)
        return sock

    def leave(self):
        for sock in self.sockets:
            sock.close()
        self.sockets.clear()

    def fresh_upload(self, size):
        """Hand a file in as anybody would; give the seconds that it took."""
        begun = time.monotonic()
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as sock:
            head = b"POST /files/ HTTP/1.1\r\nUpload-Length: %d\r\nContent-Length: %d\r\n"
            sock.sendall(head % (size, size) + TUS + BYTES + b"\r\n" + bytes(size))
            assert status_of(sock) == 201
        return time.monotonic() - begun

    def status(self):
        return json.loads(self._get("/api/status"))

    def metric(self, name):
        lines = self._get("/metrics").decode().splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))

    def memory(self):
        """Give the resident size now, in bytes."""
        return memory_of(self.server.process.pid, "VmRSS")

    def _get(self, path):
        with urllib.request.urlopen(self.server.url + path, timeout=20) as answer:  # noqa: S310
            return answer.read()


@contextmanager
def crowd(root, gateway=""):
    """Run a server as long as the block lasts."""
    port = free_port()
    config = root / "titip.toml"
    config.write_text(CONFIG.format(port=port, data=root / "data", gateway=gateway))
    server = Server(config, f"http://127.0.0.1:{port}", root / "server.log")
    server.start()
    people = Crowd(server, port)
    with ExitStack() as ending:
        ending.callback(server.kill)
        ending.callback(people.leave)
        server.ready()
        yield people


def status_of(sock):
    """Read an answer's status, None where the connection was closed instead."""
    try:
        first = sock.recv(4096)
    except ConnectionError:
        return None
    return int(first.split()[1]) if first else None


def half_sent(size, sent):
    """Give the head of a creation with its body, and the beginning of that body."""
    head = b"POST /files/ HTTP/1.1\r\nUpload-Length: %d\r\nContent-Length: %d\r\n" % (size, size)
    return head + TUS + BYTES + b"\r\n" + bytes(sent)


def eventually(fact, *, within=20.0):
    """Wait until a fact of another process holds; give the seconds that it took."""
    begun = time.monotonic()
    wait_for(fact, within=within)
    return time.monotonic() - begun

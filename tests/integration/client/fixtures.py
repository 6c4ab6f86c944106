"""What the tests of `client.push` share: a gateway, a folder to write in, a push with ears."""

from __future__ import annotations

import hashlib
import os

import pytest

from client.chunk_sizer import ChunkLimits
from client.options import Patience, PushOptions
from client.push import push
from tests.integration.client.gateway import FakeGateway, running

KIB = 1 << 10
CHUNKS = ChunkLimits(start=64 * KIB, floor=16 * KIB, ceiling=256 * KIB)
PATIENCE = Patience(floor=0.002, ceiling=0.02, give_up_after=5, connect=2, silence=5)
OLD = 1_700_000_000


class Ears:
    """A face that only remembers."""

    def __init__(self):
        self.waits = []
        self.fates = []
        self.report = None
        self.on_wait = lambda: None

    def open(self, *, files, size):
        self.planned = (files, size)

    def start(self, item):
        pass

    def advance(self, item, at):
        pass

    def wait(self, item, reason, seconds):
        self.waits.append((reason, seconds))
        self.on_wait()

    def finish(self, outcome):
        self.fates.append(outcome.fate)

    def close(self, report):
        self.report = report


@pytest.fixture
def gateway():
    with running(FakeGateway()) as server:
        yield server


@pytest.fixture
def ears():
    return Ears()


@pytest.fixture
def hand_in(gateway, tmp_path, ears):
    def go(*paths, **options):
        told = {
            "server": gateway.url,
            "token": gateway.token,
            "state": tmp_path / "state" / "push.sqlite3",
            "chunks": CHUNKS,
            "patience": PATIENCE,
        }
        return push(paths, PushOptions(**(told | options)), face=ears)

    return go


def write(path, size, seed=b"x"):
    """Write a file that looks long settled; its bytes differ at every offset."""
    path.parent.mkdir(parents=True, exist_ok=True)
    blocks = (hashlib.sha256(seed + str(n).encode()).digest() for n in range(size // 32 + 1))
    path.write_bytes(b"".join(blocks)[:size])
    os.utime(path, (OLD, OLD))
    return path


def received(gateway):
    return {held.metadata["relativePath"]: bytes(held.content) for held in gateway.uploads.values()}

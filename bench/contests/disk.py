"""What this disk and this processor could do with no program in the way: the floor of every cost.

The same bytes are written and synced as Titip writes and syncs them, by threads that do nothing
else: a file's bytes, the name in its folder, and a log that several files share a sync of.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Final, Self

from bench.contests.small import FILES
from bench.contests.small import SIZE as SMALL
from bench.figures import Contest
from bench.turns import in_turn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MIB: Final = 1 << 20
BIG: Final = 512 * MIB
COMMIT: Final = 64 * MIB
"""Bytes between syncs of one long body, as the gateway has it."""

PAGE: Final = 4096
ROW_PAGES: Final = 4
"""Pages that a small file costs the log, about."""

PROBES: Final = 400


def contests(folder: Path, *, runs: int) -> Iterator[Contest]:
    """Probe the disk and the digest."""
    yield Contest(
        "The disk: one page written and synced, over and over",
        "syncs/s",
        in_turn({"one file": lambda: {"rate": _syncs(folder)}}, runs=runs),
    )
    names = {count: f"{count} at once" for count in FILES}
    yield Contest(
        "The disk: 20 KB files with the syncs that Titip makes, and nothing else",
        "files/s",
        in_turn(
            {
                names[count]: lambda count=count: {"rate": _files(folder, count)}  # type: ignore[misc]
                for count in FILES
            },
            runs=runs,
        ),
    )
    yield Contest(
        "The floor of a big file: written and synced, and one core's SHA-256",
        "MiB/s",
        in_turn(
            {
                "written, synced": lambda: {"rate": _big(folder)},
                "SHA-256": lambda: {"rate": _digest()},
            },
            runs=runs,
        ),
    )


def _syncs(root: Path) -> float:
    with _opened(f"{mkdtemp(dir=root)}/one") as fd:
        page = os.urandom(PAGE)
        begun = time.perf_counter()
        for index in range(PROBES):
            os.pwrite(fd, page, index * PAGE)
            os.fdatasync(fd)
        return PROBES / (time.perf_counter() - begun)


def _files(root: Path, at_once: int) -> float:
    """Write small files as the spool does, each waiting for the shared log before the next."""
    count = FILES[at_once] // at_once
    folder = mkdtemp(dir=root)  # left to the end: a file system that just deleted is slower
    with _Log(f"{folder}/log") as log:
        for shard in range(256):
            os.mkdir(f"{folder}/{shard:02x}")  # noqa: PTH102 - as fast as can be
        body = os.urandom(SMALL)

        def work(who: int) -> None:
            for index in range(count):
                shard = f"{folder}/{(index * 7 + who * 31) % 256:02x}"
                _keep(shard, f"{who}-{index}", body)
                log.synced()

        begun = time.perf_counter()
        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(work, range(at_once)))
        return at_once * count / (time.perf_counter() - begun)


def _keep(shard: str, name: str, body: bytes) -> None:
    with _opened(f"{shard}/{name}") as fd:
        os.pwrite(fd, body, 0)
        os.fdatasync(fd)
    folder = os.open(shard, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(folder)
    os.close(folder)


def _big(root: Path) -> float:
    block = os.urandom(MIB)
    path = f"{mkdtemp(dir=root)}/big"
    with _opened(path) as fd:
        begun = time.perf_counter()
        for offset in range(0, BIG, MIB):
            os.pwrite(fd, block, offset)
            if (offset + MIB) % COMMIT == 0:
                os.fdatasync(fd)
        os.ftruncate(fd, 0)
        return BIG / MIB / (time.perf_counter() - begun)


def _digest() -> float:
    block, digest = os.urandom(MIB), hashlib.sha256()
    begun = time.perf_counter()
    for _ in range(BIG // MIB):
        digest.update(block)
    return BIG / MIB / (time.perf_counter() - begun)


@contextmanager
def _opened(path: str) -> Iterator[int]:
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield fd
    finally:
        os.close(fd)


class _Log:
    """One growing file; whoever waits meanwhile shares the next sync."""

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._queue: SimpleQueue[threading.Event | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run)

    def synced(self) -> None:
        """Append a row and wait until it is on the disk."""
        done = threading.Event()
        self._queue.put(done)
        done.wait()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._queue.put(None)
        self._thread.join()
        os.close(self._fd)

    def _run(self) -> None:
        end, pages = 0, os.urandom(PAGE * ROW_PAGES)
        while (first := self._queue.get()) is not None:
            group = [first]
            try:
                while (more := self._queue.get_nowait()) is not None:
                    group.append(more)
            except Empty:
                pass
            for _ in group:
                end += os.pwrite(self._fd, pages, end)
            os.fdatasync(self._fd)
            for one in group:
                one.set()

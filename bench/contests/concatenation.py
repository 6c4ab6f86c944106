"""Parts of a big file joined: how long it takes, and how long others have to wait meanwhile."""

from __future__ import annotations

import base64
import os
import threading
import time
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Final

from bench.contests.small import SIZE as SMALL
from bench.figures import Contest
from bench.load import METADATA, waits
from bench.servers import MIB, Titip, gateway
from bench.turns import in_turn
from bench.wire import Blocking
from tests.disks.mounts import sharing_disk, why_not

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from bench.servers import Server

PARTS: Final = 20
SIZE: Final = 50 * MIB
DISK: Final = 8 << 30
"""Of the image that bytes are shared on, which takes no more than what is written."""

ALONE: Final = 1000
"""Small files handed in with nothing beside them."""

GLANCE: Final = 0.005


def contests(folder: Path, *, runs: int) -> Iterator[Contest]:
    """Join where this folder is, and on a disk that shares bytes where one can be mounted."""
    disks: list[tuple[str, AbstractContextManager[Path]]] = [("here", nullcontext(folder / "here"))]
    if not why_not("mkfs.xfs"):
        disks.append(("XFS on a loop device", sharing_disk(folder / "sharing", size=DISK)))
    for name, disk in disks:
        with disk as place, gateway("Titip", Titip(place / "titip")) as server:
            joining = _Joining(server)
            alone = partial(joining.small_files, enough=lambda count: count == ALONE)
            yield Contest(
                f"20 KB files over one connection, alone and beside a joining of 1000 MiB, {name}",
                "files/s",
                in_turn({"alone": alone, "beside": joining.beside}, runs=runs),
            )
            yield Contest(
                f"20 parts of 50 MiB joined, {name}",
                "MiB/s",
                in_turn({"to the seal": joining.joined}, runs=runs),
            )


class _Joining:
    """The parts at one server, handed in once, and joined again and again."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._plan = server.plan("post", size=SIZE)
        self._count = 0
        self._parts = tuple(self._part() for _ in range(PARTS))

    def joined(self) -> dict[str, float]:
        """Join with nothing beside it; `p50_ms` is until the answer, `seconds` until the seal."""
        with Blocking(self._server.port) as wire:
            begun = time.perf_counter()
            path = self._begin(wire)
            answered = time.perf_counter() - begun
            while not self._is_sealed(wire, path):
                time.sleep(GLANCE)
            took = time.perf_counter() - begun
        self._forget(path)
        return {"rate": PARTS * SIZE / MIB / took, "p50_ms": answered * 1000, "seconds": took}

    def beside(self) -> dict[str, float]:
        """Hand small files in as long as a joining takes."""
        sealed = threading.Event()
        with Blocking(self._server.port) as wire:
            path = self._begin(wire)
        watching = threading.Thread(target=self._watch, args=(path, sealed))
        watching.start()
        begun = time.perf_counter()
        figures = self.small_files(enough=lambda _: sealed.is_set())
        took = time.perf_counter() - begun
        watching.join()
        self._forget(path)
        return {**figures, "seconds": took}

    def small_files(self, *, enough: Callable[[int], bool]) -> dict[str, float]:
        """Hand small files in, one after the other, until it is enough."""
        plan = self._server.plan("post", size=SMALL)
        head, body = plan.creation(body=SMALL), os.urandom(SMALL)
        seconds: list[float] = []
        with Blocking(self._server.port) as wire:
            while not enough(len(seconds)):
                begun = time.perf_counter()
                wire.ask(head + body).must_be(201, offset=SMALL)
                seconds.append(time.perf_counter() - begun)
        return {"rate": len(seconds) / sum(seconds), **waits(seconds)}

    def _part(self) -> str:
        block = os.urandom(MIB)
        head = self._plan.creation(body=SIZE).replace(
            b"\r\n\r\n", b"\r\nUpload-Concat: partial\r\n\r\n", 1
        )
        with Blocking(self._server.port) as wire:
            made = wire.ask(head, block=block, length=SIZE).must_be(201, offset=SIZE)
        return made.location()

    def _begin(self, wire: Blocking) -> str:
        self._count += 1  # under other metadata it is another upload
        run = base64.b64encode(str(self._count).encode()).decode()
        named = f"Upload-Metadata: {METADATA},run {run}\r\n"
        told = f"Upload-Concat: final;{' '.join(self._parts)}\r\n{named}"
        return wire.ask(self._plan.head("POST", self._server.path, told)).must_be(201).location()

    def _watch(self, path: str, sealed: threading.Event) -> None:
        with Blocking(self._server.port) as wire:
            while not self._is_sealed(wire, path):
                time.sleep(GLANCE)
        sealed.set()

    def _is_sealed(self, wire: Blocking, path: str) -> bool:
        head = wire.ask(self._plan.head("HEAD", path, "")).must_be(200).head
        return b"\r\nupload-offset:" in head.lower()

    def _forget(self, path: str) -> None:
        """Give the room back: nobody asks for it again, and the disk has other things to keep."""
        name = path.rpartition("/")[2]
        os.truncate(self._server.folder / "spool" / name[:2] / name, 0)

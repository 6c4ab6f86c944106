"""`titip push` of a folder of small files, on a near and on a far line, beside stock tuspy.

The whole command is timed, from its start to its exit: for `titip push` that includes digesting
every file and a proof for each.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Final

from bench.contests.small import SIZE
from bench.figures import Contest
from bench.process import Measured, run
from bench.servers import HERE, Titip, gateway
from bench.turns import in_turn
from cli.demo.proxy import LOOPBACK
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from bench.servers import Server

FILES: Final = 1000
FAR: Final = 100
"""Milliseconds of a round trip on the far line: a mobile network in the provinces."""

LOOPED: Final = {0: 200, FAR: 20}
"""Files that stock tuspy gets, by round trip: enough for its rate, and over in this century."""


def contests(sources: Mapping[str, Path], folder: Path, *, runs: int) -> Iterator[Contest]:
    """Measure both lines."""
    papers = _papers(folder / "papers")
    with gateway("Titip", Titip(folder / "pushed-to")) as server:
        for milliseconds in (0, FAR):
            with _line(server, folder, milliseconds) as port:
                pushing = Pushing(papers, folder, server, port)
                contestants: dict[str, Callable[[], dict[str, float]]] = {
                    f"push from {name}": partial(pushing.push, source)
                    for name, source in sources.items()
                }
                looped = LOOPED[milliseconds]
                contestants[f"tuspy in a loop, {looped} files"] = partial(pushing.loop, looped)
                lines = in_turn(
                    contestants,
                    runs=min(runs, 1 if milliseconds else runs),
                    warm_up=not milliseconds,
                )
                name = f"{FILES} files of 20 KB through a line of {milliseconds} ms round trip"
                yield Contest(name, "files/s", lines)


@dataclass(frozen=True, slots=True)
class Pushing:
    """One folder, one gateway, one way there."""

    papers: Path
    folder: Path
    server: Server
    port: int

    def push(self, source: Path) -> dict[str, float]:
        """Hand the folder in with `titip push`, which has never seen it before."""
        titip = Titip(self.folder, source)
        state = self.folder / f"state-{next(_NUMBERS)}"
        words = ("push", str(self.papers), "--to", f"http://{LOOPBACK}:{self.port}")
        token = {"TITIP_TOKEN": self._token}
        argv = titip.argv(*words, "--quiet", "--state", str(state))
        return _timed(argv, FILES, token)

    def loop(self, files: int) -> dict[str, float]:
        """Hand some of the folder in with stock tuspy."""
        argv = [sys.executable, "-m", "bench.tuspy_loop", str(self.port), self._token]
        return _timed([*argv, str(self.papers), str(files)], files, {})

    @property
    def _token(self) -> str:
        return self.server.headers["Authorization"].removeprefix("Bearer ")


_NUMBERS = count()


def _timed(argv: Sequence[str], files: int, variables: Mapping[str, str]) -> dict[str, float]:
    begun = time.perf_counter()
    run(argv, " ".join(argv[2:4]), folder=HERE, **variables)
    took = time.perf_counter() - begun
    return {"rate": files / took, "seconds": took}


def _papers(folder: Path) -> Path:
    folder.mkdir()
    for number in range(FILES):
        (folder / f"form-{number:04}.pdf").write_bytes(os.urandom(SIZE))
    return folder


@contextmanager
def _line(server: Server, folder: Path, milliseconds: int) -> Iterator[int]:
    if not milliseconds:
        yield server.port
        return
    port = free_port()
    words = (str(server.port), str(port), str(milliseconds))
    argv = [sys.executable, "-m", "bench.delay", *words]
    variables = {"PYTHONPATH": str(HERE)}
    with Measured(argv, name="delay", folder=folder, variables=variables) as proxy:
        proxy.wait_for_port(port)
        yield port

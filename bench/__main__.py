"""`python -m bench`: measure, print a table for each contest, and leave nothing behind."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from rich.console import Console

from bench.contests import big, concatenation, deliveries, disk, push, small
from bench.peers import peers
from bench.report import tell
from bench.servers import HERE, Titip, gateway
from cli.demo.processes import without_variables
from cli.errors import CliError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.figures import Contest
    from bench.servers import Server

PARTS: Final = ("disk", "small", "big", "joining", "deliveries", "push")
MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a file system of memory, where a sync costs nothing
WIDTH: Final = 120
IN_MEMORY: Final = "data in a file system of memory: the same work, and syncs that cost nothing"
ROOM: Final = 4 << 30
"""Bytes of memory that must be free there to measure in it."""


def main() -> None:
    """Read the options and measure."""
    options = _options()
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    results: list[Contest] = []
    try:
        with (
            without_variables("TITIP"),
            TemporaryDirectory(prefix="titip-bench-", dir=options.folder) as folder,
        ):
            for contest in _contests(options, Path(folder)):
                results.append(contest)
                tell(contest, console)
    except CliError as error:
        sys.exit(f"bench: {error}")
    if not options.peers:
        print("Titip alone. With other tus servers beside it: make bench PEERS=1")
    if options.json:
        shown = [contest.as_json() for contest in results]
        options.json.write_text(json.dumps(shown, indent=1) + "\n", "utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="counted runs of each (3)")
    parser.add_argument(
        "--only", action="append", choices=PARTS, help="this part alone; may be given again"
    )
    parser.add_argument(
        "--peers", action="store_true", help="beside other tus servers; fetches them once"
    )
    parser.add_argument(
        "--beside",
        type=Path,
        metavar="DIR",
        help="beside another source tree of Titip: before and after a change, in one run",
    )
    parser.add_argument(
        "--folder",
        type=Path,
        help="measure the disk that this folder is on; else the temporary one",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run there")
    return parser.parse_args()


def _contests(options: argparse.Namespace, folder: Path) -> Iterator[Contest]:
    parts: Sequence[str] = options.only or PARTS
    if "disk" in parts:
        yield from disk.contests(folder, runs=options.runs)
    with ExitStack() as stack:
        if "small" in parts or "big" in parts:
            servers = _servers(options, folder, stack)
            if "small" in parts:
                yield from small.contests(servers, runs=options.runs)
            if "big" in parts:
                yield from big.contests(servers, runs=options.runs)
    if "joining" in parts:
        yield from concatenation.contests(folder, runs=options.runs)
    sources = {"Titip": HERE, **_beside(options)}
    if "deliveries" in parts:
        yield from deliveries.contests(sources, folder, runs=options.runs)
    if "push" in parts:
        yield from push.contests(sources, folder, runs=options.runs)


def _servers(options: argparse.Namespace, folder: Path, stack: ExitStack) -> list[Server]:
    servers = [stack.enter_context(gateway("Titip", Titip(folder / "titip")))]
    for name, source in _beside(options).items():
        titip = Titip(folder / "beside", source)
        servers.append(stack.enter_context(gateway(name, titip)))
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM:
        memory = stack.enter_context(TemporaryDirectory(prefix="titip-bench-", dir=MEMORY))
        titip = Titip(Path(memory) / "titip")
        servers.append(stack.enter_context(gateway("Titip in memory", titip, note=IN_MEMORY)))
    if options.peers:
        servers += [
            stack.enter_context(peer.running(folder / f"peer-{index}"))
            for index, peer in enumerate(peers())
        ]
    return servers


def _beside(options: argparse.Namespace) -> dict[str, Path]:
    return {} if options.beside is None else {"Titip beside": options.beside.resolve()}


if __name__ == "__main__":
    main()

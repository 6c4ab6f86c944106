"""`titip demo`: the whole story on this machine alone, judged against the bytes."""

import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Final

import typer

from cli.errors import USAGE_ERROR, CliError
from cli.options import examples

_ENDINGS: Final = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]
"""Signals that end the story; Windows has no SIGHUP."""


def add_commands(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog=examples(
            "titip demo                        40 files of every kind",
            "titip demo ~/scans                your own files; they are only read",
            "titip demo --flip-byte            a Drive that spoils a byte and lies: the judge sees",
            "titip demo --keep /tmp/titip      and look at everything afterwards",
        )
    )(demo)


def demo(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PATH", help="Files and folders to hand in, instead of made-up ones."
        ),
    ] = None,
    *,
    files: Annotated[int, typer.Option(min=1, metavar="N", help="How many to make up.")] = 40,
    flip_byte: Annotated[
        bool,
        typer.Option(
            "--flip-byte",
            help="Break the mirror on purpose: the stand-in Drive flips one byte of a file and "
            "lies about its checksum. The demo must fail and name the file.",
        ),
    ] = False,
    keep: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Work in this new folder, and leave it there."),
    ] = None,
) -> None:
    """Play an outage, from the stall to the last receipt.

    A stand-in registry stalls; files are handed in through the real client, over a line that is
    cut, to a server that is killed; they are mirrored to a stand-in Drive and, when the registry
    recovers, delivered. Then every copy is compared with its source, byte by byte.

    All of it stays on this machine. Exit code 0 only if every promise was kept.
    """
    from cli.demo.files import make_files
    from cli.demo.narrator import Narrator
    from cli.demo.processes import without_variables
    from cli.demo.scenario import DemoOptions, next_steps, play

    with _ended_by_signals(), without_variables("TITIP"), _work_folder(keep) as folder:
        voice = Narrator()
        if not paths:
            make_files(folder / "handed in", count=files)
            paths = [folder / "handed in"]
        try:
            code = play(DemoOptions(paths, folder, flip_byte=flip_byte), voice)
        except CliError as complaint:
            hint = "Its logs: titip demo --keep DIR, then DIR/*.log."
            raise CliError(*complaint.lines, hint, code=complaint.code) from complaint
        voice.plain("", *next_steps(folder, kept=keep is not None))
    raise typer.Exit(code)


@contextmanager
def _work_folder(keep: Path | None) -> Iterator[Path]:
    """Give an empty folder, which goes away at the end unless it is to be kept."""
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="titip-demo-", ignore_cleanup_errors=True) as name:
            yield Path(name)
        return
    try:
        keep.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_empty = next(keep.iterdir(), None) is None
    except OSError as error:
        raise CliError(f"{keep} cannot be used ({error.strerror}).", code=USAGE_ERROR) from error
    if not is_empty:
        raise CliError(f"{keep} is not empty: name a new folder after --keep.", code=USAGE_ERROR)
    yield keep.absolute()


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the demo as Ctrl-C does; a second signal disturbs no cleaning up.

    The handlers are functions, never SIG_IGN: that would pass on to the programs it starts.
    """
    heard: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        del frame
        heard.append(number)
        if len(heard) == 1:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in _ENDINGS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

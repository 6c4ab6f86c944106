"""`titip backup|restore`: a second place for everything that is kept, and the way back."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli.errors import CliError
from cli.options import (
    AsJson,
    Commands,
    ConfigFile,
    examples,
    settings_of,
    settings_with_journal,
)
from cli.output import console, say_json, warn
from titip.text import amount, count

if TYPE_CHECKING:
    from storage.backup.backup import Report
    from storage.backup.cut import Tell
    from storage.backup.restore import Restored
    from titip.upload import UploadId

SHOWN: Final = 20
"""Ids named on the screen; --json names all."""


def backup(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where to: a folder of its own, on another disk.")
    ],
    *,
    verify: Annotated[
        bool, typer.Option("--verify", help="Digest every sealed file in the backup once more.")
    ] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Back everything up, with the server up or down.

    Journal, files and tokens as of one moment. Run it again with the same DIR: only what is new
    is brought. The backup before stays good until the new one is complete. What was freed here is
    removed there.
    """
    from storage.backup.backup import back_up

    root = settings_with_journal(config).storage.path
    with _progress() as tell:
        report = back_up(root, folder, verify=verify, tell=tell)
    if as_json:
        say_json(_backup_json(report))
    else:
        _tell_backup(report, folder)
    if _same_disk(root, folder):
        warn("It is on the same disk as the data: it helps against mistakes, not if the disk dies.")
    _complain("The backup is complete, but", report.work.missing, report.work.damaged)


def restore(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What titip backup made.")],
    *,
    into: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Where to; storage.path of the settings if not given."),
    ] = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="Compare sizes only, not every sealed file's digest.")
    ] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Make a data folder out of a backup; into an empty or missing folder only.

    What was still owed when the backup was made may have been delivered since: it is looked up at
    its destination before anything is sent, and waits for you where that cannot be asked.
    """
    from config.wiring.destinations import answer_within
    from storage.backup.restore import restore as restore_folder

    settings = settings_of(config)
    root, settle = into or settings.storage.path, answer_within(settings)
    with _progress() as tell:
        restored = restore_folder(folder, root, fast=fast, tell=tell, settle=settle)
    if as_json:
        say_json(_restored_json(restored, root))
    else:
        _tell_restored(restored, root)
    _complain("Everything else is restored, but", restored.missing, restored.damaged)


COMMANDS: Final[Commands] = {
    backup: examples(
        "titip backup /mnt/other-disk/titip-backup",
        "titip backup /mnt/other-disk/titip-backup --verify     and digest every file in it",
    ),
    restore: examples(
        "titip restore /mnt/other-disk/titip-backup",
        "titip restore /mnt/other-disk/titip-backup --into /srv/titip-drill",
    ),
}


def _tell_backup(report: "Report", folder: Path) -> None:
    made, work = report.manifest, report.work
    new = sum(work.ways.values())
    typer.echo(
        f"Backed up to {folder}, as of {made.made_at}: {count(made.files, 'file')} "
        f"({amount(made.bytes)}); {new:,} new ({amount(work.bytes)}), {work.kept:,} there "
        f"already, {report.removed:,} removed."
    )
    if made.gone:
        typer.echo(f"{count(made.gone, 'upload')} ended meanwhile and left no bytes: noted so.")


def _tell_restored(restored: "Restored", root: Path) -> None:
    files = sum(restored.ways.values())
    typer.echo(
        f"Restored into {root}, as of {restored.manifest.made_at}: {count(files, 'file')} "
        f"({amount(restored.bytes)})."
    )
    if restored.owed:
        typer.echo(
            f"{count(restored.owed, 'delivery', 'deliveries')} still owed then: each is looked up "
            "at its destination before anything is sent, once the former server must be silent."
        )
    typer.echo(
        "Not here: what was handed in since. Tokens revoked since work again: titip token list."
    )


def _backup_json(report: "Report") -> dict[str, Any]:
    made, work = report.manifest, report.work
    return {
        "made_at": made.made_at,
        "schema": made.schema,
        "uploads": made.uploads,
        "sealed": made.sealed,
        "files": made.files,
        "bytes": made.bytes,
        "gone": made.gone,
        "new": sum(work.ways.values()),
        "new_bytes": work.bytes,
        "there_already": work.kept,
        "removed": report.removed,
        "ways": dict(work.ways),
        "missing": work.missing,
        "damaged": work.damaged,
    }


def _restored_json(restored: "Restored", root: Path) -> dict[str, Any]:
    return {
        "into": str(root),
        "made_at": restored.manifest.made_at,
        "files": sum(restored.ways.values()),
        "bytes": restored.bytes,
        "owed": restored.owed,
        "ways": dict(restored.ways),
        "missing": restored.missing,
        "damaged": restored.damaged,
    }


def _complain(begin: str, missing: "list[UploadId]", damaged: "list[UploadId]") -> None:
    """End with a complaint where bytes that the journal promises are not there, or wrong."""
    lines = [
        f"{begin} {count(len(found), 'file')} of it {what}: {', '.join(found[:SHOWN])}"
        f"{' …' if len(found) > SHOWN else ''}."
        for found, what in ((missing, "cannot be found"), (damaged, "is not as it was sealed"))
        if found
    ]
    if lines:
        raise CliError(
            *lines,
            "Look at the disk. titip repair puts back what the mirror has; anything else its "
            "submitter must hand in again.",
        )


def _same_disk(one: Path, other: Path) -> bool:
    return one.stat().st_dev == other.stat().st_dev


@contextmanager
def _progress() -> Iterator["Tell"]:
    """Show how far it is, where somebody watches."""
    screen = console(error=True)
    if not screen.is_terminal:
        yield lambda _stage, _done, _total: None
        return
    from rich.progress import Progress, TaskID

    with Progress(console=screen, transient=True) as bars:
        stages: dict[str, TaskID] = {}

        def tell(stage: str, done: int, total: int) -> None:
            if stage not in stages:
                stages[stage] = bars.add_task(stage)
            bars.update(stages[stage], completed=done, total=total)

        yield tell

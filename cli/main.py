"""The command line `titip`: all commands in one place, and every error as one clear sentence."""

# From the first line on, Ctrl-C shall end it without a traceback.
try:
    from cli.interrupts import INTERRUPTED, hear_interrupts, leave_at_once
except KeyboardInterrupt:
    raise SystemExit(130) from None

if __name__ == "__main__":
    from cli.streams import open_missing_streams

    leave_at_once()
    open_missing_streams()

import sys
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from cli.commands import (
    backup,
    check,
    demo,
    hold,
    operate,
    push,
    scrub,
    serve,
    show,
    standin,
    token,
)
from cli.errors import FAILED, CliError
from cli.options import examples
from cli.output import sentence, warn

_COMMANDS: Final = (
    serve.COMMANDS
    | push.COMMANDS
    | show.COMMANDS
    | operate.COMMANDS
    | hold.COMMANDS
    | backup.COMMANDS
    | scrub.COMMANDS
    | check.COMMANDS
)

_FORESEEN: Final = (
    ("client.errors", "PushError"),
    ("standin.remote_control", "StandinTrouble"),
    ("storage.data_folder", "UnfitFolder"),
    ("storage.backup.manifest", "UnfitBackup"),
    ("storage.journal.migrate", "UnfitJournal"),
    ("storage.journal.snapshot", "UnsoundJournal"),
    ("storage.files.process_lock", "AlreadyRunning"),
    ("titip.errors", "TitipError"),
)
"""Where the errors live that are told as sentences."""


class ErrorHandlingGroup(TyperGroup):
    """Lets a command fail with a sentence and an exit code instead of a traceback."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - Typer's versions name it differently
        """Run the command; what went wrong on purpose is told on standard error."""
        hear_interrupts()
        try:
            return super().invoke(ctx)
        except CliError as complaint:
            warn(*complaint.lines)
            raise typer.Exit(complaint.code) from complaint
        except KeyboardInterrupt as interrupt:
            raise typer.Exit(INTERRUPTED) from interrupt
        except (typer.Exit, typer.Abort):
            raise
        except _foreseen() as error:
            warn(_told(error))
            raise typer.Exit(FAILED) from error


app = typer.Typer(
    name="titip",
    cls=ErrorHandlingGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=examples(
        "titip demo                               the whole story, on this machine alone",
        "titip serve                              take files in, with the defaults",
        "titip push folder/ --to URL              hand files in",
        "titip status                             how things stand",
        "",
        "titip COMMAND --help tells the rest.",
    ),
)


def _tell_version(wanted: bool) -> None:
    if wanted:
        from config.version import VERSION

        typer.echo(f"titip {VERSION}")
        raise typer.Exit


@app.callback()
def titip(
    *,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_tell_version, is_eager=True, help="Tell the version."),
    ] = False,
) -> None:
    """Take files in while a registry stalls, keep them safe, and pass them on."""


for command, epilog in _COMMANDS.items():
    app.command(epilog=epilog)(command)
demo.add_commands(app)
app.add_typer(token.tokens, name="token", help="Make, list and revoke tokens: who may come in.")
app.add_typer(
    standin.standins,
    name="standin",
    help="Run a registry that stalls, or a Drive, to try things out.",
)


def main() -> None:
    """Run `titip`."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    app()


def _foreseen() -> tuple[type[Exception], ...]:
    """Name the errors that are told as sentences.

    One whose module is not loaded was not raised; loading it now could fail where only `push` runs.
    """
    loaded = [(sys.modules.get(place), name) for place, name in _FORESEEN]
    return OSError, *(getattr(module, name) for module, name in loaded if module)


def _told(error: Exception) -> str:
    if not isinstance(error, OSError):
        return sentence(error)
    where = f" ({error.filename})" if error.filename else ""
    return sentence(f"{error.strerror or error}{where}")


if __name__ == "__main__":
    main()

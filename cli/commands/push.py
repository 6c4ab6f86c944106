"""`titip push`: hand files and folders in."""

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from cli.errors import USAGE_ERROR, CliError
from cli.interrupts import hear_interrupts, leave_at_once
from cli.options import AsJson, Commands, examples
from cli.output import say_json, sentence
from titip.text import decoded


def push(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="Files and folders.")],
    *,
    to: Annotated[
        str, typer.Option(metavar="URL", envvar="TITIP_TO", help="The gateway's address.")
    ],
    token: Annotated[
        str,
        typer.Option(
            metavar="T",
            envvar="TITIP_TOKEN",
            show_default=False,
            help="Better in the variable or a file: others on this machine can read a command.",
        ),
    ] = "",
    token_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A file that holds the token alone.")
    ] = None,
    parallel: Annotated[int, typer.Option(metavar="N", help="Files at once.")] = 4,
    give_up_after: Annotated[
        float,
        typer.Option(metavar="SECONDS", help="Without any progress for so long; 0 means never."),
    ] = 900.0,
    state: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where to remember what was sent and proven."),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Hand in anew what is already proven.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Lines instead of bars.")] = False,
    as_json: AsJson = False,
) -> None:
    """Hand files in, and say which of them are proven.

    Bad lines, restarts and Ctrl-C are no trouble: run the same command again and it goes on where
    it was. A file is proven when the gateway has sealed it with the very digest computed here;
    the exit code is 0 only if that is true of every file.

    Proxies are taken from HTTP_PROXY, HTTPS_PROXY and NO_PROXY, private authorities from
    REQUESTS_CA_BUNDLE, SSL_CERT_FILE or SSL_CERT_DIR.
    """
    leave_at_once()
    from client.errors import BadOptions
    from client.options import Patience, PushOptions
    from client.progress.bars import face_for
    from client.push import push as push_all

    hear_interrupts()
    try:
        options = PushOptions(
            server=to,
            token=_token(token, token_file),
            parallel=parallel,
            state=state,
            again=again,
            patience=Patience(give_up_after=give_up_after),
        )
        report = push_all(paths, options, face=face_for(sys.stderr, quiet=quiet))
    except BadOptions as mistake:
        raise CliError(sentence(mistake), code=USAGE_ERROR) from mistake
    if as_json:
        say_json(report.as_json())
    raise typer.Exit(report.exit_code)


COMMANDS: Final[Commands] = {
    push: examples(
        "titip push scans/ --to https://titip.example.org --token-file lo.token",
        "TITIP_TOKEN=titip_... titip push form.pdf --to https://titip.example.org",
        "titip push scans/ --to URL --token-file lo.token --json > proof.json",
    ),
}


def _token(given: str, file: Path | None) -> str:
    if file is None:
        return given.strip()
    try:
        token = decoded(file.read_bytes()).strip()
    except (OSError, UnicodeError) as error:
        told = getattr(error, "strerror", None) or "it is no text"
        raise CliError(
            f"The token file {file} cannot be read ({told}): check --token-file.", code=USAGE_ERROR
        ) from error
    if not token:
        raise CliError(
            f"The token file {file} is empty: write the token into it, on one line.",
            code=USAGE_ERROR,
        )
    return token

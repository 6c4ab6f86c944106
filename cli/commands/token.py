"""`titip token create|list|revoke`: who may come in."""

import asyncio
from typing import Annotated, Final

import typer

from cli.errors import USAGE_ERROR, CliError
from cli.options import AsJson, ConfigFile, examples, journal_of, settings_of
from cli.output import clock, console, iso, say_json, table, warn
from storage.clock import utc_now
from titip.access import Role, Token, split

LONGEST_NAME: Final = 200

tokens = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@tokens.command(
    "create",
    epilog=examples(
        'titip token create --role lo --submitter "Pair 1"',
        "titip token create --role operator",
        'TITIP_TOKEN="$(titip token create --submitter pair-1)" titip push scans/ --to URL',
    ),
)
def create(
    role: Annotated[
        Role, typer.Option(help="An LO sees the uploads of one submitter; an operator, all.")
    ] = Role.LO,
    submitter: Annotated[
        str,
        typer.Option(metavar="NAME", help="Whose uploads these are: a candidate pair, a bidder."),
    ] = "",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Make a token and print it, this once: only a digest of it is kept.

    Give every device a token of its own, so that a lost one is revoked alone. It works at once,
    with the server up or down.
    """
    from config.wiring.storage import open_journal

    name = _checked(submitter, role)
    with open_journal(settings_of(config)) as services:
        token, text = asyncio.run(services.tokens.issue(role, name, now=utc_now()))
    if as_json:
        say_json({**_as_json(token), "token": text})
        return
    typer.echo(text)
    whose = f"an LO of {name}" if role is Role.LO else "an operator"
    warn(f"The token of {whose}, shown this once. To revoke it: titip token revoke {token.id}")


@tokens.command("list", epilog=examples("titip token list --json"))
def list_tokens(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List all tokens, oldest first: never their secrets."""
    with journal_of(config) as services:
        found = asyncio.run(services.tokens.tokens())
    if as_json:
        say_json({"tokens": [_as_json(token) for token in found]})
        return
    rows = [
        (
            token.id,
            token.role.value,
            token.submitter,
            clock(token.created_at),
            "works" if token.live else f"revoked {clock(token.revoked_at)}",
        )
        for token in found
    ]
    console().print(table("id", "role", "submitter", "made", "now", rows=rows))


@tokens.command("revoke", epilog=examples("titip token revoke 3f9a12bc"))
def revoke(
    token_id: Annotated[str, typer.Argument(metavar="ID", help="As `titip token list` shows it.")],
    config: ConfigFile = None,
) -> None:
    """End a token; a running server refuses it within a second."""
    parts = split(token_id)  # a whole token is what people have at hand
    wanted = token_id if parts is None else parts[0]
    with journal_of(config) as services:
        ended = asyncio.run(services.tokens.revoke(wanted, now=utc_now()))
    if not ended:
        raise CliError("There is no token of that id: see titip token list.")
    typer.echo("Revoked.")


def _checked(submitter: str, role: Role) -> str:
    name = submitter.strip()
    if role is Role.LO and not name:
        raise CliError(
            "An LO's token needs the name of its submitter: add --submitter NAME.", code=USAGE_ERROR
        )
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise CliError(
            f"--submitter must be printable and at most {LONGEST_NAME} characters.",
            code=USAGE_ERROR,
        )
    return name


def _as_json(token: Token) -> dict[str, str | bool | None]:
    return {
        "id": token.id,
        "role": token.role.value,
        "submitter": token.submitter,
        "created_at": iso(token.created_at),
        "revoked_at": iso(token.revoked_at),
        "live": token.live,
    }

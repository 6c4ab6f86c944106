"""`titip hold`: nothing of a submitter is removed, for as long as somebody needs it kept."""

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cli.errors import USAGE_ERROR, CliError
from cli.options import AsJson, Commands, ConfigFile, examples, journal_of
from cli.output import clock, console, say_json, table, warn
from storage.clock import utc_now
from storage.journal.holds import all_holds, put_hold, release_hold
from titip.ports.operations import Query

if TYPE_CHECKING:
    from config.wiring.storage import JournalServices


def hold(
    submitter: Annotated[
        str, typer.Argument(metavar="SUBMITTER", help="Whose uploads, as its token names it.")
    ] = "",
    *,
    reason: Annotated[str, typer.Option(help="Why: shown to operators.")] = "",
    release: Annotated[
        bool, typer.Option("--release", help="End the hold: the usual rules apply again.")
    ] = False,
    everything: Annotated[bool, typer.Option("--list", help="List all holds.")] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Remove nothing of a submitter until it is released, whatever its age.

    Delivered files keep their bytes, unfinished uploads do not expire, and nobody withdraws one.
    Works at once, with the server up or down.
    """
    if everything == bool(submitter) or (release and not submitter):
        raise CliError("Say whose: name the submitter, or --list.", code=USAGE_ERROR)
    if not reason.isprintable():
        raise CliError("--reason must be one printable line.", code=USAGE_ERROR)
    with journal_of(config) as services:
        if release:
            _release(services, submitter)
        elif submitter:
            _put(services, submitter, reason)
        found = asyncio.run(services.journal.read(all_holds))
    if as_json:
        from cli.screens.tables import hold_json

        say_json({"holds": [hold_json(one) for one in found]})
    elif everything:
        rows = [(clock(one.since), one.submitter, one.reason) for one in found]
        console().print(table("since", "submitter", "reason", rows=rows))
    elif release:
        typer.echo(f"Released: the usual rules apply to {submitter} again.")
    else:
        end = f'titip hold "{submitter}" --release'
        typer.echo(f"Held: nothing of {submitter} is removed. To end it: {end}")


COMMANDS: Final[Commands] = {
    hold: examples(
        'titip hold "Pair 1" --reason "dispute 12/2025"',
        'titip hold "Pair 1" --release',
        "titip hold --list",
    ),
}


def _put(services: "JournalServices", submitter: str, reason: str) -> None:
    known = asyncio.run(services.records.uploads(Query(submitter=submitter, limit=1)))
    work = partial(put_hold, submitter=submitter, reason=reason, now=utc_now())
    asyncio.run(services.journal.write(work))
    if not known:
        warn(f"Nothing was handed in by {submitter} so far: is the name right? See titip uploads.")


def _release(services: "JournalServices", submitter: str) -> None:
    if not asyncio.run(services.journal.write(partial(release_hold, submitter=submitter))):
        raise CliError(f"{submitter} is not held: see titip hold --list.")

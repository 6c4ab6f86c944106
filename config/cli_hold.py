"""`titip hold`: nothing of a submitter is removed, for as long as somebody needs it kept."""

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from config.cli_errors import MISTAKEN, Complaint
from config.cli_options import AsJson, ConfigFile, examples, settings_with_journal
from config.cli_screen import clock, console, iso, say_json, table, warn

if TYPE_CHECKING:
    from config.settings import Settings
    from titip.overview import Hold


def add_commands(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog=examples(
            'titip hold "Pair 1" --reason "dispute 12/2025"',
            'titip hold "Pair 1" --release',
            "titip hold --list",
        )
    )(hold)


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
        raise Complaint("Say whose: name the submitter, or --list.", code=MISTAKEN)
    if not reason.isprintable():
        raise Complaint("--reason must be one printable line.", code=MISTAKEN)
    settings = settings_with_journal(config)
    if submitter and release:
        _release(settings, submitter)
    elif submitter:
        _put(settings, submitter, reason)
    if as_json:
        say_json({"holds": [hold_json(one) for one in _all(settings)]})
    elif everything:
        _print(_all(settings))
    elif release:
        typer.echo(f"Released: the usual rules apply to {submitter} again.")
    else:
        end = f'titip hold "{submitter}" --release'
        typer.echo(f"Held: nothing of {submitter} is removed. To end it: {end}")


def hold_json(one: "Hold") -> dict[str, str | None]:
    """Show a hold."""
    return {"submitter": one.submitter, "since": iso(one.since), "reason": one.reason}


def _put(settings: "Settings", submitter: str, reason: str) -> None:
    from config.wiring import opened_books
    from storage.clock import utc_now
    from storage.holds import put_hold
    from titip.overview import Query

    with opened_books(settings) as books:
        known = asyncio.run(books.records.uploads(Query(submitter=submitter, limit=1)))
        work = partial(put_hold, submitter=submitter, reason=reason, now=utc_now())
        asyncio.run(books.journal.write(work))
    if not known:
        warn(f"Nothing was handed in by {submitter} so far: is the name right? See titip uploads.")


def _release(settings: "Settings", submitter: str) -> None:
    from config.wiring import opened_books
    from storage.holds import release_hold

    with opened_books(settings) as books:
        held = asyncio.run(books.journal.write(partial(release_hold, submitter=submitter)))
    if not held:
        raise Complaint(f"{submitter} is not held: see titip hold --list.")


def _all(settings: "Settings") -> "list[Hold]":
    from config.wiring import opened_books
    from storage.holds import all_holds

    with opened_books(settings) as books:
        return asyncio.run(books.journal.read(all_holds))


def _print(found: "list[Hold]") -> None:
    rows = [(clock(one.since), one.submitter, one.reason) for one in found]
    console().print(table("since", "submitter", "reason", rows=rows))

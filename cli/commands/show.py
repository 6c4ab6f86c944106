"""`titip status|uploads|deliveries|receipt`: reading the journal, with the server up or down."""

import asyncio
from typing import Annotated, Final

import typer

from cli.errors import CliError
from cli.lookup import attempts_of, found_delivery, found_upload
from cli.options import (
    AsJson,
    Commands,
    ConfigFile,
    DestinationName,
    examples,
    journal_of,
    settings_with_journal,
)
from cli.output import say_json, warn
from titip.delivery import DeliveryState
from titip.json_views import delivery_json, receipt_json, upload_json
from titip.ports.operations import Query
from titip.receipt import receipt as receipt_of
from titip.upload import UploadState

Submitter = Annotated[str | None, typer.Option(metavar="NAME", help="Those of one submitter only.")]
Limit = Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")]
After = Annotated[
    str, typer.Option(metavar="ID", help="Go on below this id: the `next` of the page before.")
]


UploadArgument = Annotated[
    str, typer.Argument(metavar="ID", help="An upload; the beginning of its id will do.")
]


def status(
    config: ConfigFile = None,
    as_json: AsJson = False,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Stay, and look anew.")] = False,
) -> None:
    """Say on one screen how things stand, and what is to be done."""
    from cli.screens import tables

    settings = settings_with_journal(config)
    if as_json:
        say_json(tables.status_json(settings))
    elif watch:
        tables.watch(settings)
    else:
        tables.print_status(settings)


def uploads(
    *,
    submitter: Submitter = None,
    state: Annotated[
        list[UploadState] | None, typer.Option(help="In this state only; may be repeated.")
    ] = None,
    limit: Limit = 20,
    after: After = "",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List what was handed in, newest first.

    File names are shown here and in receipts only: they may be personal data.
    """
    from cli.screens.tables import print_uploads

    with journal_of(config) as services:
        below = found_upload(services, after).id if after else ""
        query = Query(submitter=submitter, states=state or (), after=below, limit=limit)
        found = asyncio.run(services.records.uploads(query))
    following = found[-1].id if len(found) == limit else None
    if as_json:
        say_json({"uploads": [upload_json(one) for one in found], "next": following})
    else:
        print_uploads(found)
        _tell_next(following)


def deliveries(
    *,
    to: Annotated[DestinationName | None, typer.Option(help="To this destination only.")] = None,
    state: Annotated[
        list[DeliveryState] | None, typer.Option(help="In this state only; may be repeated.")
    ] = None,
    parked: Annotated[bool, typer.Option("--parked", help="Those that need a person.")] = False,
    submitter: Submitter = None,
    limit: Limit = 20,
    after: After = "",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List what is owed to the destinations, newest first."""
    from cli.screens.tables import print_deliveries

    states = [*(state or ()), *([DeliveryState.PARKED] if parked else [])]
    with journal_of(config) as services:
        below = found_delivery(services, after).id if after else ""
        query = Query(submitter=submitter, states=states, destination=to, after=below, limit=limit)
        found = asyncio.run(services.records.deliveries(query))
    following = found[-1].id if len(found) == limit else None
    if as_json:
        shown = [delivery_json(one, for_operator=True) for one in found]
        say_json({"deliveries": shown, "next": following})
    else:
        print_deliveries(found)
        _tell_next(following)


def history(
    upload: UploadArgument,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Tell every attempt to pass an upload on.

    When each began, how it ended and why; the newest first.
    """
    from cli.screens.tables import print_deliveries, print_history

    with journal_of(config) as services:
        found = found_upload(services, upload)
        owed = asyncio.run(services.records.of_upload(found.id))
        tries = attempts_of(services, [one.id for one in owed])
    if as_json:
        shown = [
            {**delivery_json(one, for_operator=True), "history": tries.get(one.id, [])}
            for one in owed
        ]
        say_json({"upload": found.id, "deliveries": shown})
    else:
        print_deliveries(owed)
        print_history(tries)


def receipt(
    upload: UploadArgument,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Give the proof of an upload.

    What was handed in, by whom, when, with which digest, and where it went.
    """
    from cli.screens.tables import print_receipt

    with journal_of(config) as services:
        found = found_upload(services, upload)
        proof = receipt_of(found, asyncio.run(services.records.of_upload(found.id)))
    if proof is None:
        raise CliError(
            f"There is nothing to prove yet: the upload is {found.state}, with "
            f"{found.offset:,} of {_bytes(found.length)} kept."
        )
    if as_json:
        say_json(receipt_json(proof))
    else:
        print_receipt(proof)


COMMANDS: Final[Commands] = {
    status: examples("titip status", "titip status --watch", "titip status --json"),
    uploads: examples(
        "titip uploads --state open",
        'titip uploads --submitter "Pair 1" --limit 100',
        "titip uploads --json | jq -r '.uploads[].id'",
    ),
    deliveries: examples(
        "titip deliveries --parked                 those that need a person, and why",
        "titip deliveries --to mirror --state deferred",
        "titip history 3f9a12                      every attempt of one upload",
    ),
    history: examples("titip history 3f9a12"),
    receipt: examples("titip receipt 3f9a12", "titip receipt 3f9a12 --json > proof.json"),
}


def _tell_next(following: str | None) -> None:
    if following is not None:
        warn(f"There may be more: add --after {following}")


def _bytes(length: int | None) -> str:
    return "yet unknown bytes" if length is None else f"{length:,} bytes"

"""`titip resync|pause|resume|probe|delivered`: acting, with the server up or down."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cli.errors import USAGE_ERROR, CliError
from cli.lookup import found_delivery, found_upload
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
from storage.clock import utc_now
from titip.delivery import DESTINATIONS, Delivery, DeliveryState
from titip.errors import IllegalEvent, ReferenceTaken
from titip.json_views import delivery_json
from titip.ports.operations import Selection
from titip.text import count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from config.settings import Settings
    from config.wiring.storage import JournalServices

Where = Annotated[DestinationName, typer.Argument(metavar="DEST", help="registry or mirror.")]


def resync(
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="ID", help="Uploads or deliveries; beginnings of ids will do."),
    ] = None,
    *,
    parked: Annotated[bool, typer.Option("--parked", help="All that need a person.")] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="All that is owed: waiting and parked.")
    ] = False,
    moved: Annotated[
        bool,
        typer.Option("--moved", help="All sent to a former address: it is the same registry."),
    ] = False,
    to: Annotated[DestinationName | None, typer.Option(help="To this destination only.")] = None,
    not_there: Annotated[
        bool,
        typer.Option("--not-there", help="You looked up each ID: the destination has none."),
    ] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Send deliveries again, now, instead of at their next try.

    Nothing is delivered twice by this: what a destination has already is found there first. A
    mirror copy that is not needed, since the registry has the file, is sent when its id is named.
    Where an answer was lost and the registry cannot be asked, look there yourself: name the ids
    with --not-there and they are sent, or `titip delivered` and they are not. What was sent to an
    address that registry.url does not name any more goes with --moved, or when its id is named.
    """
    _refuse_unclear(bool(ids) + parked + everything + moved, not_there=not_there, named=bool(ids))
    settings = settings_with_journal(config)
    with journal_of(config) as services:
        selection = Selection(
            ids=[_whole_id(services, text) for text in ids or []],
            states=() if ids else frozenset({DeliveryState.PARKED} if parked or moved else _OWED),
            destination=None if to is None else to.value,
            confirmed_absent=not_there,
            moved=moved,
        )
        requeued = asyncio.run(services.operations.resync(selection, now=utc_now()))
        by_hand = asyncio.run(services.operations.by_hand(selection))
        if as_json:
            say_json({"requeued": requeued, **({"by_hand": by_hand} if by_hand else {})})
        elif requeued or not by_hand:
            verb = "is" if requeued == 1 else "are"
            typer.echo(f"{count(requeued, 'delivery', 'deliveries')} {verb} due now.")
        for text in _left(services, settings, selection, requeued=requeued):
            warn(text)
    if by_hand:
        _tell_by_hand(by_hand, alone=not requeued)
    if ids and not requeued:
        raise CliError(
            "None of them can be sent again: delivered ones stay, and one that is under way is "
            "left to its worker. See titip history ID."
        )


def pause(where: Where, config: ConfigFile = None) -> None:
    """Send nothing more to a destination.

    What is under way may end. Files are taken in all the same, and wait until it is resumed.
    """
    _set_paused(where, config, paused=True)
    typer.echo(f"The {where} is paused. To go on: titip resume {where}")


def resume(where: Where, config: ConfigFile = None) -> None:
    """Let a paused destination receive again."""
    from cli.screens.outlook import outlook

    _set_paused(where, config, paused=False)
    typer.echo(f"The {where} is paused no more.")
    settings = settings_with_journal(config)
    with journal_of(config) as services:
        for text in outlook(services, settings, [where.value]):
            warn(text)


def probe(where: Where, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Ask a destination whether it is healthy.

    The sync daemon asks too: if it is healthy and its circuit is open, one file goes at once
    instead of waiting.
    """
    healthy = asyncio.run(_probed(settings_with_journal(config), where))
    with journal_of(config) as services:
        asyncio.run(services.operations.ask_probe(where.value))
    if as_json:
        say_json({"destination": where.value, "healthy": healthy})
    match healthy:
        case True:
            warn(f"The {where} is healthy.")
        case False:
            raise CliError(f"The {where} is not healthy: titip check says more.")
        case None:
            warn(f"The {where} cannot be asked: a file that is due is tried after its rest.")


def delivered(
    which: Annotated[str, typer.Argument(metavar="ID", help="An upload, or its delivery.")],
    reference: Annotated[
        str, typer.Option(metavar="R", help="What the registry calls it: its number there.")
    ],
    shared: Annotated[
        bool, typer.Option("--shared", help="The registry has one reference for several files.")
    ] = False,
    config: ConfigFile = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Record that a file was entered by hand.

    For files that a person brought into the registry; the receipt then names its reference. Copies
    on the mirror are Titip's own: `titip resync ID.mirror` has one made.
    """
    name = reference.strip()
    if not name or not name.isprintable():
        raise CliError("--reference must be what the registry calls the file.", code=USAGE_ERROR)
    with journal_of(config) as services:
        found = found_delivery(services, which)
        try:
            after = asyncio.run(
                services.operations.delivered(found.id, name, now=utc_now(), shared=shared)
            )
        except IllegalEvent as error:
            raise CliError(_why_not(found)) from error
        except ReferenceTaken as error:
            raise CliError(f"{error} If the registry has one for both: --shared.") from error
    if as_json:
        say_json(delivery_json(after, for_operator=True))
    else:
        typer.echo(f"Recorded: {after.id} is delivered as {name}.")


COMMANDS: Final[Commands] = {
    resync: examples(
        "titip resync --parked                  after their cause was mended",
        "titip resync --all --to registry       do not wait for the next try",
        "titip resync 3f9a12 77b0c4             these two uploads",
        "titip resync --moved                   registry.url is a new name of the same registry",
    ),
    pause: examples("titip pause registry"),
    resume: examples("titip resume registry"),
    probe: examples("titip probe registry && titip resync --all --to registry"),
    delivered: examples("titip delivered 3f9a12 --reference SILON-000417"),
}


_OWED = {state for state in DeliveryState if state.owed and state is not DeliveryState.ACTIVE}


def _refuse_unclear(ways: int, *, not_there: bool, named: bool) -> None:
    if ways != 1:
        raise CliError(
            "Say which: name ids, or --parked, or --all, or --moved (one of them).",
            code=USAGE_ERROR,
        )
    if not_there and not named:
        raise CliError(
            "--not-there is for what you looked up one by one: name the ids.", code=USAGE_ERROR
        )


def _left(
    services: "JournalServices", settings: "Settings", selection: Selection, *, requeued: int
) -> "Iterator[str]":
    """Say what a re-sync leaves, and what keeps the rest from going at once."""
    from cli.screens.outlook import outlook

    if requeued and not selection.confirmed_absent:
        yield "What may be there already is looked up first, or waits where nobody can be asked."
    if requeued:
        names = [selection.destination] if selection.destination else DESTINATIONS
        yield from outlook(services, settings, names)
    totals = asyncio.run(services.records.totals())
    if left := sum(one.moved for one in totals.destinations):
        verb = "was" if left == 1 else "were"
        yield (
            f"{count(left, 'delivery', 'deliveries')} {verb} sent to a former address, and not "
            "sent again. titip deliveries --parked says which; if it is the same registry: titip "
            "resync --moved."
        )


def _whole_id(services: "JournalServices", text: str) -> str:
    if "." in text:
        return found_delivery(services, text).id
    return found_upload(services, text).id


def _tell_by_hand(waiting: int, *, alone: bool) -> None:
    """Say what cannot go for want of a registry; raises CliError when nothing else went."""
    verb = "waits" if waiting == 1 else "wait"
    text = (
        f"No registry is configured: {count(waiting, 'delivery', 'deliveries')} to it {verb} to be "
        "entered by hand. titip deliveries --to registry marks what may be there already; then "
        "titip delivered ID --reference R for each."
    )
    if alone:
        raise CliError(text)
    warn(text)


def _set_paused(where: DestinationName, config: Path | None, *, paused: bool) -> None:
    with journal_of(config) as services:
        asyncio.run(services.operations.pause(where.value, paused=paused))


async def _probed(settings: "Settings", where: DestinationName) -> bool | None:
    from config.wiring.destinations import mirror_of, registry_of
    from sync.containment import PROBE_WITHIN

    try:
        one = registry_of(settings) if where is DestinationName.REGISTRY else mirror_of(settings)
    except ValueError as error:
        raise CliError(
            f"The settings of the {where} cannot work: {error}", code=USAGE_ERROR
        ) from error
    if one is None:
        raise CliError(f"No {where} is configured, so there is nothing to ask.")
    try:
        async with asyncio.timeout(PROBE_WITHIN):
            return await one.probe()
    except Exception:  # noqa: BLE001 - whatever the trouble with it, it is not healthy
        return False
    finally:
        with suppress(Exception):
            await one.close()


def _why_not(found: Delivery) -> str:
    if found.destination != DestinationName.REGISTRY:
        return (
            "Only what a person brought into the registry can be recorded, not a copy on the "
            f"{found.destination}. To have that made: titip resync {found.id}"
        )
    if found.state is DeliveryState.DELIVERED:
        return f"It is delivered already, as {found.locator}."
    if found.state is DeliveryState.ACTIVE:
        return "It is under way just now: see titip history ID in a minute, then decide."
    return f"A delivery that is {found.state} cannot be recorded by hand."

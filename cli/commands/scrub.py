"""`titip scrub|repair`: reading sealed files again, and putting back what is damaged."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cli.errors import USAGE_ERROR, CliError
from cli.lookup import found_upload
from cli.options import AsJson, Commands, ConfigFile, examples, settings_with_journal
from cli.output import say_json, warn
from config.units import parse_size
from storage.clock import utc_now
from titip.ports.maintenance import Inspection
from titip.text import amount, count
from titip.upload import Upload, UploadState

if TYPE_CHECKING:
    from config.settings import Settings
    from config.wiring.repair import RepairResult
    from config.wiring.storage import JournalServices
    from storage.scrub import Scrub

Ids = Annotated[
    list[str] | None,
    typer.Argument(metavar="ID", help="Uploads; beginnings of ids will do."),
]


_ADVICE: Final[Mapping[str, Sequence[str]]] = {
    "later": ("Where the mirror could not be asked: run titip repair again when it is well.",),
    "left": (
        "For what is left there is no good copy. Put it back from a backup, then titip repair",
        "again; or ask its submitter to hand it in anew: titip push --again makes another one.",
    ),
}
"""What to do about each fate (`config.wiring.repair.Fate`) that is not a good one."""


def _rate(text: str) -> int:
    try:
        rate = parse_size(text)
    except ValueError as error:
        raise CliError(f"--rate: {error}.", code=USAGE_ERROR) from error
    if not isinstance(rate, int) or rate <= 0:
        raise CliError("--rate must be above 0 bytes a second.", code=USAGE_ERROR)
    return rate


def scrub(
    ids: Ids = None,
    *,
    rate: Annotated[str, typer.Option(metavar="SIZE", help="So much a second, at most.")] = "20MiB",
    everything: Annotated[
        bool, typer.Option("--all", help="All sealed files, however lately they were read.")
    ] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Read sealed files again and compare them with their digests.

    The server does this by itself, each file once in storage.scrub. What is damaged is never
    delivered; titip repair puts it back. The exit code is 1 when something is damaged.
    """
    from config.wiring.storage import open_journal, open_spool
    from storage.scrub import Scrub

    if ids and everything:
        raise CliError("Say which: name ids, or --all (one of them).", code=USAGE_ERROR)
    settings = settings_with_journal(config)
    with open_journal(settings) as services, open_spool(settings, services) as spool_services:
        named = [_sealed(services, text) for text in ids or []]
        scrubbing = Scrub(spool_services.spool, services.journal, rate=_rate(rate))
        try:
            since = None if named else _since(settings, everything=everything)
            found = asyncio.run(_read(scrubbing, named, since))
        finally:
            scrubbing.close()
    _tell_scrub(found, as_json=as_json)


def repair(
    ids: Ids = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All that is damaged.")] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Put damaged files back from the mirror, and send what waited for them.

    A copy is fetched, compared with the size and digest of the seal, and only then put in the
    place of the damaged file, which is kept in the quarantine folder. A file that is whole again
    by other means, such as a restored backup, is recognised.
    """
    from config.wiring.repair import workshop_of
    from config.wiring.storage import open_journal, open_spool
    from storage.journal.damage import damaged

    if bool(ids) == everything:
        raise CliError("Say which: name ids, or --all (one of them).", code=USAGE_ERROR)
    settings = settings_with_journal(config)
    with open_journal(settings) as services, open_spool(settings, services) as spool_services:
        named = [_sealed(services, text) for text in ids or []]
        chosen = named or asyncio.run(services.journal.read(damaged))

        async def mend() -> list["RepairResult"]:
            workshop = workshop_of(settings, services, spool_services)
            try:
                return [await workshop.mend(upload) for upload in chosen]
            finally:
                await workshop.source.close()

        try:
            mended = asyncio.run(mend())
        except ValueError as error:
            text = f"The settings of the mirror cannot work: {error}"
            raise CliError(text, code=USAGE_ERROR) from error
    _tell_repair(mended, as_json=as_json)
    fates = {one.fate for one in mended}
    advice = [line for fate, lines in _ADVICE.items() if fate in fates for line in lines]
    if advice:
        raise CliError(*advice)


COMMANDS: Final[Commands] = {
    scrub: examples(
        "titip scrub                     what storage.scrub says is due",
        "titip scrub --all               every sealed file",
        "titip scrub --rate 200MiB --all at night, with nobody about",
        "titip scrub 3f9a12              this one",
    ),
    repair: examples("titip repair --all", "titip repair 3f9a12", "titip repair --all --json"),
}


async def _read(scrubbing: "Scrub", named: list[Upload], since: datetime | None) -> Inspection:
    """Read what is named or, with a time, all that nobody read since then."""
    total = Inspection()
    while True:
        if since is None:
            found = await scrubbing.look_at(named)
        else:
            found = await scrubbing.inspect(unread_since=since)
        if not found.read:
            return total
        del named[: found.read]
        damaged = {**total.damaged, **found.damaged}
        total = Inspection(total.read + found.read, total.size + found.size, damaged)


def _since(settings: "Settings", *, everything: bool) -> datetime:
    every = settings.storage.scrub
    if not everything and not every:
        raise CliError('storage.scrub is "never": say --all, or name ids.', code=USAGE_ERROR)
    return utc_now() - (timedelta(0) if everything else every)


def _sealed(services: "JournalServices", text: str) -> Upload:
    upload = found_upload(services, text)
    if upload.state is not UploadState.SEALED:
        raise CliError(f"The upload {upload.id} is {upload.state}: only sealed ones have a digest.")
    if upload.freed_at is not None:
        raise CliError(f"The bytes of {upload.id} were delivered and are no longer kept.")
    return upload


def _tell_scrub(found: Inspection, *, as_json: bool) -> None:
    if as_json:
        damaged = [{"upload": one, "reason": how} for one, how in found.damaged.items()]
        say_json({"read": found.read, "bytes": found.size, "damaged": damaged})
    else:
        typer.echo(f"{count(found.read, 'file')} read ({amount(found.size)}).")
    if not found.damaged:
        warn("All that was read is as it was sealed.")
        return
    raise CliError(
        f"{count(len(found.damaged), 'file')} damaged; none of them will be delivered so:",
        *(f"  {one}: {how}" for one, how in found.damaged.items()),
        "To put back what the mirror has: titip repair --all",
    )


def _tell_repair(mended: Sequence["RepairResult"], *, as_json: bool) -> None:
    if as_json:
        shown = [
            {
                "upload": one.upload.id,
                "fate": one.fate.value,
                "requeued": one.requeued,
                "reason": one.reason,
            }
            for one in mended
        ]
        say_json({"uploads": shown})
        return
    if not mended:
        typer.echo("Nothing is damaged.")
    for one in mended:
        again = f"; {count(one.requeued, 'delivery', 'deliveries')} again" if one.requeued else ""
        typer.echo(f"{one.upload.id}: {one.fate}{f': {one.reason}' if one.reason else again}")

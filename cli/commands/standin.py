"""`titip standin ...`: the two systems nobody has on a laptop, and the switches of their faults."""

import asyncio
import json
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol, TypeVar

import typer

from cli.errors import USAGE_ERROR, CliError
from cli.options import AsJson, examples
from cli.output import say_json

if TYPE_CHECKING:
    from standin.registry.store import Repeat

standins = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Port = Annotated[int, typer.Option(min=0, max=65535, help="On loopback; 0 lets the system choose.")]
Folder = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Keep what it holds there; else it is gone at the end."),
]
Url = Annotated[str, typer.Argument(metavar="URL", help="As the stand-in said when it started.")]
Params = Annotated[
    list[str] | None,
    typer.Argument(metavar="KEY=VALUE", help="Its parameters: health_lies=true seconds=3"),
]


class Running(Protocol):
    """A stand-in that is being served."""

    url: str


R = TypeVar("R", bound=Running)


@standins.command(
    "registry",
    epilog=examples(
        "titip standin registry --port 9001",
        "titip standin registry --mode stalled",
        "titip standin mode http://127.0.0.1:9001 slow seconds=4",
    ),
)
def registry(
    *,
    port: Port = 0,
    mode: Annotated[str, typer.Option(help="What it begins with; see titip standin mode.")] = (
        "healthy"
    ),
    folder: Folder = None,
    dedupe: Annotated[
        bool, typer.Option("--dedupe", help="Replay the first answer to an Idempotency-Key.")
    ] = False,
    conflict: Annotated[
        bool, typer.Option("--conflict", help="Answer 409 to a key that it has already.")
    ] = False,
    bearer: Annotated[str, typer.Option(metavar="T", help="Ask for this token.")] = "",
    check_digest: Annotated[
        bool, typer.Option("--check-digest", help="Refuse bytes that their sha256 does not fit.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run a registry that takes files in over HTTP, and stalls on demand.

    It is naive unless told otherwise: what comes twice is stored twice, and counted.
    """
    from standin.faults import BadParams
    from standin.registry.modes import parse_mode
    from standin.registry.server import RegistryOptions, RunningRegistry, serve_registry

    try:
        options = RegistryOptions(
            folder=folder,
            repeat=_repeat(dedupe=dedupe, conflict=conflict),
            bearer=bearer,
            checks_digest=check_digest,
            mode=parse_mode({"mode": mode}),
        )
    except BadParams as error:
        raise CliError(f"--mode: {error}", code=USAGE_ERROR) from error

    def lines(running: RunningRegistry) -> list[str]:
        return [
            "[registry]",
            'kind = "http"',
            f'url = "{running.intake_url}"',
            f'lookup = "{running.lookup_url}"',
            'lookup_sha256 = "/sha256"',
            f'health = "{running.health_url}"',
        ]

    _run(serve_registry(options, listen=("127.0.0.1", port)), lines, as_json=as_json)


@standins.command(
    "drive",
    epilog=examples(
        "titip standin drive --port 9002 --credentials drive.json",
        "titip standin drive --flip-byte",
        "titip standin fault http://127.0.0.1:9002 rate_limit times=5",
    ),
)
def drive(
    *,
    port: Port = 0,
    folder: Folder = None,
    credentials: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write credentials for it there.")
    ] = None,
    shared_drive: Annotated[str, typer.Option(metavar="ID", help="Have this shared drive.")] = "",
    quota: Annotated[int, typer.Option(metavar="BYTES", help="0 means without limit.")] = 0,
    flip_byte: Annotated[
        bool,
        typer.Option(
            "--flip-byte", help="Spoil a byte of the next file, and lie about its digest."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run a Google Drive that is as strict as the real one, and goes wrong on demand."""
    from standin.drive.server import DriveOptions, RunningDrive, serve_drive, write_credentials

    options = DriveOptions(folder=folder, shared_drive=shared_drive, quota_bytes=quota)

    def lines(running: RunningDrive) -> list[str]:
        if flip_byte:
            running.set_fault("flip_byte", honest=False)
        if credentials is not None:
            write_credentials(credentials, drive_url=running.url)
        return [
            "[mirror]",
            'kind = "drive"',
            "[mirror.drive]",
            f'credentials = "{credentials or "FILE (see --credentials)"}"',
            f'endpoint = "{running.url}/"',
        ]

    _run(serve_drive(options, listen=("127.0.0.1", port)), lines, as_json=as_json)


@standins.command(
    "mode",
    epilog=examples(
        "titip standin mode URL stalled",
        "titip standin mode URL answer body=html times=3",
        'titip standin mode URL answer status=422 body=\'{"title": "No"}\' at=before_storing',
        'titip standin mode URL answer status=303 headers=\'{"Location": "http://127.0.0.2/"}\'',
        "titip standin mode URL answer on=lookup body=null_digest",
        "titip standin mode URL healthy",
    ),
)
def mode(
    url: Url, name: Annotated[str, typer.Argument(metavar="MODE")], params: Params = None
) -> None:
    """Switch the registry's mode at once, also for what is on its way.

    Modes: healthy, slow, stalled, down, bad_gateway, expired, throttled, lost_answer, capacity,
    read_stall, refusing, answer. A wrong parameter is answered with those there are.

    The mode "answer" is every answer that nobody should give. on: intake (default), lookup, list,
    health, or several with commas. at: before_body, mid_body (after_bytes=N), before_storing,
    after_storing (default). status: 100 to 599. headers: a JSON object. body: reply (the registry's
    own), html, empty, text, no_reference, failure, list, null, surrogate, float, huge (size=N),
    no_utf8, gzip_lie, br_lie, no_digest, null_digest, list_digest, wrong_digest, or any JSON or
    text. end: complete, hang, drip (seconds=N for each byte), cut, short. times, every: how often.
    """
    from standin.remote_control import set_mode

    say_json(set_mode(url, name, **_read(params)))


@standins.command(
    "fault",
    epilog=examples(
        "titip standin fault URL down",
        "titip standin fault URL answer on=list,about body=html",
        "titip standin fault URL answer on=chunk end=cut at=after_storing times=1",
        "titip standin fault URL none",
    ),
)
def fault(
    url: Url, name: Annotated[str, typer.Argument(metavar="FAULT")], params: Params = None
) -> None:
    """Switch a fault of the Drive on; "none" switches all off.

    Faults: unauthorized, rate_limit, server_error, short_ack, lost_last_answer, lost_start_answer,
    drop_midway, expired_session, missing_sha256, missing_checksums, flip_byte, storage_full, slow,
    down, list_lag, revoked, answer. The fault "answer" takes what the registry's mode of that name
    does (titip standin mode --help), and in on: token, about, generate_ids, create, get, download,
    list, update, delete, start, chunk, query; none named means all.
    """
    from standin.remote_control import set_fault

    say_json(set_fault(url, name, **_read(params)))


@standins.command("stats", epilog=examples("titip standin stats URL"))
def stats(url: Url) -> None:
    """Count what a stand-in received, and what came twice.

    duplicates: stored again under the same key; same_digest: the same bytes stored again, under
    whatever key; same_bodies (registry): the same bytes received again, stored or not.
    """
    from standin.remote_control import read_stats

    say_json(read_stats(url))


@standins.command("entries", epilog=examples("titip standin entries URL"))
def entries(url: Url) -> None:
    """List everything that a stand-in holds, with the digest of the bytes it really has."""
    from standin.remote_control import read_entries

    say_json(read_entries(url))


def _run(
    serving: AbstractAsyncContextManager[R], lines: Callable[[R], list[str]], *, as_json: bool
) -> None:
    """Serve until Ctrl-C or SIGTERM; say the address, and what to write into titip.toml."""

    async def serve() -> None:
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
        async with serving as running:
            settings = lines(running)
            if as_json:
                typer.echo(json.dumps({"url": running.url}))
            else:
                head = f"# Listening at {running.url} (this is for titip.toml)"
                typer.echo("\n".join([head, "", *settings, ""]))
            sys.stdout.flush()
            await stopping.wait()

    asyncio.run(serve())


def _repeat(*, dedupe: bool, conflict: bool) -> "Repeat":
    from standin.registry.store import Repeat

    if dedupe and conflict:
        raise CliError("Choose one of --dedupe and --conflict.", code=USAGE_ERROR)
    if dedupe:
        return Repeat.DEDUPE
    return Repeat.CONFLICT if conflict else Repeat.STORE


def _read(params: list[str] | None) -> dict[str, object]:
    """Read KEY=VALUE; a value is JSON where it can be, else a text."""
    known: dict[str, object] = {}
    for param in params or []:
        key, sign, value = param.partition("=")
        if not sign or not key:
            raise CliError(f"{param!r}: write KEY=VALUE, such as seconds=3.", code=USAGE_ERROR)
        try:
            known[key] = json.loads(value)
        except ValueError:
            known[key] = value
    return known

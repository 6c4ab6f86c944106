"""`titip serve`, `titip gateway`, `titip sync`: the long-running commands."""

import asyncio
import sys
from collections.abc import Coroutine
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cli.errors import FAILED, USAGE_ERROR, CliError
from cli.options import Commands, ConfigFile, examples, settings_of
from config.problems import problems_of_destination

if TYPE_CHECKING:
    from config.runtime.stopping import StopOrder
    from config.settings import Settings
    from config.wiring.storage import JournalServices


class Level(StrEnum):
    """How much is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


LogLevel = Annotated[Level, typer.Option(help="The least important events to log.")]
LogJson = Annotated[
    bool | None,
    typer.Option(
        "--log-json/--no-log-json",
        help="Log JSON, or lines for people; by itself: lines on a terminal, else JSON.",
        show_default=False,
    ),
]


def serve(
    config: ConfigFile = None, log_level: LogLevel = Level.INFO, log_json: LogJson = None
) -> None:
    """Take files in and pass them on, in one process.

    Stops on SIGTERM or Ctrl-C: what is on its way is saved first. May be killed at any moment;
    the next start needs no repair. On its very first start it makes one operator's token and
    prints it, once.
    """
    _run(config, level=log_level, log_json=log_json, gateway=True, sync=True)


def gateway(
    config: ConfigFile = None, log_level: LogLevel = Level.INFO, log_json: LogJson = None
) -> None:
    """Take files in only.

    Another process on the same data folder runs `titip sync`; either may stop and start alone.
    """
    _run(config, level=log_level, log_json=log_json, gateway=True, sync=False)


def sync(
    config: ConfigFile = None, log_level: LogLevel = Level.INFO, log_json: LogJson = None
) -> None:
    """Pass files on only.

    Another process on the same data folder runs `titip gateway`; either may stop and start alone.
    """
    _run(config, level=log_level, log_json=log_json, gateway=False, sync=True)


COMMANDS: Final[Commands] = {
    serve: examples(
        "titip serve                                 defaults: ./titip-data, port 8080",
        "titip serve --config /etc/titip/titip.toml",
        'TITIP__GATEWAY__LISTEN="0.0.0.0:8080" titip serve',
    ),
    gateway: examples("titip gateway --config /etc/titip/titip.toml"),
    sync: examples("titip sync --config /etc/titip/titip.toml"),
}


def _run(
    config: Path | None, *, level: Level, log_json: bool | None, gateway: bool, sync: bool
) -> None:
    from config.runtime import log_setup
    from config.runtime.outlet import take_over
    from config.runtime.serve import serve as serve_settings
    from config.runtime.stopping import StopOrder

    settings = settings_of(config)
    order = StopOrder()
    order.listen()
    if sync:
        _refuse_unfit(settings)
    outlets = take_over(notice=log_setup.dropped_line)
    order.last_words = outlets.drain
    log_setup.set_up(level=level.value, json=log_json)
    if sync:
        _tell_lacking(settings)
    welcome = _Welcome(settings)
    serving = serve_settings(
        settings,
        gateway=gateway,
        sync=sync,
        opened=welcome.first_token if gateway else None,
        listening=welcome.address if gateway else None,
        order=order,
        lines_dropped=lambda: outlets.dropped,
    )
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_in_order(serving, order))


async def _in_order(serving: Coroutine[None, None, None], order: "StopOrder") -> None:
    try:
        await serving
    except BaseException:
        order.code = FAILED
        raise
    finally:
        order.over()


def _refuse_unfit(settings: "Settings") -> None:
    """Build the destinations once for their complaints, before anything is opened.

    Other trouble is told once it serves: it may pass, and is no reason to take nothing in.
    """
    from config.wiring.destinations import destinations_of
    from sync.containment import Contained

    async def build_and_close() -> None:
        for destination in destinations_of(settings):
            await Contained(destination).close()

    try:
        asyncio.run(build_and_close())
    except ValueError as error:
        raise CliError(
            "The settings of a destination cannot work:",
            *(f"  {problem}" for problem in problems_of_destination(error)),
            code=USAGE_ERROR,
        ) from error
    except Exception:  # noqa: BLE001 - it comes again, in a task that is supervised
        return


def _tell_lacking(settings: "Settings") -> None:
    """Warn of credentials that are not there yet: the destination waits for them, nobody else."""
    import structlog

    from config.wiring.destinations import lacking

    for name, reasons in lacking(settings).items():
        for reason in reasons:
            structlog.get_logger().warning(
                "destination.without_credentials", destination=name, reason=reason
            )


class _Welcome:
    """What the person who started it needs to know, on standard output."""

    def __init__(self, settings: "Settings") -> None:
        self._settings = settings

    async def first_token(self, services: "JournalServices") -> None:
        """Make the operator's token of the very first start, and show it once."""
        from storage.clock import utc_now
        from titip.access import Role

        if self._settings.gateway.auth != "token" or await services.tokens.tokens():
            return
        _, text = await services.tokens.issue(Role.OPERATOR, "", now=utc_now())
        _say(
            "This is the first start. The operator's token, shown this once:",
            "",
            f"  {text}",
            "",
            "Keep it. Make a token for whoever hands files in:",
            "",
            "  titip token create --role lo --submitter NAME",
            "",
        )

    def address(self, address: str) -> None:
        """Tell where it listens."""
        _say(f"Titip takes files in at {address}/files/ (hand in: titip push FILE --to {address})")


def _say(*lines: str) -> None:
    with suppress(OSError):  # whoever read it has gone: that is no reason to take nothing in
        for line in lines:
            typer.echo(line)
        sys.stdout.flush()


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    """Give uvloop's loop where there is one."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.Loop

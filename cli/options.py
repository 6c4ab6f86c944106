"""Options that several commands share, and how they become settings."""

import os
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from pydantic import ValidationError

from cli.errors import (
    USAGE_ERROR,
    CliError,
    headed,
    problems_of,
    problems_of_variables,
)
from config.settings import Settings, read_toml, settings_from
from titip import delivery

if TYPE_CHECKING:
    from config.wiring.storage import JournalServices

DEFAULT_FILE: Final = Path("titip.toml")

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        envvar="TITIP_CONFIG",
        help="The settings; ./titip.toml when it is there, else the defaults.",
    ),
]
Commands = dict[Callable[..., None], str]
"""Commands, each with the end of its help text."""

AsJson = Annotated[bool, typer.Option("--json", help="Give JSON, for programs.")]


class DestinationName(StrEnum):
    """A destination, as it is named on the command line."""

    REGISTRY = delivery.REGISTRY
    MIRROR = delivery.MIRROR


def examples(*lines: str) -> str:
    """Write the end of a help text: commands to copy, one a line."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


def settings_of(config: Path | None) -> Settings:
    """Read the settings; raises CliError that names every problem and its mend."""
    file = config or (DEFAULT_FILE if DEFAULT_FILE.is_file() else None)
    source = "defaults and environment" if file is None else str(file)
    problems = problems_of_variables(os.environ)
    settings: Settings | None = None
    if file is not None:
        _refuse_unreadable(file)
    try:
        settings = settings_from(file)
    except ValidationError as error:
        problems = [*problems_of(error), *problems]
    if settings is None or problems:
        raise CliError(*headed(problems, source=source), code=USAGE_ERROR)
    return settings


def _refuse_unreadable(file: Path) -> None:
    """Raise CliError for a file that cannot be read as TOML at all."""
    try:
        read_toml(file)
    except tomllib.TOMLDecodeError as error:
        raise CliError(
            f"{file} is not well-formed TOML: {error}.",
            'Texts need quotes (listen = "127.0.0.1:8080"), tables stand alone ([gateway]).',
            code=USAGE_ERROR,
        ) from error
    except UnicodeError as error:
        raise CliError(f"{file} is not UTF-8 text: save it as UTF-8.", code=USAGE_ERROR) from error
    except OSError as error:
        raise CliError(
            f"{file} cannot be read ({error.strerror}): check --config and TITIP_CONFIG.",
            code=USAGE_ERROR,
        ) from error


def settings_with_journal(config: Path | None) -> Settings:
    """Read the settings of a data folder that is in use; raises CliError."""
    from config.wiring.storage import JOURNAL

    settings = settings_of(config)
    journal = settings.storage.path / JOURNAL
    try:
        there = journal.is_file()
    except PermissionError:
        there = True
    if not there:
        raise CliError(
            f"There is no journal in {settings.storage.path}: nothing was ever served from it.",
            "Name the settings of the server with --config FILE, or run this where it runs.",
        )
    return settings


@contextmanager
def journal_of(config: Path | None) -> Iterator["JournalServices"]:
    """Open the journal of a data folder that is in use; raises CliError."""
    from config.wiring.storage import open_journal

    with open_journal(settings_with_journal(config)) as services:
        yield services

"""`titip check`: every problem at once, before it is one."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cli.errors import USAGE_ERROR, CliError
from cli.options import AsJson, Commands, ConfigFile, examples, settings_of
from cli.output import console, say_json
from titip.text import count, seen

if TYPE_CHECKING:
    from config.check.run import Finding

_MARKS: Final = {
    "ok": ("ok ", "green"),
    "warning": ("-- ", "yellow"),
    "error": ("!! ", "bold red"),
}


def check(
    config: ConfigFile = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Show only what needs attention.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check configuration, disk, clock and destinations; list what to fix.

    Hands nothing in and changes nothing. Exit code 0: no errors (warnings may remain); 1: something
    must be fixed; 2: the settings themselves are wrong.
    """
    findings = _findings(config, as_json=as_json)
    errors = sum(finding.grade == "error" for finding in findings)
    if as_json:
        say_json({"ok": not errors, "findings": [asdict(one) for one in findings]})
    else:
        _print([one for one in findings if not quiet or one.grade != "ok"])
        typer.echo(f"{count(errors, 'problem')} to fix." if errors else "Ready.")
    raise typer.Exit(1 if errors else 0)


COMMANDS: Final[Commands] = {
    check: examples(
        "titip check",
        "titip check --config /etc/titip/titip.toml && systemctl restart titip",
        "titip check --json | jq '.findings[] | select(.grade == \"error\")'",
    ),
}


def _findings(config: Path | None, *, as_json: bool) -> "list[Finding]":
    try:
        settings = settings_of(config)
    except CliError as complaint:
        if as_json:
            problems = [
                {"topic": "settings", "grade": "error", "text": line.strip(), "fix": ""}
                for line in complaint.lines[1:] or complaint.lines
            ]
            say_json({"ok": False, "findings": problems})
            raise typer.Exit(USAGE_ERROR) from complaint
        raise
    from config.check.run import examine
    from config.runtime import log_setup

    with log_setup.silence():  # what is found is said once, as a finding
        return examine(settings)


def _print(findings: "list[Finding]") -> None:
    from rich.text import Text

    screen = console()
    for one in findings:
        mark, style = _MARKS[one.grade]
        screen.print(Text.assemble((mark, style), (f"{one.topic}: ", "bold"), seen(one.text)))
        if one.fix:
            screen.print(Text(f"     {seen(one.fix)}"))

"""`titip demo`: the whole story on this machine alone, judged against the bytes."""

import typer


def add_commands(app: typer.Typer) -> None:
    """Add the command."""

"""Starting the real programs that torture needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.demo.processes import Program

if TYPE_CHECKING:
    from pathlib import Path


class Broken(AssertionError):
    """The programs do not do what torture relies on."""


def run_standin(name: str, root: Path) -> tuple[Program, str]:
    """Start a stand-in; give it and its address."""
    words = ("standin", name, "--folder", str(root / name), "--json")
    program = Program.titip(*words, log=root / f"standin-{name}.log")
    return program, program.url()

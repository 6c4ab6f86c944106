"""Starting the real programs that torture needs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.e2e.outage import TITIP

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[2]


class Broken(AssertionError):
    """The programs do not do what torture relies on."""


def run_titip(words: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """Start a command of Titip; what it logs is added to the file."""
    with log.open("ab") as err:
        return subprocess.Popen(
            [*TITIP, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=err,
            cwd=ROOT,
            start_new_session=True,
        )


def run_standin(name: str, root: Path) -> tuple[subprocess.Popen[bytes], str]:
    """Start a stand-in; give the process and its address."""
    folder = str(root / name)
    with (root / f"standin-{name}.log").open("ab") as err:
        process = subprocess.Popen(
            [sys.executable, "-m", "config.cli", "standin", name, "--folder", folder, "--json"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=err,
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
    if process.stdout is None:
        raise Broken("no output of a stand-in")
    with process.stdout as said:
        return process, str(json.loads(said.readline())["url"])

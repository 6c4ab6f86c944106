"""Handing in works on the LOs' own machines: nothing that only POSIX has is needed for it."""

from __future__ import annotations

import subprocess
import sys
from textwrap import dedent

import pytest

WINDOWS = """
import asyncio, os, signal, sys  # what POSIX has is taken away once the system's own has used it

ABSENT = {"fcntl", "grp", "pwd", "resource", "termios", "uvloop", "apsw"}

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ABSENT:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

for name in ABSENT:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Absent())
for name in ("fdatasync", "fork", "geteuid", "getuid", "posix_fadvise", "sysconf", "uname"):
    delattr(os, name)
for name in ("SIGHUP", "SIGKILL", "SIGQUIT", "SIGUSR1", "SIGUSR2", "pthread_sigmask"):
    delattr(signal, name)
"""

PUSH = """
from cli.main import app
from typer.testing import CliRunner

folder, state = sys.argv[1:]
for words in (["--help"], ["--to", "ftp://x"], ["--to", "http://x", "--state", state, folder]):
    print(CliRunner().invoke(app, ["push", *words, folder]).output)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="plays Windows on another system")
def test_a_push_needs_nothing_that_windows_lacks(tmp_path):
    program = [sys.executable, "-c", WINDOWS + dedent(PUSH), tmp_path / "in", tmp_path / "state"]
    (tmp_path / "in").mkdir()

    done = subprocess.run(program, capture_output=True, text=True, timeout=60, check=False)

    assert done.stderr == ""
    assert "Hand files in, and say which of them are proven." in done.stdout
    assert "must begin with https:// or http://" in done.stdout
    assert "There is no file under the given paths" in done.stdout

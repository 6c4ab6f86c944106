"""The peers: made on demand in an environment of their own, from hash-pinned requirements."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from typing import TYPE_CHECKING, Final

from bench.servers import HERE, Peer
from cli.errors import CliError

if TYPE_CHECKING:
    from collections.abc import Sequence

ENVIRONMENT: Final = HERE / ".venv-bench"
PINS: Final = HERE / "bench" / "peers.txt"
NODE: Final = HERE / "bench" / "node"
LAUNCHERS: Final = HERE / "bench" / "peer_servers"

COMPLETE: Final = ("--no-deps", "--only-binary", ":all:", "--require-hashes")
"""How the pins are installed: nothing is left to resolve, and nothing is built."""

KEPT: Final = "answers before the disk has the bytes"


def peers() -> list[Peer]:
    """Make what is missing, and name the peers that can be had here."""
    _make_environment()
    python = str(ENVIRONMENT / "bin" / "python")
    found = [
        Peer(
            "tuspyserver",
            (python, str(LAUNCHERS / "of_tuspyserver.py"), "{port}", "{folder}"),
            "/files/",
            f"{KEPT}; syncs its info file",
        ),
        Peer(
            "resumable-upload",
            (python, str(LAUNCHERS / "of_resumable_upload.py"), "{port}", "{folder}"),
            "/files",
            f"{KEPT}; syncs its database",
        ),
    ]
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        print("node and npm are not here: @tus/server is left out.")
        return found
    _make_modules(npm)
    argv = (node, str(NODE / "server.mjs"), "{port}", "{folder}")
    return [*found, Peer("@tus/server", argv, "/files", f"{KEPT}; syncs nothing")]


def _make_environment() -> None:
    stamp = ENVIRONMENT / ".installed"
    if stamp.exists() and stamp.stat().st_mtime >= PINS.stat().st_mtime:
        return
    print(f"Setting up {ENVIRONMENT.name} for the peers, once.")
    venv.create(ENVIRONMENT, clear=True, with_pip=True)
    pip = [str(ENVIRONMENT / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    _run([*pip, "--quiet", "install", *COMPLETE, "-r", str(PINS)])
    _run([*pip, "check"])
    stamp.touch()


def _make_modules(npm: str) -> None:
    stamp = NODE / "node_modules" / ".installed"
    lock = NODE / "package-lock.json"
    if stamp.exists() and stamp.stat().st_mtime >= lock.stat().st_mtime:
        return
    quiet = ("--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
    _run([npm, "ci", "--prefix", str(NODE), *quiet])
    stamp.touch()


def _run(argv: Sequence[str]) -> None:
    done = subprocess.run(argv, stdout=sys.stderr, check=False)
    if done.returncode != 0:
        raise CliError(f"the peers could not be set up: {' '.join(argv)}")

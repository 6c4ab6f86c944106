"""A throw-away copy of the tree, and processes that see only that."""

from __future__ import annotations

import importlib
import io
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE: Final = Path(__file__).resolve().parents[2]
_LEFT: Final = shutil.ignore_patterns(
    ".git",
    ".venv*",
    "node_modules",
    ".hypothesis",
    ".coverage*",
    ".mutants*",
    ".*_cache",
    "titip-data",
)
_MEMORY: Final = 8 << 30
_WARM: Final = (
    "pytest", "coverage", "aiohttp.web", "apsw", "structlog", "googleapiclient.discovery",
    "requests", "google.oauth2.credentials", "pydantic_settings", "prometheus_client", "typer",
    "rich.live", "tenacity", "tusclient.client", "http_sf", "uvloop", "brotli",
)  # fmt: skip
"""What nobody changes is loaded once, here; each process below begins with it."""


@contextmanager
def throw_away_copy() -> Iterator[Path]:
    """Copy the tree, times and all, so that what is compiled already stays good."""
    with tempfile.TemporaryDirectory(prefix="titip-mutants-") as room:
        tree = Path(room, "tree")
        shutil.copytree(HERE, tree, ignore=_LEFT, symlinks=True)
        Path(room, "tmp").mkdir()
        yield tree


def warm_up() -> None:
    """Load what each process needs; pytest runs on nothing, since that loads its plugins."""
    for name in _WARM:
        importlib.import_module(name)
    nothing = ["--collect-only", "-q", "--noconftest", "-p", "no:cacheprovider"]
    nothing += ["-o", "asyncio_default_fixture_loop_scope=function"]
    with tempfile.TemporaryDirectory() as empty, redirect_stdout(io.StringIO()):
        importlib.import_module("pytest").main([*nothing, f"--rootdir={empty}", empty])


def run_apart(action: Callable[[], int], tree: Path, *, limit: float) -> int | None:
    """Run something in a process of its own that stands in that tree: exit code, None if killed."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os._exit(_stand_in(tree, action))
    until = time.monotonic() + limit
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            _end(child)
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    _end(child)
    os.waitpid(child, 0)
    return None


def _stand_in(tree: Path, action: Callable[[], int]) -> int:
    try:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        with Path(tree.parent, "output").open("wb") as output:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
        os.chdir(tree)
        os.environ.update(PYTHONPATH=str(tree), TMPDIR=str(tree.parent / "tmp"))
        os.environ.pop("TITIP_HYPOTHESIS", None)  # at night others look for long; here many look
        tempfile.tempdir = None
        sys.path[:] = [str(tree), *(one for one in sys.path if one not in ("", str(HERE)))]
        for name in [one for one in sys.modules if one.partition(".")[0] == "tests"]:
            del sys.modules[name]
        return action()
    except BaseException as error:  # noqa: BLE001 - the process ends with this, and says so
        sys.stderr.write(f"{error!r}\n")
        return 70
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _end(leader: int) -> None:
    """End all that a process started, too."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)

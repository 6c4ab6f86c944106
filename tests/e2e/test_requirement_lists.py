"""Every list of requirements installs with an old and with a recent pip, and lacks nothing then.

The commands are the Makefile's own, as `make --dry-run` prints them, and the flags of the bench are
its own too. The releases are fetched once; both pips then install from the folder with them.
"""

import os
import re
import shlex
import subprocess
import sys
import venv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bench.peers import COMPLETE, PINS

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
PIPS = sorted((Path(__file__).parent / "pips").glob("*.txt"))
RECENT = PIPS[-1]
NO_INDEX = re.compile(
    r"NewConnectionError|ConnectTimeout|ReadTimeout|NameResolutionError|Max retries|ProxyError"
)


def environment(**more):
    """Give the variables of a plain shell: nothing of the make or the coverage that run this."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MAKE", "COVERAGE", "COV_", "MFLAGS", "PYTHON", "VIRTUAL_ENV"))
    }
    return {**inherited, "PIP_NO_COMPILE": "false", "PIP_DISABLE_PIP_VERSION_CHECK": "1", **more}


def run(argv, **variables):
    return subprocess.run(
        argv, cwd=ROOT, env=environment(**variables), capture_output=True, text=True, check=False
    )


def must(argv, **variables):
    done = run(argv, **variables)
    assert done.returncode == 0, f"{shlex.join(argv)}\n{done.stdout}{done.stderr}"
    return done.stdout


def recipes(folder, target, variable):
    """Give the commands with which make would have pip fill an environment at `folder`."""
    said = must(["make", "--dry-run", f"{variable}={folder}", f"{folder}/{target}"])
    lines = re.sub(r"\\\n\s*", " ", said).splitlines()
    return [shlex.split(line) for line in lines if f"{folder}/bin/python -m pip" in line]


def peer_recipes(folder):
    pip = [f"{folder}/bin/python", "-m", "pip", "--quiet"]
    return [[*pip, "install", *COMPLETE, "-r", str(PINS)], [*pip, "check"]]


@pytest.fixture(scope="module")
def pips(tmp_path_factory):
    """Give each pinned pip's folder, by the name of its pin."""
    folder = tmp_path_factory.mktemp("pips")
    for pin in PIPS:
        place = ["--no-compile", "--target", str(folder / pin.stem), "-r", str(pin)]
        flags = ["--quiet", "--retries", "1", "--require-hashes", "--no-deps"]
        done = run([sys.executable, "-m", "pip", "install", *flags, *place])
        if done.returncode and NO_INDEX.search(done.stderr):
            pytest.skip(f"no package index can be reached: {pin.stem} could not be fetched")
        assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def wheels(pips, tmp_path_factory):
    """Fetch every release of every list once."""
    folder = tmp_path_factory.mktemp("wheels")
    fetch = [sys.executable, "-m", "pip", "--quiet", "download", *COMPLETE, "-d", str(folder)]
    for lists in (["requirements-dev.txt", "requirements-lock.txt"], [str(PINS)]):
        named = [word for one in lists for word in ("-r", one)]
        must([*fetch, *named], PYTHONPATH=str(pips / RECENT.stem))
    return folder


@pytest.fixture(scope="module")
def installing(pips, wheels, tmp_path_factory):
    """Let both pips install at the same time; give what will come of each, by its pin."""
    with ThreadPoolExecutor(len(PIPS)) as threads:
        yield {
            pin: threads.submit(
                install_every_list, pips / pin.stem, wheels, tmp_path_factory.mktemp(pin.stem)
            )
            for pin in PIPS
        }


def install_every_list(pip, wheels, folder):
    tree, lock, bench = (folder / name for name in ("tree", "lock", "bench"))
    steps = [
        *recipes(tree, ".installed-dev", "VENV"),
        *recipes(lock, "bin/uv", "LOCKER"),
        *peer_recipes(bench),
    ]
    for place in (tree, lock, bench):
        venv.create(place)
    for step in steps:
        must(step, PYTHONPATH=str(pip), PIP_NO_INDEX="1", PIP_FIND_LINKS=str(wheels))
    return steps


@pytest.mark.parametrize("pin", PIPS, ids=lambda pin: pin.stem)
def test_every_list_installs_as_it_stands(pin, pips, installing):
    version = must([sys.executable, "-m", "pip", "--version"], PYTHONPATH=str(pips / pin.stem))
    steps = installing[pin].result()

    assert version.split()[1] == pin.stem.removeprefix("pip-")
    assert [step[-1] for step in steps].count("check") == 5

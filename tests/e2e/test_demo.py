"""`titip demo` as its own process: the story ends well, and sees it when it does not."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest

from cli.demo.processes import TITIP, Program

pytestmark = pytest.mark.e2e

WITHIN = 100
SHORT = ("--files", "16")


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """Let temporary folders be made where the test can look for leftovers."""
    place = tmp_path / "scratch"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return place


DISTURBING = {"TITIP__GATEWAY__AUTH": "nonsense"}
"""A variable of the caller, which must not reach into the story."""


def run(*words: str) -> tuple[int, str]:
    done = subprocess.run(
        [*TITIP, "demo", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=WITHIN,
        check=False,
        env={**os.environ, **DISTURBING},
    )
    return done.returncode, done.stdout


def children_in(folder: Path) -> list[str]:
    """Name the processes that were told to work below a folder (Linux)."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().decode("utf-8", "replace").split("\0")
        except OSError:
            continue
        if any(word.startswith(str(folder)) for word in words):
            found.append(" ".join(words))
    return found


def test_the_story_ends_with_every_promise_kept(scratch):
    code, output = run()

    assert code == 0, output
    assert "40 of 40 kept" in output
    assert "40 of 40 mirrored" in output
    assert "40 of 40 delivered" in output
    assert "40 of 40 proven already; 0 bytes sent" in output
    assert "it went on at byte" in output
    assert "kill -9" in output
    assert "stalled since" in output
    assert "Every promise was kept" in output
    assert list(scratch.iterdir()) == []


def test_a_spoilt_byte_is_seen_and_its_file_named(scratch):
    code, output = run("--flip-byte", *SHORT)

    assert code == 1, output
    assert "15 of 16 mirrored" in output
    assert "16 of 16 delivered" in output
    assert "NOT mirrored: " in output
    assert "A promise was broken." in output


def test_files_of_ones_own_are_handed_in_and_left_alone(tmp_path):
    papers = tmp_path / "papers"
    papers.mkdir()
    (papers / "a.txt").write_text("alpha", "utf-8")
    (papers / "b.txt").write_text("beta", "utf-8")
    kept = tmp_path / "kept"

    code, output = run(str(papers), "--keep", str(kept))

    assert code == 0, output
    assert "2 of 2 delivered" in output
    assert "too small to be cut" in output
    assert sorted(one.name for one in papers.iterdir()) == ["a.txt", "b.txt"]
    assert (kept / "titip.toml").is_file()
    assert (kept / "data" / "journal.db").is_file()


def test_nothing_to_hand_in_is_told(tmp_path):
    code, output = run(str(tmp_path))

    assert code == 2
    assert "There is no file under the given paths." in output


def test_a_folder_in_use_is_not_overwritten(tmp_path):
    (tmp_path / "precious").touch()

    code, output = run("--keep", str(tmp_path))

    assert code == 2
    assert "is not empty" in output


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks for processes in /proc")
@pytest.mark.parametrize("moment", ["1  The registry stalls", "kill -9", "circuit"])
def test_an_interrupt_leaves_nothing_behind(scratch, tmp_path, moment):
    program = Program.titip("demo", *SHORT, log=tmp_path / "log", variables=DISTURBING)
    program.line(f"{moment}|5  ", within=WITHIN)
    program.process.send_signal(signal.SIGINT)
    program.process.send_signal(signal.SIGINT)

    assert program.process.wait(WITHIN) == 130
    assert children_in(scratch) == []
    assert list(scratch.iterdir()) == []

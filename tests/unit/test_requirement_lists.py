"""The lists of requirements: complete, pinned by hash, and installed as they stand everywhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LISTS = [
    *sorted(ROOT.glob("requirements*.txt")),
    ROOT / "bench" / "peers.txt",
    *sorted((ROOT / "tests" / "e2e" / "pips").glob("*.txt")),
]
INSTALLERS = [ROOT / "Makefile", ROOT / "Dockerfile", ROOT / "bench" / "peers.py"]

PINNED = re.compile(
    r"[A-Za-z0-9._-]+(\[[a-z0-9,_-]+\])?==[0-9][A-Za-z0-9.!+]*( ; [^#]+?)?"
    r"( --hash=sha256:[0-9a-f]{64})+",
)
INDEX = re.compile(
    r"--(extra-)?index-url|--find-links|--trusted-host|pypi\.org|pythonhosted|PIP_INDEX"
)


def named(path):
    return str(path.relative_to(ROOT))


def logical_lines(path):
    """Give a file's lines with what is continued on the next one, without comments."""
    text = re.sub(r"\\\n\s*", " ", path.read_text("utf-8"))
    lines = (re.sub(r"\s+", " ", line).strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def test_there_are_the_lists_that_this_looks_at():
    assert len(LISTS) == 7
    assert all(path.is_file() for path in [*LISTS, *INSTALLERS])


@pytest.mark.parametrize("path", LISTS, ids=named)
def test_every_requirement_is_one_release_with_its_hashes(path):
    lines = logical_lines(path)

    assert lines
    assert [line[:60] for line in lines if not PINNED.fullmatch(line)] == []


@pytest.mark.parametrize("path", [*LISTS, *INSTALLERS, ROOT / ".ci" / "run"], ids=named)
def test_nothing_names_an_index(path):
    text = path.read_text("utf-8")
    commands = text.replace("--no-emit-index-url", "").replace("--no-emit-find-links", "")

    assert INDEX.findall(commands) == []


def test_every_development_requirement_is_pinned_as_in_what_is_served():
    served, development = (
        {line.split(" --hash")[0] for line in logical_lines(ROOT / name)}
        for name in ("requirements.txt", "requirements-dev.txt")
    )

    assert served <= development


def installs(path):
    """Give each command of a file that has pip install something, as far as the shell reads it."""
    text = " && ".join(logical_lines(path)).replace("$(INSTALL)", _install_flags())
    commands = re.split(r"&&|;", text)
    return [one.strip() for one in commands if re.search(r"\bpip\b|\$\(PIP\)", one)]


def _install_flags():
    (flags,) = re.findall(
        r"^INSTALL := (.+)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE
    )
    return str(flags)


@pytest.mark.parametrize(("path", "count"), [(INSTALLERS[0], 4), (INSTALLERS[1], 3)], ids=str)
def test_every_install_leaves_nothing_to_resolve_or_to_build_and_is_checked(path, count):
    commands = installs(path)
    found = [number for number, one in enumerate(commands) if " install " in one]

    assert len(found) == count
    for number in found:
        command = commands[number]
        assert "--no-deps" in command
        assert "--only-binary :all:" in command or "--no-index" in command
        assert " -r " not in command or "--require-hashes" in command
        assert commands[number + 1].endswith(" check")


def test_the_peers_of_the_bench_are_installed_the_same_way():
    text = INSTALLERS[2].read_text("utf-8")

    assert 'COMPLETE: Final = ("--no-deps", "--only-binary", ":all:", "--require-hashes")' in text
    assert text.count('"install"') == text.count('"install", *COMPLETE') == 1
    assert '_run([*pip, "check"])' in text

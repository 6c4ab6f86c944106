"""One mutant before the tests that reach its function."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from tests.mutants.apart import run_apart
from tests.mutants.operators import Mutant, rewritten

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.mutants.recording import Reach

FIRST: Final = 3
"""How many files, those that reach the least beside the function, are asked before the others."""
BUDGET: Final = 60.0
"""Seconds of tests that one mutant is worth; the quickest come first."""
_NOBODY_MINDS: Final = frozenset({0, 5})
"""How pytest ends when all passed, and when there was none to run."""
_PATIENCE: Final = 30.0
_SLOWER: Final = 6


@dataclass(frozen=True, slots=True)
class Trials:
    """Runs mutants in one copy of the tree."""

    tree: Path
    reaches: Mapping[str, Reach]
    words: Mapping[str, list[str]]

    def survives(self, mutant: Mutant) -> bool:
        """Tell whether no test minds."""
        path = self.tree.joinpath(*mutant.module.split(".")).with_suffix(".py")
        source, stat = path.read_text(), path.stat()
        path.write_text(rewritten(mutant, source, self.words))
        try:
            return all(self._passes(tests) for tests in self._rounds(mutant))
        finally:
            path.write_text(source)
            os.utime(
                path, ns=(stat.st_atime_ns, stat.st_mtime_ns)
            )  # what is compiled is good again

    def _rounds(self, mutant: Mutant) -> list[dict[str, float]]:
        """Choose the tests: those of the closest files first."""
        name = f"{mutant.module}:{mutant.function}"
        files = [one for one in self.reaches.values() if name in one.functions]
        files.sort(key=lambda one: len(one.functions))
        first = _timed(files[:FIRST], name)
        return [one for one in (first, _timed(files[FIRST:], name)) if one]

    def _passes(self, tests: dict[str, float]) -> bool:
        limit = _PATIENCE + _SLOWER * sum(tests.values())
        code = run_apart(partial(_run, tests), self.tree, limit=limit)
        return code in _NOBODY_MINDS


def _timed(files: list[Reach], name: str) -> dict[str, float]:
    timed = sorted((one.seconds[test], test) for one in files for test in one.functions[name])
    chosen: dict[str, float] = {}
    for seconds, test in timed:
        if chosen and sum(chosen.values()) + seconds > BUDGET:
            break
        chosen[test] = seconds
    return chosen


def _run(tests: dict[str, float]) -> int:
    import pytest  # noqa: PLC0415 - in the process that stands in the tree

    files = sorted({test.partition("::")[0] for test in tests})
    quiet = ["-q", "-x", "-p", "no:cacheprovider", "--hypothesis-seed=0"]
    return int(pytest.main([*quiet, *files], plugins=[_Chosen(tests)]))


class _Chosen:
    """Leaves out what does not reach the mutant, and puts the quick ones first."""

    def __init__(self, tests: dict[str, float]) -> None:
        self._tests = tests

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        chosen = [item for item in items if item.nodeid in self._tests]
        items[:] = sorted(chosen, key=lambda item: self._tests[item.nodeid])

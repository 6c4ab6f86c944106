"""Which test reaches which function, and how long it takes: learnt once, and kept."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from tests.mutants.apart import run_apart
from tests.mutants.operators import functions_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

TESTS: Final = tuple(
    f"tests/{room}/**/test_*.py"
    for room in ("unit", "seams", "contract", "stateful", "integration")
)
"""What tests run in one process, so that a mutant in it is what they see."""
_LIMIT: Final = 900.0


@dataclass
class Reach:
    """What the tests of one file reach."""

    digest: str
    seconds: dict[str, float] = field(default_factory=dict)
    functions: dict[str, list[str]] = field(default_factory=dict)


def learn(tree: Path, kept: Path, packages: list[Path], tests: Sequence[str]) -> dict[str, Reach]:
    """Run each test file that has changed since the map was kept; renew the map."""
    known = json.loads(kept.read_text()) if kept.exists() else {}
    reaches: dict[str, Reach] = {}
    for file in sorted(one for pattern in tests for one in tree.glob(pattern)):
        name = file.relative_to(tree).as_posix()
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        if known.get(name, {}).get("digest") == digest:
            reaches[name] = Reach(**known[name])
            continue
        sys.stdout.write(f"learning what {name} reaches\n")
        answer = tree.parent / "reach.json"
        answer.unlink(missing_ok=True)
        run_apart(partial(_record, name, tree, packages, answer), tree, limit=_LIMIT)
        found = json.loads(answer.read_text()) if answer.exists() else {}
        reaches[name] = Reach(digest, **found)
        kept.write_text(
            json.dumps(
                {one: vars(reach) for one, reach in reaches.items()}
                | {one: reach for one, reach in known.items() if one not in reaches}
            )
        )
    return reaches


def _record(name: str, tree: Path, packages: list[Path], answer: Path) -> int:
    import coverage  # noqa: PLC0415 - in the process that stands in the tree
    import pytest  # noqa: PLC0415

    os.environ["COVERAGE_CORE"] = "ctrace"  # the one that sees a line again for the next test
    cov = coverage.Coverage(data_file=None, config_file=False, include=[f"{tree}/*"])
    watcher = _Watcher(cov)
    cov.start()
    code = pytest.main(["-q", "-p", "no:cacheprovider", name], plugins=[watcher])
    cov.stop()
    functions: dict[str, set[str]] = {}
    data = cov.get_data()
    for path in packages:
        by_line = data.contexts_by_lineno(str(path))
        for function, lines in _bodies(path, tree):
            tests = {test for line in lines for test in by_line.get(line, ())} & set(
                watcher.seconds
            )
            if tests:
                functions.setdefault(function, set()).update(tests)
    told = {one: sorted(tests) for one, tests in functions.items()}
    answer.write_text(json.dumps({"seconds": watcher.seconds, "functions": told}))
    return int(code)


def _bodies(path: Path, tree: Path) -> Iterator[tuple[str, Iterable[int]]]:
    module = ".".join(path.relative_to(tree).with_suffix("").parts)
    for name, node in functions_in(path.read_text()):
        yield f"{module}:{name}", range(node.body[0].lineno, (node.end_lineno or 0) + 1)


class _Watcher:
    """Tells coverage whose turn it is, and keeps the seconds of the tests that pass."""

    def __init__(self, cov: Any) -> None:
        self._cov = cov
        self.seconds: dict[str, float] = {}

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._cov.switch_context(nodeid)

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.when == "setup" and report.passed:
            self.seconds[report.nodeid] = 0.0
        if report.nodeid in self.seconds:
            self.seconds[report.nodeid] += report.duration
            if not report.passed:
                del self.seconds[report.nodeid]

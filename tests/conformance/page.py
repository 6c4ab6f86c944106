"""Writes the tables of statements into docs/conformance.md, and their sums into docs/protocol.md.

Run `python -m tests.conformance` after a change of a statement or of a mark; a test fails while the
pages are stale.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from tests.conformance.collecting import TESTS, collect
from tests.conformance.statement import HELD, Level
from tests.conformance.statements import SPECIFICATIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.conformance.collecting import Holding
    from tests.conformance.statement import Section, Specification, Statement

DOCS: Final = TESTS.parent / "docs"
PAGE: Final = DOCS / "conformance.md"
PROTOCOL: Final = DOCS / "protocol.md"

BEGIN: Final = "<!-- sums: begin; written by python -m tests.conformance -->"
END: Final = "<!-- sums: end -->"

_TOP: Final = """# Statement by statement

Each row is one statement that binds a server, in our own words, and the tests that hold it. Written
by `python -m tests.conformance` from `tests/conformance/` and the marks of the tests; a test fails
when this page is stale, when a MUST or a promise of ours has no test, or when a mark names no
statement. Tests are named from `tests/`.

- **MUST**, **SHOULD**, **MAY**: the document's words. **stated**: it says so with none of them.
- **MUST, if offered**: about something that Titip does not offer, or that cannot come up in it.
- **OURS**: a promise of Titip's, or how it copes with a client that breaks a rule.
"""

Held = dict[str, list["Holding"]]


def held() -> Held:
    """Give the tests of each statement."""
    found: Held = {}
    for holding in collect():
        for one in holding.statements:
            found.setdefault(one, []).append(holding)
    return found


def open_statements(tests: Mapping[str, list[Holding]]) -> list[Statement]:
    """Give the statements that need a test and have none."""
    return [
        one
        for specification in SPECIFICATIONS
        for one in specification.statements
        if one.level in HELD and one.id not in tests
    ]


def page(tests: Mapping[str, list[Holding]]) -> str:
    """Write the whole page."""
    parts = [_TOP]
    for specification in SPECIFICATIONS:
        parts.append(f"## {specification.title}\n\n{specification.about}\n")
        parts += [_section(section, tests) for section in specification.sections]
    return "\n".join(parts)


def with_sums(protocol: str, tests: Mapping[str, list[Holding]]) -> str:
    """Give this text with the sums between their marks written anew."""
    before, _, rest = protocol.partition(BEGIN)
    _, _, after = rest.partition(END)
    rows = "\n".join(_sum(one, tests) for one in SPECIFICATIONS)
    head = "| | MUST | with a test | SHOULD, MAY, stated | with a test | ours | with a test |"
    return f"{before}{BEGIN}\n{head}\n|---|---|---|---|---|---|---|\n{rows}\n{END}{after}"


def _sum(specification: Specification, tests: Mapping[str, list[Holding]]) -> str:
    cells = [specification.title]
    choices = (Level.SHOULD, Level.MAY, Level.STATED)
    for levels in ((Level.MUST,), choices, (Level.OURS,)):
        those = [one for one in specification.statements if one.level in levels]
        cells += [str(len(those)), str(sum(one.id in tests for one in those))]
    return f"| {' | '.join(cells)} |"


def _section(section: Section, tests: Mapping[str, list[Holding]]) -> str:
    rows = [_row(one, tests.get(one.id, ())) for one in section.statements]
    head = "| id | level | a server | Titip | held by |\n|---|---|---|---|---|"
    return "\n".join((f"### {section.title}\n", head, *rows, ""))


def _row(one: Statement, tests: Iterable[Holding]) -> str:
    by_file = groupby(tests, key=lambda test: test.file)
    cells = (
        f"`{one.id}`",
        one.level.value,
        one.says,
        one.here,
        "<br>".join(f"`{file}`: {_names(group)}" for file, group in by_file),
    )
    return f"| {' | '.join(cells)} |"


def _names(tests: Iterable[Holding]) -> str:
    return ", ".join(f"`{test.name}`" for test in tests)

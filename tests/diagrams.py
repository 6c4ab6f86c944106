"""Draws the three state machines from the tables that the code runs on, into docs/diagrams.md.

Run `python -m tests.diagrams` after a change of a table; a test fails while the page is stale.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from titip import delivery, health, upload

PAGE = Path(__file__).parent.parent / "docs" / "diagrams.md"

Steps = Iterable[tuple[str, str, str]]

_TOP = """# The three machines

Drawn by `python -m tests.diagrams` from the tables in `titip/`; a test fails when this page is
stale. A state without an arrow out of it is final.
"""


def page() -> str:
    """Write the whole page."""
    return "\n".join(
        (
            _TOP,
            _section("Upload", "upload", upload.UploadState.OPEN, _steps(upload.ALLOWED)),
            _section(
                "Delivery", "delivery", delivery.DeliveryState.QUEUED, _steps(delivery.ALLOWED)
            ),
            _section("Health", "health", health.Circuit.CLOSED, _forked(health.ALLOWED)),
        ),
    )


def _steps(table: Mapping[Any, Mapping[Any, str]]) -> Steps:
    for state, row in table.items():
        for event, to in row.items():
            yield state, to, event.__name__


def _forked(table: Mapping[Any, Mapping[Any, frozenset[health.Circuit]]]) -> Steps:
    for state, row in table.items():
        for event, targets in row.items():
            for to in sorted(targets):
                yield state, to, event.__name__


def _section(title: str, module: str, start: str, steps: Steps) -> str:
    arrows: dict[tuple[str, str], list[str]] = {}
    for state, to, event in steps:
        arrows.setdefault((state, to), []).append(event)
    drawn = [f"    {a} --> {b}: {', '.join(events)}" for (a, b), events in arrows.items()]
    body = "\n".join(("stateDiagram-v2", f"    [*] --> {start}", *drawn))
    return f"## {title}\n\n`titip/{module}.py`\n\n```mermaid\n{body}\n```\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

"""docs/operations.md lists every event of the log, and none that is never written."""

import ast
import re
from itertools import chain
from pathlib import Path

from titip.delivery import DeliveryState
from titip.health import Circuit

ROOT = Path(__file__).parents[2]
ROOMS = ("cli", "client", "config", "gateway", "standin", "storage", "sync", "titip")
FAMILIES = {
    "delivery.": {*DeliveryState} - {"queued", "active", "skipped"},
    "circuit.": {*Circuit},
}
"""Events whose last part is a state."""


def events_of(call):
    """Give the events that a call may log: its first text, one of two, or a whole family."""
    if not (call.args and is_logging(call.func)):
        return
    texts = [one.value for one in ast.walk(call.args[0]) if isinstance(one, ast.Constant)]
    for text in texts:
        if isinstance(text, str) and re.fullmatch(r"[a-z_]+\.[a-z_]*", text):
            yield from [f"{text}{end}" for end in FAMILIES[text]] if text in FAMILIES else [text]


def is_logging(function):
    if isinstance(function, ast.Attribute):
        return ast.unparse(function.value) in {"log", "logger", "structlog.get_logger()"}
    return isinstance(function, ast.Name) and function.id in {"tell", "tell_bug"}


def written():
    sources = chain.from_iterable((ROOT / room).rglob("*.py") for room in ROOMS)
    nodes = chain.from_iterable(ast.walk(ast.parse(one.read_text("utf-8"))) for one in sources)
    calls = (node for node in nodes if isinstance(node, ast.Call))
    return set(chain.from_iterable(events_of(call) for call in calls))


def listed():
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    table = page[page.index("| event | means |") :].partition("\n\n")[0]
    return re.findall(
        r"`([a-z_]+\.[a-z_]+)`", "".join(row.split("|")[1] for row in table.splitlines())
    )


def test_the_table_lists_every_event_once_and_no_other():
    assert sorted(listed()) == sorted(written())

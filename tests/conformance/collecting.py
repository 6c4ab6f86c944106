"""Reads, without running anything, which test holds which statement.

A test says so with `@pytest.mark.holds("id", ...)`: on a function, on a class for all of its tests,
on a parameter set, or in `pytestmark` for all of a module.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

TESTS: Final = Path(__file__).parent.parent

_NEVER: Final = frozenset({"skip", "xfail"})
"""The marks without a condition after which a test proves nothing."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


class BadMark(ValueError):
    """A `holds` mark names something else than texts."""


@dataclass(frozen=True, slots=True)
class Holding:
    """A test, what it holds, and whether it is ever run to its end."""

    file: str
    name: str
    statements: tuple[str, ...]
    runs: bool

    @property
    def test(self) -> str:
        """Give the test as pytest names it, from the folder of the tests."""
        return f"{self.file}::{self.name}"


def collect(root: Path = TESTS) -> tuple[Holding, ...]:
    """Give every test that holds something, by file and place in it; raises BadMark."""
    files = sorted(path for path in root.rglob("*.py") if "node_modules" not in path.parts)
    return tuple(
        holding
        for path in files
        if "holds" in (text := path.read_text(encoding="utf-8"))
        for holding in in_module(text, path.relative_to(root).as_posix())
    )


def in_module(text: str, file: str) -> Iterator[Holding]:
    """Give what the tests of this module hold."""
    module = ast.parse(text, file)
    marks = list(_assigned(module.body, "pytestmark"))
    for node in module.body:
        yield from _of(node, marks, file, owner="")


def _of(node: ast.stmt, outer: list[ast.expr], file: str, *, owner: str) -> Iterator[Holding]:
    match node:
        case ast.ClassDef():
            marks = [*outer, *node.decorator_list, *_assigned(node.body, "pytestmark")]
            for inner in node.body:
                yield from _of(inner, marks, file, owner=f"{node.name}::")
        case ast.FunctionDef() | ast.AsyncFunctionDef() if node.name.startswith("test"):
            marks = [*outer, *node.decorator_list]
            yield from _holding(marks, file, owner + node.name, runs=not _gives_up(node))
        case ast.Assign(targets=[ast.Name(id=name)]) if name.startswith("Test"):
            yield from _holding(outer, file, name, runs=True)
        case _:
            pass


def _holding(marks: list[ast.expr], file: str, name: str, *, runs: bool) -> Iterator[Holding]:
    held = dict.fromkeys(one for call in _calls(marks) for one in _texts(call, file))
    if held:
        yield Holding(file, name, tuple(held), runs and not _never_run(marks))


def _assigned(body: list[ast.stmt], name: str) -> Iterator[ast.expr]:
    for node in body:
        match node:
            case ast.Assign(targets=[ast.Name(id=found)], value=value) if found == name:
                yield value
            case _:
                pass


def _calls(marks: list[ast.expr]) -> Iterator[ast.Call]:
    for mark in marks:
        for node in ast.walk(mark):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Attribute(attr="mark"), attr="holds")):
                    yield node
                case _:
                    pass


def _never_run(marks: list[ast.expr]) -> bool:
    for mark in marks:
        match mark:
            case ast.List(elts=several) if _never_run(several):
                return True
            case ast.Attribute(attr=name) | ast.Call(func=ast.Attribute(attr=name)):
                if name in _NEVER:
                    return True
            case _:
                pass
    return False


def _texts(call: ast.Call, file: str) -> Iterator[str]:
    if call.keywords or not call.args:
        raise BadMark(f"{file}:{call.lineno}: holds takes ids, and at least one")
    for argument in call.args:
        match argument:
            case ast.Constant(value=str(text)):
                yield text
            case _:
                raise BadMark(f"{file}:{call.lineno}: an id is written out as a text")


def _gives_up(node: Function) -> bool:
    given_up = ("pytest.skip(", "pytest.xfail(")
    steps = (ast.unparse(step) for step in node.body if isinstance(step, ast.Expr))
    return any(step.startswith(given_up) for step in steps)

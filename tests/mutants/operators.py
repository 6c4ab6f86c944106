"""What a mutant is: one small change of one function, named by both and never by a line."""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Function = ast.FunctionDef | ast.AsyncFunctionDef

_SWAPPED: Final[dict[type[ast.AST], type[ast.AST]]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
}
_OTHER: Final = {"min": "max", "max": "min"}
_NO_BEHAVIOUR: Final = ("log.", "assert_never(")
"""Calls that no test needs to see: what is logged, and what the type checker proves."""
_UNREAD: Final = frozenset({"annotation", "returns", "decorator_list"})
_LONGEST: Final = 160


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change, by the name that it keeps when lines move."""

    module: str
    function: str
    mutation: str

    def __str__(self) -> str:
        return f"{self.module}:{self.function}: {self.mutation}"


def mutants_of(module: str, source: str, words: Mapping[str, list[str]]) -> list[Mutant]:
    """List what can be changed in a module."""
    return [mutant for mutant, _tree in _changed(module, ast.parse(source), words)]


def rewritten(mutant: Mutant, source: str, words: Mapping[str, list[str]]) -> str:
    """Give the module's source with that change made."""
    for found, tree in _changed(mutant.module, ast.parse(source), words):
        if found == mutant:
            return ast.unparse(tree)
    raise LookupError(f"there is no such mutant any more: {mutant}")


def enums_in(sources: list[str]) -> dict[str, list[str]]:
    """Collect the members of each enum, so that one can stand in for another."""
    return {
        node.name: [at.id for line in node.body for at in _assigned(line)]
        for source in sources
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ClassDef) and any("Enum" in ast.unparse(b) for b in node.bases)
    }


def functions_in(source: str) -> Iterator[tuple[str, Function]]:
    """Give each function with its qualified name, the outer ones first."""

    def within(node: ast.AST, name: str) -> Iterator[tuple[str, Function]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                full = f"{name}.{child.name}" if name else child.name
                if not isinstance(child, ast.ClassDef):
                    yield full, child
                yield from within(child, full)
            else:
                yield from within(child, name)

    return within(ast.parse(source), "")


def _assigned(line: ast.stmt) -> list[ast.Name]:
    targets = line.targets if isinstance(line, ast.Assign) else []
    return [target for target in targets if isinstance(target, ast.Name)]


def _changed(
    module: str, tree: ast.Module, words: Mapping[str, list[str]]
) -> Iterator[tuple[Mutant, ast.Module]]:
    """Yield the tree in each changed state, and put it back afterwards."""
    seen: Counter[tuple[str, str]] = Counter()
    for function, owner, field, at in _places(tree):
        value = getattr(owner, field)
        node = value if at is None else value[at]
        for other in _replacements(node, owner, field, words):
            shown = owner if _says_little(node, owner) else None
            before = _told(shown or node)
            _put(owner, field, at, other)
            mutation = f"{before} -> {_told(shown or other)}"
            seen[function, mutation] += 1
            nth = seen[function, mutation]
            yield Mutant(module, function, mutation + (f" ({nth})" if nth > 1 else "")), tree
            _put(owner, field, at, node)


def _says_little(node: ast.AST, owner: ast.AST) -> bool:
    """Tell whether a number or a truth is named better by what it stands in."""
    simple = ast.expr | ast.keyword | ast.Assign | ast.AnnAssign | ast.Return
    return isinstance(node, ast.Constant) and isinstance(owner, simple)


def _put(owner: ast.AST, field: str, at: int | None, node: ast.AST) -> None:
    if at is None:
        setattr(owner, field, node)
    else:
        getattr(owner, field)[at] = node


def _told(node: ast.AST) -> str:
    text = " ".join(ast.unparse(ast.fix_missing_locations(node)).split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _places(
    node: ast.AST, function: str = "", name: str = ""
) -> Iterator[tuple[str, ast.AST, str, int | None]]:
    """Walk over all that lies in a function: its name, and where a node hangs in the tree."""
    for field, value in ast.iter_fields(node):
        if field in _UNREAD:
            continue
        for at, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(child, ast.AST) or _told_only(child):
                continue
            if function:
                yield function, node, field, at
            inner, full = function, name
            if isinstance(child, Function | ast.ClassDef):
                full = f"{name}.{child.name}" if name else child.name
                inner = function if isinstance(child, ast.ClassDef) else full
            yield from _places(child, inner, full)


def _told_only(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and ast.unparse(node).startswith(_NO_BEHAVIOUR)


def _replacements(
    node: ast.AST, owner: ast.AST, field: str, words: Mapping[str, list[str]]
) -> Iterator[ast.AST]:
    if isinstance(node, ast.stmt):
        yield from _statements(node, owner)
    elif isinstance(node, ast.expr):
        yield from _values(node, words)
        if field == "test" and isinstance(node, ast.Name | ast.Attribute | ast.Call):
            yield ast.UnaryOp(ast.Not(), node)


def _statements(node: ast.stmt, owner: ast.AST) -> Iterator[ast.stmt]:
    match node:
        case ast.Expr(value=ast.Call() | ast.Await(value=ast.Call())):
            yield ast.Pass()
        case ast.Raise() | ast.Continue() | ast.Break():
            yield ast.Pass()
        case ast.Return(value=value):
            if isinstance(owner, ast.If):  # an early one: what comes after it happens too
                yield ast.Pass()
            if value is not None and not isinstance(value, ast.Constant):
                yield ast.Return(ast.Constant(None))
        case _:
            return


def _values(node: ast.expr, words: Mapping[str, list[str]]) -> Iterator[ast.expr]:
    match node:
        case ast.Compare(left=left, ops=[op], comparators=right) if type(op) in _SWAPPED:
            yield ast.Compare(left, [_SWAPPED[type(op)]()], right)  # type: ignore[list-item]
        case ast.BoolOp(op=op, values=values):
            yield ast.BoolOp(_SWAPPED[type(op)](), values)  # type: ignore[arg-type]
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield operand
        case ast.BinOp(left=left, op=(ast.Add() | ast.Sub()) as op, right=other):
            yield ast.BinOp(left, _SWAPPED[type(op)](), other)  # type: ignore[arg-type]
        case ast.Constant(value=bool() as value):
            yield ast.Constant(not value)
        case _:
            yield from _words(node, words)


def _words(node: ast.expr, words: Mapping[str, list[str]]) -> Iterator[ast.expr]:
    match node:
        case ast.Constant(value=int() | float() as value):
            yield ast.Constant(value + 1)
        case ast.Attribute(value=ast.Name(id=word), attr=name) if name in words.get(word, ()):
            members = words[word]
            another = members[(members.index(name) + 1) % len(members)]
            yield ast.Attribute(ast.Name(word), another)
        case ast.Call(func=ast.Name(id=name)) if name in _OTHER:
            yield ast.Call(ast.Name(_OTHER[name]), node.args, node.keywords)

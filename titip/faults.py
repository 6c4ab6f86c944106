"""What may be said of an error that nobody foresaw: its kind and its place, never its text.

Its text may hold what must not be told: an address with a secret in it, a person's file name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

DEPTH: Final = 12
"""Frames that are told, the innermost ones."""


def kind_of(error: BaseException) -> str:
    """Name the kind of an error."""
    return type(error).__name__


def trace_of(error: BaseException) -> list[str]:
    """Tell where it was raised, the outermost frame first."""
    return list(_frames(error.__traceback__))[-DEPTH:]


def _frames(traceback: TracebackType | None) -> Iterator[str]:
    while traceback is not None:
        code = traceback.tb_frame.f_code
        file = "/".join(code.co_filename.replace("\\", "/").split("/")[-2:])
        yield f"{file}:{traceback.tb_lineno} {code.co_name}"
        traceback = traceback.tb_next

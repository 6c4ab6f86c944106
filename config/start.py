"""Begin `titip`: a Ctrl-C while its parts are still being loaded ends it without a word."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

INTERRUPTED = 130
"""What a shell reports for a program that Ctrl-C ended."""


def main() -> None:
    """Run `titip`."""
    leave_at_once()
    from config.cli import main as run  # noqa: PLC0415 - loading it is what takes its time

    run()


@contextmanager
def leaving_at_once() -> Iterator[None]:
    """End the process at once at Ctrl-C, as long as nothing was begun.

    A KeyboardInterrupt in the middle of an import would be a traceback, or be lost.
    """
    leave_at_once()
    try:
        yield
    finally:
        hear_interrupts()


def leave_at_once() -> None:
    """End the process at the next Ctrl-C, unless whoever started it wants it to hear none."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        with suppress(ValueError):  # not the main thread: it hears no signals
            signal.signal(signal.SIGINT, _leave)


def hear_interrupts() -> None:
    """Hear Ctrl-C as a KeyboardInterrupt again."""
    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _leave(_number: int, _frame: object) -> None:
    os._exit(INTERRUPTED)

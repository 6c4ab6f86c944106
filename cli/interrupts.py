"""Ctrl-C: not heard, ends the process at once, or is a KeyboardInterrupt."""

import os
import signal

INTERRUPTED = 130
"""What a shell reports for a program that Ctrl-C ended."""


def leave_at_once() -> None:
    """End the process at the next Ctrl-C, unless whoever started it wants it to hear none."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        _hear(_leave)


def hear_interrupts() -> None:
    """Hear Ctrl-C as a KeyboardInterrupt again."""
    if signal.getsignal(signal.SIGINT) is _leave:
        _hear(signal.default_int_handler)


def _hear(handler: object) -> None:
    try:
        signal.signal(signal.SIGINT, handler)  # type: ignore[arg-type]
    except ValueError:
        return  # not the main thread: it hears no signals


def _leave(_number: int, _frame: object) -> None:
    os._exit(INTERRUPTED)

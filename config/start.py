"""Begin `titip`: a Ctrl-C while its parts are still being loaded ends it without a word.

A KeyboardInterrupt in the middle of an import would be a traceback, or be lost. Little is imported
here, so that little can be interrupted.
"""

import os
import signal

INTERRUPTED = 130
"""What a shell reports for a program that Ctrl-C ended."""


def main() -> None:
    """Run `titip`."""
    leave_at_once()
    from config.cli import main as run  # noqa: PLC0415 - loading it is what takes its time

    run()


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

"""Logs: one JSON line per event on standard error, or readable lines on a terminal.

Whoever serves puts an outlet in the place of standard error first (outlet.py).
"""

from __future__ import annotations

import io
import logging
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, cast

import structlog

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO


class _Forgiving(io.TextIOBase):
    """A stream of which a full disk, or a reader that went away, makes no error of the work."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()


def set_up(*, level: str = "info", json: bool | None = None) -> None:
    """Arrange structlog and the standard library's logging alike."""
    stream = sys.stderr or io.StringIO()  # None where it was closed from the start
    as_json = not stream.isatty() if json is None else json
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer() if as_json else _on_screen()
    )
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([structlog.processors.format_exc_info] if as_json else []),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", _Forgiving(stream))),
        cache_logger_on_first_use=True,
    )
    _quiet_libraries()


def dropped_line(count: int) -> str:
    """Render the line that stands where so many were lost, whatever the least level is."""
    logger = structlog.wrap_logger(structlog.ReturnLogger(), wrapper_class=structlog.BoundLogger)
    return f"{logger.warning('log.dropped', count=count)}\n"


@contextmanager
def silence() -> Iterator[None]:
    """Log nothing meanwhile: for a command that says in its own words what it finds."""
    before = structlog.get_config()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
        cache_logger_on_first_use=False,
    )
    _quiet_libraries()
    try:
        yield
    finally:
        structlog.configure(**before)


def _on_screen() -> structlog.dev.ConsoleRenderer:
    """Render for a terminal; its own way with failures would show the values at hand: tokens."""
    return structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)


def _quiet_libraries() -> None:
    """Keep the libraries' own words out: they may tell addresses that are secrets.

    What they have to say of a failure reaches the log through the errors that they raise.
    """
    logging.basicConfig(level=logging.CRITICAL, stream=sys.stderr)
    for name in ("googleapiclient", "google", "httplib2", "urllib3", "aiohttp"):
        logging.getLogger(name).setLevel(logging.CRITICAL)

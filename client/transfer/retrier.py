"""Try one step until it makes progress, with full-jitter back-off, and give up after a silence.

tenacity keeps the time between tries; the resume store keeps what must outlive the process.
"""

from __future__ import annotations

import math
import random
import time
from typing import TYPE_CHECKING, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type

from client.errors import FatalError, NetworkError, Refused, Stopped, TransientError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from client.options import Patience

T = TypeVar("T")

EXPONENT_CAP = 16
"""2^16 half seconds is far beyond any ceiling; it only keeps the number small."""


class ProgressClock:
    """When anything last moved, over all workers, and who gave up since. Safe for threads."""

    def __init__(self) -> None:
        self._last = time.monotonic()
        self._given_up = 0

    def beat(self) -> None:
        """Note that something moved just now."""
        self._last = time.monotonic()
        self._given_up = 0

    def silence(self) -> float:
        """Give the seconds since anything moved."""
        return time.monotonic() - self._last

    def give_up(self) -> int:
        """Note that one file was given up; tell how many were since anything moved."""
        self._given_up += 1
        return self._given_up


class Retrier:
    """Repeats a step while its trouble is a passing one."""

    def __init__(self, patience: Patience, *, stop: threading.Event, pulse: ProgressClock) -> None:
        self._patience = patience
        self._stop = stop
        self._pulse = pulse
        self._jitter = random.Random()  # noqa: S311 - jitter is no secret

    def until_progress(self, step: Callable[[], T], *, tell: Callable[[str, float], None]) -> T:
        """Call `step` until it returns; `tell` hears each trouble and the seconds to wait.

        Raises Refused when this step made no progress for too long, FatalError when nothing else
        did either, Stopped when asked to stop, and whatever else `step` raises.
        """
        troubled_since: list[float] = []  # filled at the first trouble: a long chunk is no silence

        def guarded() -> T:
            if self._stop.is_set():
                raise Stopped
            return step()

        def patience_left() -> float:
            now = time.monotonic()
            gone = now - (troubled_since or [now])[0]
            troubled_since[:] = [now - gone]
            return max(0.0, (self._patience.give_up_after or math.inf) - gone)

        tries = Retrying(
            retry=retry_if_exception_type(TransientError),
            wait=lambda state: min(self._pause(state), patience_left()),
            stop=lambda _: patience_left() <= 0,
            sleep=self._sleep,
            before_sleep=lambda state: tell(str(_trouble_of(state)), state.upcoming_sleep),
            reraise=True,
        )
        try:
            result = tries(guarded)
        except TransientError as trouble:
            raise self._verdict(trouble) from trouble
        self._pulse.beat()
        return result

    def _sleep(self, seconds: float) -> None:
        self._stop.wait(seconds)

    def _pause(self, state: RetryCallState) -> float:
        """Draw the seconds until the next try: full jitter, but never before Retry-After."""
        doubled = self._patience.floor * (1 << min(state.attempt_number, EXPONENT_CAP))
        spread = self._jitter.uniform(0, min(doubled, self._patience.ceiling))
        asked = min(_trouble_of(state).not_before, self._patience.longest_retry_after)
        return asked + min(spread, self._patience.floor) if asked else spread

    def _verdict(self, trouble: TransientError) -> Refused | FatalError:
        minutes = self._patience.give_up_after / 60
        sentence = f"no progress for {minutes:.3g} minutes: {trouble}"
        # One file may be at fault by itself; a dead line, or two files in a row, is everybody's.
        shared = self._pulse.give_up() > 1 or isinstance(trouble, NetworkError)
        if shared and self._pulse.silence() >= self._patience.give_up_after:
            return FatalError(sentence)
        return Refused(sentence)


def _trouble_of(state: RetryCallState) -> TransientError:
    error = state.outcome.exception() if state.outcome else None
    return error if isinstance(error, TransientError) else TransientError("the last try failed")

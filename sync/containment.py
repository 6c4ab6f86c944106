"""A destination that can do its worst: what it raises, returns or never ends becomes a reason.

A destination speaks to systems that nobody here has seen, through libraries that raise what they
like. Whatever comes of that is its own trouble, or one delivery's: never a worker's, never
intake's.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypeVar

import structlog

from sync.threads import look_away
from titip.errors import CustodyError, DeliveryFault, LeaseLost, OutcomeUnknown
from titip.evidence import Evidence
from titip.faults import kind_of, trace_of
from titip.ports.delivery import DeliveryResult
from titip.text import storable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from titip.delivery import ClaimedDelivery
    from titip.ports.delivery import Content, Destination, Progress

T = TypeVar("T")

log = structlog.get_logger()

PROBE_WITHIN: Final = 10.0
"""Seconds after which a probe without an answer has its answer."""

PATIENCE: Final = 1.5
"""Seconds that a call may take to end once it is told to; then it is left to itself."""

LONGEST_REASON: Final = 2000
"""Characters of a reason that are kept."""

LONGEST_LOCATOR: Final = 16_384
"""Characters beyond which a text tells no place."""


class Unforeseen(Exception):
    """A destination did what its port does not allow; the text says what, for a row's reason."""


async def guarded(call: Callable[[], Awaitable[T]]) -> T:
    """Make the call; no exception of it can end the event loop, as SystemExit would."""
    try:
        return await call()
    except (Exception, asyncio.CancelledError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise Unforeseen(f"a fault in Titip itself ({kind_of(error)})") from error


def tell_bug(event: str, error: BaseException, **facts: object) -> None:
    """Log what nobody foresaw: its kind and its place."""
    log.error(event, **facts, error=kind_of(error), where=trace_of(error))


async def ended(task: asyncio.Future[T], *, within: float = PATIENCE) -> bool:
    """Cancel it and wait for its end, not for ever; tell whether it ended."""
    task.cancel()
    task.add_done_callback(look_away)
    done, _ = await asyncio.wait({task}, timeout=within)
    return bool(done)


class Contained:
    """A destination around another one, of which nothing comes but what the port says."""

    def __init__(self, inner: Destination) -> None:
        """Contain `inner`."""
        self.name = inner.name
        self._inner = inner
        self._asking: asyncio.Task[object] | None = None
        self._told = ""

    async def deliver(
        self, parcel: ClaimedDelivery, content: Content, progress: Progress
    ) -> DeliveryResult:
        """Deliver; raises what the port allows, and Unforeseen for everything else.

        It runs in a task of its own, so that a cancellation nobody asked for is one of its faults,
        and one that was asked for waits for nobody.
        """
        task: asyncio.Task[object] = asyncio.create_task(
            guarded(lambda: self._inner.deliver(parcel, content, progress))
        )
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            if not await ended(task) or task.cancelled():
                raise
        return _arrival(task, where=self._inner.name, what=parcel.delivery.id)

    async def probe(self) -> bool | None:
        """Ask the inner destination, for so long and no longer; trouble means that it is not well.

        While an earlier question still hangs it is not asked again.
        """
        if self._asking is not None and not self._asking.done():
            return False
        self._asking = task = asyncio.create_task(guarded(self._inner.probe))
        try:
            await asyncio.wait({task}, timeout=PROBE_WITHIN)
        finally:
            if not task.done():
                task.cancel()
                task.add_done_callback(look_away)
        if not task.done():
            return self._unwell(f"no answer within {PROBE_WITHIN:g} s")
        return self._answer(task)

    async def close(self) -> None:
        """Close the inner destination; trouble is told, and waited for briefly."""
        task = asyncio.create_task(guarded(self._inner.close))
        done, _ = await asyncio.wait({task}, timeout=PATIENCE)
        error = _error(task) if done else None
        if error is not None:
            tell_bug("destination.close_failed", error.__cause__ or error, destination=self.name)
        elif not done:
            log.error("destination.not_closed", destination=self.name)
            task.cancel()
            task.add_done_callback(look_away)

    def _answer(self, task: asyncio.Task[object]) -> bool | None:
        error = _error(task)
        if isinstance(error, DeliveryFault):
            return self._unwell(_sound(error).reason)
        if error is not None:
            return self._unwell(kind_of(error), trace=trace_of(error))
        answer = task.result()
        if answer is None or isinstance(answer, bool):
            self._told = ""
            return answer
        return self._unwell(f"it answered with {type(answer).__name__}")

    def _unwell(self, reason: str, *, trace: list[str] | None = None) -> bool:
        """Tell why, once for each reason: an ill destination is asked every few seconds."""
        if reason != self._told:
            where = trace or None
            log.error("probe.failed", destination=self.name, reason=reason, where=where)
        self._told = reason
        return False


def _arrival(task: asyncio.Task[object], *, where: str, what: str) -> DeliveryResult:
    error = _error(task)
    if isinstance(error, DeliveryFault):
        raise _sound(error)
    if isinstance(error, (CustodyError, LeaseLost)):
        raise error
    if error is not None:
        tell_bug("delivery.bug", error.__cause__ or error, destination=where, delivery=what)
        if isinstance(error, Unforeseen):
            raise error
        raise Unforeseen(f"a fault in Titip itself ({kind_of(error)})") from error
    arrival = task.result()
    if not isinstance(arrival, DeliveryResult) or not _makes_sense(arrival):
        kind = type(arrival).__name__
        log.error("delivery.nonsense", destination=where, delivery=what, answer=kind)
        raise OutcomeUnknown(f"a fault in Titip itself (an odd {kind} for an answer)", ill=False)
    return arrival


def _makes_sense(arrival: DeliveryResult) -> bool:
    """Tell whether what code of somebody else's gave back is what its types say."""
    told: tuple[object, ...] = (arrival.locator, arrival.size, arrival.evidence)
    locator, size, evidence = told
    digests: tuple[object, ...] = (arrival.sha256, arrival.md5)
    is_place = isinstance(locator, str) and len(locator) <= LONGEST_LOCATOR
    is_told = isinstance(size, int | None) and isinstance(evidence, Evidence)
    return is_place and is_told and all(isinstance(one, str | None) for one in digests)


def _sound(fault: DeliveryFault) -> DeliveryFault:
    """Give the fault with a reason that can be kept, and a wait that is one."""
    reason, wait = getattr(fault, "reason", None), getattr(fault, "retry_after", None)
    text = reason if isinstance(reason, str) and reason else kind_of(fault)
    fault.reason = storable(text)[:LONGEST_REASON]
    fault.retry_after = wait if isinstance(wait, timedelta) else None
    detail = getattr(fault, "detail", "")
    fault.detail = storable(detail)[:LONGEST_REASON] if isinstance(detail, str) else ""
    return fault


def _error(task: asyncio.Task[object]) -> BaseException | None:
    if task.cancelled():
        return asyncio.CancelledError()
    return task.exception()

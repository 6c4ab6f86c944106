"""A destination raises, returns or hangs as it likes: a worker lives, and says what happened."""

import asyncio
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from storage.destinations import JournalStandings
from storage.queue import JournalQueue
from sync import containment
from sync.containment import LONGEST_REASON, Contained, Unforeseen
from sync.worker.attempt import carry_leased
from tests.destination_fakes import (
    SEALED_AT,
    MemoryContent,
    RecordingProgress,
    a_lease,
    a_parcel,
)
from tests.nightly import NIGHTLY
from tests.unit.sync.worker.test_worker import Scripted, opened_line
from tests.waiting import until
from titip import delivery as d
from titip import errors
from titip.delivery import REGISTRY, DeliveryState
from titip.errors import AttemptFailed, DestinationUnavailable
from titip.evidence import Evidence
from titip.health import Circuit, Health
from titip.ports.delivery import DeliveryResult

if TYPE_CHECKING:
    from titip.ports.delivery import Queue


class Odd(BaseException):
    """No Exception, and nobody's plan."""


class Unnamed(errors.DeliveryFault):
    """A fault that was made in a hurry: it has no reason."""

    def __init__(self):
        Exception.__init__(self)


RAISED = (
    asyncio.CancelledError,
    asyncio.InvalidStateError,
    BaseExceptionGroup,
    ConnectionResetError,
    GeneratorExit,
    KeyError,
    MemoryError,
    Odd,
    OverflowError,
    RecursionError,
    StopAsyncIteration,
    StopIteration,
    SystemExit,
    TimeoutError,
    Unnamed,
    errors.IllegalEvent,
    errors.LeaseLost,
    errors.StorageFull,
    errors.UploadMissing,
)
TEXTS = st.text(st.characters(exclude_categories=()), max_size=20) | st.just("SILON-\ud83d")
RETURNED = st.one_of(
    st.none(),
    TEXTS,
    st.integers(),
    st.binary(max_size=4),
    st.builds(DeliveryResult, TEXTS),
    st.builds(DeliveryResult, st.one_of(st.none(), st.integers(), st.binary(max_size=4))),
    st.just(DeliveryResult("x" * 20_000)),
    st.builds(DeliveryResult, st.just("ref"), st.text()),
    st.builds(DeliveryResult, st.just("ref"), sha256=st.binary()),
    st.just(DeliveryResult),
)


def fault(kind, reason, wait):
    made = kind(reason)
    made.retry_after = wait
    return made


FAULTS = st.builds(
    fault,
    st.sampled_from(
        (
            errors.DeliveryRejected,
            errors.AttemptFailed,
            errors.DestinationUnavailable,
            errors.OutcomeUnknown,
        )
    ),
    st.one_of(TEXTS, st.none(), st.integers(), st.just("x" * 5000)),
    st.one_of(st.none(), st.timedeltas(), st.integers(), st.text(max_size=3)),
)


def raised(kind):
    if issubclass(kind, BaseExceptionGroup):
        return kind("several", [Odd()])
    return kind()


async def cancels_itself(_progress):
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(0)


def after_the_body(line):
    async def sent(progress):
        progress.body_sent()
        if isinstance(line, BaseException):
            raise line
        return Returned(line)

    return sent


class Returned:
    """What a script's line gives back in place of an arrival."""

    def __init__(self, value):
        self.value = value


PROVEN = DeliveryResult("ref", evidence=Evidence.REFERENCE)


class Anything(Scripted):
    """A destination whose script also says what it returns."""

    async def deliver(self, parcel, content, progress):
        line = self.script.pop(0) if self.script else None
        if callable(line):
            line = await line(progress)
        if isinstance(line, BaseException):
            raise line
        return line.value if isinstance(line, Returned) else PROVEN


ENDS = st.one_of(
    st.sampled_from(RAISED).map(raised), FAULTS, RETURNED.map(Returned), st.just(cancels_itself)
)
LINES = st.one_of(
    ENDS,
    st.sampled_from(RAISED).map(raised).map(after_the_body),
    RETURNED.map(after_the_body),
)


SEAM = settings(max_examples=50_000 if NIGHTLY else 2000)


class HeldLease:
    """A queue in which every lease is held."""

    async def extend(self, delivery, until):
        return replace(delivery, due_at=until)

    async def checkpoint(self, delivery, text):
        return replace(delivery, checkpoint=text)


class OneFile:
    """An archive that has these bytes, whatever is asked for."""

    @contextmanager
    def open(self, upload):
        yield MemoryContent(b"papers")


@SEAM
@given(line=LINES)
def test_whatever_a_delivery_raises_or_returns_it_is_an_event_that_can_be_kept(line):
    event = asyncio.run(_carry_one(line))

    assert isinstance(
        event,
        d.SucceededEvent | d.RejectedEvent | d.FailedEvent | d.PostponedEvent | d.UnknownEvent,
    )
    text = event.locator if isinstance(event, d.SucceededEvent) else event.reason
    assert text == "" or isinstance(text, str)
    if not isinstance(event, d.SucceededEvent):
        assert len(text) <= LONGEST_REASON
        text.encode()


async def _carry_one(line):
    parcel = a_parcel(b"papers")
    lease = a_lease(
        replace(parcel.delivery, due_at=SEALED_AT + timedelta(minutes=1)),
        cast("Queue", HeldLease()),
        term=timedelta(minutes=1),
        now=lambda: SEALED_AT,
    )
    event, _ = await carry_leased(
        parcel,
        lease,
        destination=Contained(Anything(script=[line])),
        archive=OneFile(),
        renew_every=timedelta(minutes=1),
    )
    return event


@settings(max_examples=60 if NIGHTLY else 10)
@given(lines=st.lists(LINES, min_size=1, max_size=6))
def test_whatever_a_delivery_raises_or_returns_it_has_an_outcome_and_the_others_go_on(lines):
    asyncio.run(_carry_all(lines))


async def _carry_all(lines):
    with tempfile.TemporaryDirectory() as folder:
        async with opened_line(Path(folder), Anything(script=list(lines))) as line:
            for number in range(len(lines) + 2):
                await line.house.hand_in(bytes([number]))
            stopping = asyncio.Event()
            running = asyncio.create_task(line.worker.run(stopping))
            for _ in range(40 * len(lines)):
                if not line.destination.script:
                    break
                line.house.clock.forward(hours=2)
                line.wake.set()
                await asyncio.sleep(0.005)
            stopping.set()
            await running

            line.house.clock.forward(hours=2)
            await _until_delivered(line)
            states = await line.states()

    assert line.destination.script == []
    assert "active" not in states
    assert states["delivered"] >= 2


async def _until_delivered(line):
    """Let what faltered come again, now that the destination is well."""
    for _ in range(12):
        line.house.clock.forward(hours=2)
        await line.drain()


@given(answer=st.one_of(st.sampled_from(RAISED).map(raised), TEXTS, st.integers(), st.floats()))
def test_a_probe_that_raises_or_talks_nonsense_says_that_it_is_not_well(answer):
    class Probed(Scripted):
        async def probe(self):
            if isinstance(answer, BaseException):
                raise answer
            return answer

    assert asyncio.run(Contained(Probed()).probe()) is False


@given(error=st.sampled_from(RAISED).map(raised))
def test_a_destination_that_cannot_be_closed_ends_nothing(error):
    class Stuck(Scripted):
        async def close(self):
            raise error

    asyncio.run(Contained(Stuck()).close())


@pytest.mark.parametrize("method", ["deliver", "probe", "close"])
async def test_a_method_that_is_none_is_a_fault_too(method):
    destination = Scripted()
    setattr(destination, method, None)
    inner = Contained(destination)

    if method == "deliver":
        with pytest.raises(Unforeseen, match="TypeError"):
            await inner.deliver(a_parcel(), MemoryContent(b""), RecordingProgress())
    elif method == "probe":
        assert await inner.probe() is False
    else:
        await inner.close()


async def test_a_probe_that_hangs_is_answered_for_and_is_not_asked_again_meanwhile(monkeypatch):
    monkeypatch.setattr(containment, "PROBE_WITHIN", 0.01)
    asked, let_go = [], asyncio.Event()

    class Hanging(Scripted):
        async def probe(self):
            asked.append(1)
            while not let_go.is_set():
                try:
                    await let_go.wait()
                except asyncio.CancelledError:
                    continue  # as a thread that is stuck in a system call
            return True

    probed = Contained(Hanging())
    assert [await probed.probe() for _ in range(3)] == [False] * 3
    assert asked == [1]

    let_go.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert await probed.probe() is True


async def test_a_delivery_that_will_not_end_is_left_behind_when_it_is_broken_off(monkeypatch):
    monkeypatch.setattr(containment, "PATIENCE", 0.01)
    let_go = asyncio.Event()

    async def stubborn(_progress):
        while not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                continue

    destination = Contained(Scripted(script=[stubborn]))
    delivering = asyncio.create_task(
        destination.deliver(a_parcel(), MemoryContent(b""), RecordingProgress())
    )
    await asyncio.sleep(0)
    delivering.cancel()

    with pytest.raises(asyncio.CancelledError):
        await delivering
    let_go.set()


async def test_what_is_known_when_a_delivery_is_broken_off_is_not_lost():
    async def knows(_progress):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return DestinationUnavailable("it said 503 while we were leaving")

    begun = Scripted(script=[knows])
    delivering = asyncio.create_task(
        Contained(begun).deliver(a_parcel(), MemoryContent(b""), RecordingProgress())
    )
    await until(lambda: begun.under_way)
    await asyncio.sleep(0)
    delivering.cancel()

    with pytest.raises(DestinationUnavailable, match="503"):
        await delivering


async def test_a_text_that_the_journal_cannot_keep_is_kept_as_well_as_it_can_be(tmp_path):
    half = Returned(replace(PROVEN, locator="SILON-\ud83d"))
    async with opened_line(tmp_path, Anything(script=[half])) as line:
        upload = await line.house.hand_in(b"papers")

        await line.turn()

        registry, _ = await line.house.records.of_upload(upload.id)
        assert (registry.state, registry.locator) == (DeliveryState.DELIVERED, "SILON-?")


async def test_an_outcome_that_cannot_be_recorded_is_recorded_as_one_that_is_not_known(
    tmp_path, monkeypatch
):
    async with opened_line(tmp_path, Scripted()) as line:
        upload = await line.house.hand_in(b"papers")
        record, failures = line.house.queue.record, [UnicodeEncodeError("utf-8", "x", 0, 1, "no")]

        async def fails_once(before, after, *, now, run=""):
            if failures:
                raise failures.pop()
            await record(before, after, now=now, run=run)

        monkeypatch.setattr(JournalQueue, "record", staticmethod(fails_once))
        await line.turn()

        registry, _ = await line.house.records.of_upload(upload.id)
        assert registry.state is DeliveryState.DEFERRED
        assert "UnicodeEncodeError" in registry.reason


async def test_after_the_whole_body_left_a_fault_of_our_own_leaves_doubt(tmp_path):
    script = [after_the_body(OverflowError("date value out of range"))]
    async with opened_line(tmp_path, Anything(script=script)) as line:
        upload = await line.house.hand_in(b"papers")

        await line.turn()

        registry, _ = await line.house.records.of_upload(upload.id)
        assert registry.state is DeliveryState.VERIFY
        assert registry.maybe_delivered
        assert "OverflowError" in registry.reason
        assert "out of range" not in registry.reason


async def test_a_turn_that_fails_unforeseen_ends_no_lane_and_breaks_nothing_off(
    tmp_path, monkeypatch
):
    begun, answer, stopping = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow(_progress):
        begun.set()
        await answer.wait()

    rules = {"poll": timedelta(milliseconds=1)}
    async with opened_line(tmp_path, Scripted(script=[slow]), **rules) as line:
        await line.house.hand_in(b"papers")
        waiting = line.house.queue.waiting
        failures: list[int] = []

        async def fails(*args, **kwargs):
            if begun.is_set() and len(failures) < 3:
                failures.append(1)
                raise RuntimeError("nobody foresaw it")
            return await waiting(*args, **kwargs)

        monkeypatch.setattr(JournalQueue, "waiting", staticmethod(fails))
        await line.house.hand_in(b"more")
        running = asyncio.create_task(line.worker.run(stopping))
        with capture_logs() as logged:
            await until(begun.is_set)
            answer.set()
            await until(lambda: len(failures) == 3)
            await until(lambda: len(line.destination.held) == 2)
            stopping.set()
            await running

        assert await line.states() == {"delivered": 2}
    assert [one["error"] for one in logged if one["event"] == "worker.bug"] == ["RuntimeError"] * 3


async def test_a_probe_that_hangs_holds_up_neither_claims_nor_a_stop(tmp_path):
    class Hanging(Scripted):
        async def probe(self):
            self.probes += 1
            await asyncio.Event().wait()

    stopping = asyncio.Event()
    async with opened_line(tmp_path, Hanging(), poll=timedelta(milliseconds=1)) as line:
        running = asyncio.create_task(line.worker.run(stopping))
        await line.house.operations.ask_probe(REGISTRY)
        line.wake.set()
        await until(lambda: line.destination.probes)

        await line.house.hand_in(b"papers")
        line.wake.set()
        await until(lambda: line.destination.held == [b"papers"])
        stopping.set()
        async with asyncio.timeout(2):
            await running


async def test_an_open_circuit_with_a_probe_that_raises_is_tried_again_in_the_end(tmp_path):
    class Raising(Scripted):
        async def probe(self):
            raise OverflowError

    async with opened_line(tmp_path, Raising(script=[DestinationUnavailable("503")])) as line:
        await line.house.hand_in(b"papers")
        await line.turn()
        assert line.watch.health.circuit is Circuit.OPEN

        for _ in range(3):
            line.house.clock.forward(hours=1)
            await line.turn()

        assert await line.states() == {"delivered": 1}


async def test_a_slow_answer_is_told_although_it_cannot_be_noted(tmp_path, monkeypatch):
    answer = asyncio.Event()

    async def silent(progress):
        progress.body_sent()
        await answer.wait()

    rules = {"slow_after": timedelta(milliseconds=1)}
    async with opened_line(tmp_path, Scripted(script=[silent]), **rules) as line:

        async def unfit(_name, _health: Health):
            raise ValueError("no place for it")

        monkeypatch.setattr(JournalStandings, "note", staticmethod(unfit))
        await line.house.hand_in(b"papers")
        with capture_logs() as logged:
            await line.worker.turn()
            await until(lambda: line.watch.health.circuit is Circuit.OPEN)
            answer.set()
            await line.worker.idle()

        assert await line.states() == {"delivered": 1}
    assert "health.unnoted" in [one["event"] for one in logged]


async def test_an_ill_probe_is_told_once_for_each_reason():
    class Raising(Scripted):
        async def probe(self):
            raise AttemptFailed("again") if self.probes else KeyError

    raising = Raising()
    probed = Contained(raising)
    with capture_logs() as logged:
        for _ in range(3):
            await probed.probe()
        raising.probes = 1
        await probed.probe()

    assert [one["reason"] for one in logged] == ["KeyError", "again"]

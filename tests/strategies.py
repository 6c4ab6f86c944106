"""Hypothesis strategies for the values of titip/: any that can be, none that cannot.

Times are whole microseconds of aware UTC, as the journal keeps them.
"""

import math
import string
from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import strategies as st

from titip import delivery, health, upload
from titip.delivery import DESTINATIONS, Delivery, DeliveryId, DeliveryState
from titip.evidence import Doubt, Evidence
from titip.health import Circuit, Health, HealthPolicy
from titip.metadata import render
from titip.retry import RetryPolicy
from titip.upload import Upload, UploadId, UploadState

GIB = 1 << 30
EPOCH = datetime(2024, 8, 29, 16, 0, tzinfo=UTC)

_NAME_LETTERS = string.ascii_lowercase + string.digits
_KEY_LETTERS = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) != ",")


def times():
    """Moments of some years around an election."""
    return st.integers(0, 10**14).map(lambda micros: EPOCH + timedelta(microseconds=micros))


def waits(*, shortest=timedelta(0), longest=timedelta(days=2)):
    """Lengths of time."""
    return st.timedeltas(min_value=shortest, max_value=longest)


def asked():
    """What a destination asked for: nothing, the usual, the past, and the absurd."""
    return st.one_of(
        st.none(), waits(), st.sampled_from([timedelta(days=-1), timedelta.max, timedelta.min])
    )


def rngs():
    """Seeded generators, so that a failure comes back."""
    return st.integers(0, 2**32).map(Random)


def names():
    """Submitters and ids: short, so that two of them meet often."""
    return st.text(_NAME_LETTERS, min_size=1, max_size=8)


def reasons():
    """Reasons that an operator is shown."""
    return st.sampled_from(["answered 503", "too slow", "no connection", "digest differs"])


def digests():
    """SHA-256 in hex."""
    return st.binary(min_size=32, max_size=32).map(bytes.hex)


def keys():
    """Metadata keys that the header can carry."""
    return st.text(_KEY_LETTERS, min_size=1, max_size=20)


def pairs():
    """Metadata as read: any bytes under any key."""
    return st.dictionaries(keys(), st.binary(max_size=60), max_size=6)


def metadata():
    """Metadata as the header gives it, often with a file name."""
    named = st.fixed_dictionaries({"filename": st.text(max_size=20).map(_utf8)})
    return st.one_of(pairs(), named, st.builds(lambda a, b: a | b, pairs(), named)).map(render)


def _utf8(text):
    return text.encode("utf-8", "replace")


# ---------------------------------------------------------------- uploads


@st.composite
def uploads(draw, *, states=tuple(UploadState)):
    """Uploads whose fields agree with their state."""
    state = draw(st.sampled_from(states))
    length = draw(st.one_of(st.integers(0, 64), st.integers(0, 50 * GIB)))
    begun = draw(times())
    sealed = state is UploadState.SEALED
    return Upload(
        id=UploadId(draw(names())),
        submitter=draw(names()),
        length=length,
        created_at=begun,
        offset=length if sealed else draw(st.integers(0, length)),
        metadata=draw(metadata()),
        state=state,
        touched_at=draw(st.none() | waits().map(lambda wait: begun + wait)),
        ended_at=None if state is UploadState.OPEN else begun + draw(waits()),
        sha256=draw(digests()) if sealed else "",
        key=draw(st.just("") | names()),
    )


def upload_events():
    """Whatever can happen to an upload."""
    return st.one_of(
        st.builds(upload.Appended, st.integers(-1, 64) | st.integers(0, 60 * GIB)),
        st.builds(upload.Sealed, digests()),
        st.just(upload.Terminated()),
        st.just(upload.Expired()),
    )


# ---------------------------------------------------------------- deliveries


PROVEN = tuple(one for one in Evidence if one)


@st.composite
def deliveries(draw, *, states=tuple(DeliveryState), destinations=DESTINATIONS):
    """Deliveries whose fields agree with their state."""
    state = draw(st.sampled_from(states))
    queued_at = draw(times())
    ended = not state.owed
    return Delivery(
        id=DeliveryId(draw(names())),
        upload=UploadId(draw(names())),
        destination=draw(st.sampled_from(destinations)),
        submitter=draw(names()),
        due_at=queued_at + draw(waits()),
        queued_at=queued_at,
        state=state,
        attempts=draw(st.integers(1 if state is DeliveryState.ACTIVE else 0, 40)),
        trouble_since=draw(st.none() | waits().map(lambda wait: queued_at + wait)),
        maybe_delivered=Doubt(draw(st.integers(1 if state is DeliveryState.VERIFY else 0, 2))),
        checkpoint="" if state is DeliveryState.DELIVERED else draw(st.just("") | names()),
        locator=draw(names()) if state is DeliveryState.DELIVERED else "",
        reason="" if state is DeliveryState.DELIVERED else draw(st.just("") | reasons()),
        ended_at=queued_at + draw(waits()) if ended else None,
        evidence=draw(st.sampled_from(Evidence))
        if state is DeliveryState.DELIVERED
        else Evidence.NONE,
    )


def faults():
    """What the end of a failed attempt can be."""
    return st.one_of(
        st.builds(delivery.RejectedEvent, reasons()),
        st.builds(delivery.DamagedEvent, reasons()),
        st.builds(delivery.FailedEvent, reasons(), asked()),
        st.builds(delivery.PostponedEvent, reasons(), st.booleans()),
        st.builds(delivery.UnknownEvent, reasons()),
    )


def delivery_events():
    """Whatever can happen to a delivery."""
    return st.one_of(
        faults(),
        st.builds(delivery.ClaimedEvent, times()),
        st.builds(delivery.SucceededEvent, names(), st.sampled_from(PROVEN)),
        st.just(delivery.RequeuedEvent()),
        st.just(delivery.SkippedEvent()),
        st.builds(delivery.RecordedEvent, names()),
    )


@st.composite
def retry_policies(draw):
    """Every back-off that a config can ask for."""
    floor = draw(waits(shortest=timedelta(microseconds=1), longest=timedelta(hours=1)))
    return RetryPolicy(floor=floor, ceiling=floor + draw(waits(longest=timedelta(hours=6))))


# ---------------------------------------------------------------- health


@st.composite
def health_policies(draw):
    """Every health policy that a config can ask for."""
    cool_off = draw(waits(shortest=timedelta(seconds=1), longest=timedelta(minutes=2)))
    return HealthPolicy(
        slow_after=draw(waits(shortest=timedelta(seconds=1), longest=timedelta(minutes=5))),
        max_window=draw(st.integers(1, 64)),
        cool_off=cool_off,
        cool_off_ceiling=cool_off + draw(waits(longest=timedelta(hours=1))),
    )


@st.composite
def healths(draw, *, circuits=tuple(Circuit), max_window=64):
    """Health as it can stand in the journal."""
    circuit = draw(st.sampled_from(circuits))
    since = draw(times())
    closed = circuit is Circuit.CLOSED
    sizes = st.floats(1.0, max_window)
    return Health(
        since=since,
        circuit=circuit,
        window=draw(sizes),
        threshold=draw(st.just(math.inf) | sizes),
        bad_streak=draw(st.integers(0, 3)) if closed else 0,
        openings=0 if closed else draw(st.integers(1, 40)),
        until=since + draw(waits()) if circuit is Circuit.OPEN else None,
        reason=draw(st.just("") | reasons()) if closed else draw(reasons()),
    )


def health_events():
    """Whatever can be heard of a destination."""
    return st.one_of(
        st.just(health.Good()),
        st.builds(health.Bad, reasons(), asked()),
        st.just(health.CooledOff()),
    )

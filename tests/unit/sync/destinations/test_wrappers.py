import asyncio
import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest

from sync.destinations.copy_check import WithCopyCheck
from sync.destinations.timeout import WithTimeout, by_size
from tests.destination_fakes import (
    MemoryContent,
    MemoryDestination,
    RecordingProgress,
    a_parcel,
)
from titip.errors import AttemptFailed, DestinationUnavailable
from titip.evidence import Evidence
from titip.ports.delivery import DeliveryResult

DATA = b"a supporter's statement"
PARCEL = a_parcel(DATA)


class Claims(MemoryDestination):
    """Says of its copy what a test wants."""

    def __init__(self, arrival):
        super().__init__("mirror")
        self._arrival = arrival

    async def deliver(self, parcel, content, progress):
        await progress.checkpoint("halfway")
        return self._arrival


class Hangs(MemoryDestination):
    """Never answers, before or after the body left."""

    def __init__(self, *, after_body):
        super().__init__()
        self._after_body = after_body

    async def deliver(self, parcel, content, progress):
        if self._after_body:
            progress.body_sent()
        await asyncio.Event().wait()


def verified(arrival, **options):
    progress = RecordingProgress()
    wrapped = WithCopyCheck(Claims(arrival), **options)
    return progress, wrapped.deliver(PARCEL, MemoryContent(DATA), progress)


@pytest.mark.parametrize(
    "arrival",
    [
        DeliveryResult("x", sha256=PARCEL.upload.sha256.upper()),
        DeliveryResult(
            "x", size=len(DATA), md5=hashlib.md5(DATA, usedforsecurity=False).hexdigest()
        ),
        DeliveryResult("x", size=len(DATA), sha256=PARCEL.upload.sha256, md5="never looked at"),
    ],
)
async def test_a_copy_that_is_proved_has_arrived(arrival):
    _, delivering = verified(arrival, must_prove=True)

    assert await delivering == replace(arrival, evidence=Evidence.DIGEST)


@pytest.mark.parametrize(
    "arrival",
    [
        DeliveryResult("x", size=len(DATA) - 1, sha256=PARCEL.upload.sha256),
        DeliveryResult("x", sha256="0" * 64),
        DeliveryResult("x", md5="0" * 32),
    ],
)
async def test_a_copy_that_differs_is_forgotten_and_sent_anew(arrival):
    progress, delivering = verified(arrival)

    with pytest.raises(AttemptFailed, match="the copy differs"):
        await delivering

    assert progress.last == ""


async def test_a_copy_that_nobody_digested_is_unconfirmed_where_proof_is_owed():
    progress, delivering = verified(DeliveryResult("x", size=len(DATA)), must_prove=True)

    with pytest.raises(AttemptFailed, match="unconfirmed"):
        await delivering

    assert progress.last == "halfway"


async def test_a_registry_without_digests_is_taken_at_its_word():
    _, delivering = verified(DeliveryResult("x"))

    assert (await delivering).locator == "x"


@pytest.mark.parametrize("after_body", [False, True])
async def test_a_delivery_without_an_end_is_ended(after_body):
    bounded = WithTimeout(Hangs(after_body=after_body), limit=lambda _: timedelta(milliseconds=20))

    progress = RecordingProgress()

    with pytest.raises(DestinationUnavailable):
        await bounded.deliver(PARCEL, MemoryContent(DATA), progress)

    assert bool(progress.doubt) is after_body


async def test_a_time_limit_of_the_inner_destination_is_not_taken_for_ours():
    class TimesOut(MemoryDestination):
        async def deliver(self, parcel, content, progress):
            raise TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own"):
        await WithTimeout(TimesOut()).deliver(PARCEL, MemoryContent(DATA), RecordingProgress())


def test_a_larger_upload_may_take_longer():
    assert by_size(0) == timedelta(hours=1)
    assert by_size(1 << 30) > timedelta(hours=36)

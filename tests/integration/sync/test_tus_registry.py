"""A tus registry in trouble: what is resumed, what is begun anew, and what waits for a human."""

import asyncio
import tempfile
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from sync.destinations.checkpoints import TusCheckpoint
from sync.destinations.tus.registry import TusOptions, TusRegistry
from tests.destination_fakes import (
    Crash,
    MemoryContent,
    RecordingProgress,
    a_parcel,
    tried_again,
)
from tests.gateway_fixtures import gateway, id_of
from tests.waiting import until
from titip.errors import AttemptFailed, DeliveryRejected, DestinationUnavailable, OutcomeUnknown
from titip.metadata import parse
from titip.upload import UploadState

MIB = 1 << 20
DATA = bytes(range(256)) * (10 * 1024) + b"and a tail"


@asynccontextmanager
async def a_registry(**options):
    with tempfile.TemporaryDirectory() as folder:
        async with gateway(Path(folder)) as far:
            bearer = far.lo["Authorization"].removeprefix("Bearer ")
            near = TusRegistry(
                TusOptions(
                    **{"url": f"{far.url}/files/", "bearer": bearer, "chunk": MIB, **options}
                )
            )
            try:
                yield far, near
            finally:
                await near.close()


async def deliver(near, progress=None, parcel=None, data=DATA):
    return await near.deliver(
        parcel or a_parcel(data), MemoryContent(data), progress or RecordingProgress()
    )


def sealed(far):
    return [one for one in far.store.uploads.values() if one.state is UploadState.SEALED]


async def test_the_far_side_learns_what_the_upload_is():
    async with a_registry() as (far, near):
        parcel = a_parcel(DATA, filename="ᬓᬢᬾᬧᬾ.pdf")

        arrival = await deliver(near, parcel=parcel)

        (upload,) = sealed(far)
        assert upload.sha256 == parcel.upload.sha256
        assert arrival.locator.endswith(upload.id)
        assert parse(upload.metadata) == {
            "filename": "ᬓᬢᬾᬧᬾ.pdf".encode(),
            "sha256": parcel.upload.sha256.encode(),
            "submitter": b"Pair 3",
            "key": parcel.upload.id.encode(),
        }


async def test_an_upload_goes_on_from_the_offset_that_the_far_side_tells():
    async with a_registry() as (far, near):
        parcel, progress = a_parcel(DATA), RecordingProgress(crash_before=2)
        with pytest.raises(Crash):
            await deliver(near, progress, parcel)
        reborn = RecordingProgress(checkpoint=progress.last)

        await deliver(near, reborn, tried_again(parcel, progress))

        assert reborn.bytes_sent == len(DATA) - 2 * MIB
        assert len(far.store.uploads) == 1
        assert far.store.spool[sealed(far)[0].id] == DATA


async def test_an_upload_that_was_thrown_away_is_begun_anew():
    async with a_registry() as (far, near):
        parcel, progress = a_parcel(DATA), RecordingProgress(crash_before=2)
        with pytest.raises(Crash):
            await deliver(near, progress, parcel)
        url = TusCheckpoint.parse(progress.last).url
        await far.store.terminate(await far.store.find(id_of(url)))

        arrival = await deliver(near, parcel=tried_again(parcel, progress))

        assert arrival.locator != url
        assert len(sealed(far)) == 1


async def test_an_upload_that_is_gone_after_its_last_bytes_waits_for_a_human():
    async with a_registry() as (far, near):
        parcel, progress = a_parcel(DATA), RecordingProgress()
        await deliver(near, progress, parcel)
        far.store.uploads.clear()

        with pytest.raises(DeliveryRejected, match="needs attention"):
            await deliver(near, parcel=tried_again(parcel, progress))

        assert sealed(far) == []


async def test_an_empty_file_that_may_be_there_waits_for_a_human():
    async with a_registry() as (far, near):
        parcel, progress = a_parcel(b""), RecordingProgress(crash_before=1)
        with pytest.raises(Crash):
            await deliver(near, progress, parcel, b"")

        with pytest.raises(DeliveryRejected, match="needs attention"):
            await deliver(near, parcel=tried_again(parcel, progress), data=b"")

        assert len(sealed(far)) == 1


async def test_silence_after_the_last_byte_is_unknown_and_a_look_settles_it():
    async with a_registry(answer_within=timedelta(milliseconds=300)) as (far, near):
        parcel, progress = a_parcel(b"small"), RecordingProgress()
        far.store.may_write.clear()
        with pytest.raises(DestinationUnavailable) as caught:
            await deliver(near, progress, parcel, b"small")
        far.store.may_write.set()
        await until(lambda: len(sealed(far)) == 1)

        await deliver(near, parcel=tried_again(parcel, progress), data=b"small")

        assert type(caught.value) is OutcomeUnknown
        assert len(far.store.uploads) == 1


async def test_credentials_that_ran_out_are_the_registrys_trouble():
    async with a_registry(bearer="titip_no_more") as (_, near):
        with pytest.raises(DestinationUnavailable, match="credentials refused"):
            await deliver(near)


async def test_a_full_registry_is_no_fault_of_the_file():
    async with a_registry() as (far, near):
        far.store.full = True

        with pytest.raises((DestinationUnavailable, AttemptFailed)):
            await deliver(near)

        assert sealed(far) == []


async def test_a_registry_that_is_not_there_is_unavailable():
    near = TusRegistry(TusOptions(url="http://127.0.0.1:9/files/"))

    assert await near.probe() is False
    with pytest.raises(DestinationUnavailable, match="cannot be reached"):
        await deliver(near)
    await near.close()


@pytest.mark.parametrize(
    "wrong", [{"url": "registry.example"}, {"bearer": "a\nb"}, {"chunk": 0}], ids=str
)
def test_options_that_cannot_work_are_told(wrong):
    with pytest.raises(ValueError, match="registry"):
        TusRegistry(TusOptions(**{"url": "http://127.0.0.1:9/", **wrong}))


async def test_a_cancelled_delivery_ends_soon():
    async with a_registry() as (far, near):
        far.store.may_write.clear()
        progress = RecordingProgress()
        delivering = asyncio.create_task(deliver(near, progress))
        await until(lambda: progress.bytes_sent == MIB)

        delivering.cancel()

        done, _ = await asyncio.wait([delivering], timeout=2)
        far.store.may_write.set()
        assert done
        assert delivering.cancelled()

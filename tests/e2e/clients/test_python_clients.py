"""Python's stock clients hand files in over a line that is cut: tuspy, aiotus, resumable-upload."""

import asyncio
import io

import aiotus
import pytest
import resumable_upload
from tusclient.client import TusClient

from tests.e2e.clients.fixtures import AT_MOST, MATRIX, SIZE, WENT_ON
from tests.fault_proxy import CutAfter, LoseAnswer

pytestmark = MATRIX

BATCH = 1 << 20

LARGE_BODIES = pytest.mark.filterwarnings("ignore:Sending a large body directly")
"""aiotus hands aiohttp chunks of 4 MiB, at which aiohttp frowns."""


@pytest.mark.holds("titip:client-tuspy")
async def test_tuspy_goes_on_where_the_line_was_cut(trial):
    trial.cut()

    def upload():
        client = TusClient(trial.endpoint, headers=trial.headers)
        with trial.paper.open("rb") as stream:
            uploader = client.uploader(
                file_stream=stream,
                chunk_size=SIZE // 2,
                metadata={"filename": trial.paper.name},
                retries=3,
                retry_delay=0,
            )
            uploader.upload()
        return uploader.url

    location = await asyncio.to_thread(upload)

    await trial.expect_sealed(location)


@pytest.mark.holds("titip:client-tuspy")
async def test_tuspy_sends_a_chunk_again_whose_checksum_could_not_be_told(trial):
    trial.line.plan(CutAfter(count=BATCH // 2), LoseAnswer(count=BATCH // 2))

    def upload():
        client = TusClient(trial.endpoint, headers=trial.headers)
        with trial.paper.open("rb") as stream:
            uploader = client.uploader(
                file_stream=stream,
                chunk_size=BATCH,
                metadata={"filename": trial.paper.name},
                retries=3,
                retry_delay=0,
                upload_checksum=True,
            )
            uploader.upload()
        return uploader.url

    location = await asyncio.to_thread(upload)

    await trial.expect_sealed(location)


@pytest.mark.holds("titip:client-aiotus")
@LARGE_BODIES
async def test_aiotus_goes_on_where_the_line_was_cut(trial):
    trial.cut()

    with trial.paper.open("rb") as stream:
        location = await aiotus.upload(
            trial.endpoint,
            stream,
            metadata={"filename": trial.paper.name.encode()},
            headers=trial.headers,
            config=aiotus.RetryConfiguration(max_retry_period_seconds=0.05),
        )

    await trial.expect_sealed(str(location))


@pytest.mark.holds("titip:client-aiotus")
@LARGE_BODIES
async def test_aiotus_hands_in_parts_that_are_joined(trial):
    trial.cut(AT_MOST / 2)
    content = trial.paper.read_bytes()
    parts = [io.BytesIO(content[: SIZE // 2]), io.BytesIO(content[SIZE // 2 :])]

    location = await aiotus.upload_multiple(
        trial.endpoint,
        parts,
        metadata={"filename": trial.paper.name.encode()},
        headers=trial.headers,
        config=aiotus.RetryConfiguration(max_retry_period_seconds=0.05),
        parallel_uploads=2,
    )

    await trial.expect_sealed(str(location))


@pytest.mark.holds("titip:client-resumable-upload")
@pytest.mark.parametrize("checksum", ["sha1", "sha256", ""])
async def test_resumable_upload_goes_on_where_the_line_was_cut(trial, checksum):
    """It repeats the chunk that was cut: under a checksum it must, without one it tries."""
    trial.cut()
    client = _resumable(trial, checksum=checksum or False)

    location = await asyncio.to_thread(client.upload_file, str(trial.paper))

    await trial.expect_sealed(location, most=WENT_ON + 3 * BATCH / SIZE)


@pytest.mark.holds("titip:client-resumable-upload")
async def test_resumable_upload_hands_in_parts_that_are_joined(trial):
    trial.cut(AT_MOST / 2)
    client = _resumable(trial)

    location = await asyncio.to_thread(client.upload_file, str(trial.paper), parallel_uploads=3)

    await trial.expect_sealed(location, most=WENT_ON + 3 * BATCH / SIZE)


def _resumable(trial, **options):
    return resumable_upload.TusClient(
        trial.endpoint, chunk_size=BATCH, headers=trial.headers, retry_delay=0.01, **options
    )

"""However large a file is, passing it on takes a bounded amount of memory."""

import tracemalloc
from contextlib import contextmanager

import pytest

from standin.registry.server import serve_registry
from sync.destinations.drive.options import MIB
from sync.destinations.folder.mirror import FolderMirror, FolderOptions
from sync.destinations.http.options import RegistryOptions
from sync.destinations.http.registry import HttpRegistry
from tests.destination_fakes import EndlessContent, RecordingProgress, a_parcel_of
from tests.drive_places import a_drive, a_mirror

LARGE = EndlessContent(200 * MIB)


@contextmanager
def no_more_than(limit):
    """Fail when Python allocates more than that at any moment, stand-ins included."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak - before < limit


@pytest.fixture(scope="module")
def parcel():
    return a_parcel_of(LARGE.size, LARGE.sha256)


@pytest.mark.slow
async def test_a_registry_takes_a_large_file_in_little_memory(parcel):
    async with serve_registry() as far:
        near = HttpRegistry(RegistryOptions(url=far.intake_url))
        with no_more_than(16 * MIB):
            await near.deliver(parcel, LARGE, RecordingProgress())
        await near.close()

        assert far.entries()[0]["sha256"] == LARGE.sha256


@pytest.mark.slow
async def test_drive_takes_a_large_file_in_one_chunk_of_memory(parcel):
    async with a_drive(chunk=8 * MIB, max_chunk=16 * MIB) as (far, options):
        async with a_mirror(options) as near:
            with no_more_than(40 * MIB):
                arrival = await near.deliver(parcel, LARGE, RecordingProgress())

        assert arrival.sha256 == LARGE.sha256
        assert far.stats()["bytes"] == LARGE.size


@pytest.mark.slow
async def test_a_folder_takes_a_large_file_in_little_memory(parcel, tmp_path):
    near = FolderMirror(FolderOptions(tmp_path))

    with no_more_than(8 * MIB):
        arrival = await near.deliver(parcel, LARGE, RecordingProgress())

    assert arrival.sha256 == LARGE.sha256

"""Open files of the spool: a deposit lets go of its own, whatever became of the upload."""

import asyncio
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from storage.files import deposit as deposits
from tests.storage_fixtures import opened_house
from titip.errors import StorageBroken

OPEN_FILES = Path("/proc/self/fd")

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="counts open files in /proc"
)


@pytest.fixture
def house(tmp_path):
    with opened_house(tmp_path) as house:
        yield house


def _files_in(folder):
    found = []
    for link in OPEN_FILES.iterdir():
        with suppress(OSError):  # the listing's own is gone already
            found.append(link.readlink())
    return [path for path in found if path.is_relative_to(folder) and path.suffix == ""]


async def test_a_sealed_upload_leaves_no_file_open(house, tmp_path):
    await house.hand_in(b"papers")

    assert _files_in(tmp_path) == []


async def test_bytes_written_but_not_committed_leave_no_file_open(house, tmp_path):
    deposit = await house.store.create(house.new(10))
    await deposit.commit([b"01234"])
    await deposit.write([b"56"])
    assert len(_files_in(tmp_path)) == 1

    await deposit.close()

    assert _files_in(tmp_path) == []


async def test_a_hop_that_outlives_its_request_leaves_no_file_open(house, tmp_path, monkeypatch):
    deposit = await house.store.create(house.new(10))
    await deposit.commit([b"01234"])
    entered, go_on = asyncio.Event(), threading.Lock()
    go_on.acquire()
    loop = asyncio.get_running_loop()

    def refusing(*_):
        loop.call_soon_threadsafe(entered.set)
        go_on.acquire()
        raise StorageBroken("too late")

    monkeypatch.setattr(deposits, "write_at", refusing)
    writing = asyncio.create_task(deposit.write([b"56"]))
    await entered.wait()
    writing.cancel()
    with suppress(asyncio.CancelledError):
        await writing

    closing = asyncio.create_task(deposit.close())
    go_on.release()
    await closing

    assert _files_in(tmp_path) == []

"""The wire of the Drive mirror keeps the contract."""

from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from sync.drive import DriveMirror, DriveOptions
from tests.contract.wire_contract import WireContract, authority, plain_environment
from tests.destination_fakes import MemoryContent, RecordingProgress, a_parcel

__all__ = ["authority", "plain_environment"]

DATA = b"a scan"


class TestDriveWire(WireContract):
    @asynccontextmanager
    async def wire(self, url, answer_within):
        near = DriveMirror(
            DriveOptions(
                endpoint=url,
                credentials=Path("/nowhere/drive.json"),
                timeout=answer_within,
                creates_per_second=1000,
                quick_wait=timedelta(milliseconds=1),
            )
        )
        try:
            yield lambda: near.deliver(a_parcel(DATA), MemoryContent(DATA), RecordingProgress())
        finally:
            await near.close()

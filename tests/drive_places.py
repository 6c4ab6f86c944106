"""A Drive mirror beside the stand-in that it speaks to, for tests."""

import tempfile
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from standin.drive.server import DriveOptions as StandinOptions
from standin.drive.server import serve_drive, write_credentials
from sync.destinations.drive.mirror import DriveMirror
from sync.destinations.drive.options import UNIT, DriveOptions
from tests.destination_fakes import RecordingProgress, tried_again
from titip.errors import DeliveryFault


@asynccontextmanager
async def a_drive(standin=None, **options):
    """Serve a Drive and give it with the near side's options, which name its credentials."""
    async with serve_drive(standin or StandinOptions()) as far:
        with tempfile.TemporaryDirectory() as folder:
            credentials = Path(folder) / "drive.json"
            write_credentials(credentials, drive_url=far.url)
            yield (
                far,
                DriveOptions(
                    **{
                        "credentials": credentials,
                        "endpoint": far.url,
                        "chunk": 4 * UNIT,
                        "creates_per_second": 1000,
                        "quick_wait": timedelta(milliseconds=2),
                        **options,
                    }
                ),
            )


@asynccontextmanager
async def a_mirror(options):
    """Make a mirror as a new process would, and close it at the end."""
    mirror = DriveMirror(options)
    try:
        yield mirror
    finally:
        await mirror.close()


def copies(far):
    """The bytes of every file that the Drive holds outside its trash."""
    return [
        Path(entry["path"]).read_bytes()
        for entry in far.entries()
        if entry["path"] and not entry["trashed"]
    ]


async def until_delivered(destination, parcel, content, *, attempts=6):
    """Try as a worker does; give the arrival and the faults on the way to it."""
    faults: list[DeliveryFault] = []
    progress = RecordingProgress()
    while True:
        try:
            arrival = await destination.deliver(parcel, content, progress)
        except DeliveryFault as fault:
            faults.append(fault)
            if len(faults) == attempts:
                raise
            parcel = tried_again(parcel, progress, maybe_delivered=False)
            progress = RecordingProgress(checkpoint=progress.last)
        else:
            return arrival, faults

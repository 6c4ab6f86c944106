"""What a destination does once nobody waits for it any more is no news for the event loop."""

import asyncio
import gc

import pytest

from sync import containment
from sync.containment import Contained
from tests.destination_fakes import MemoryContent, RecordingProgress, a_parcel
from tests.unit.sync.worker.test_worker import Scripted
from tests.waiting import until


class Late(Scripted):
    """Hears of no end until it is let go, and fails then."""

    def __init__(self):
        super().__init__()
        self.tasks = []
        self.go = asyncio.Event()

    async def probe(self):
        self.tasks.append(asyncio.current_task())
        while not self.go.is_set():
            try:
                await self.go.wait()
            except asyncio.CancelledError:
                continue  # as a thread that is stuck in a system call
        raise KeyError

    async def close(self):
        await self.probe()

    async def deliver(self, parcel, content, progress):
        await self.probe()


async def probed(destination):
    assert await destination.probe() is False


async def delivered(destination):
    delivering = asyncio.create_task(
        destination.deliver(a_parcel(), MemoryContent(b""), RecordingProgress())
    )
    await asyncio.sleep(0)
    delivering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await delivering


@pytest.mark.parametrize("leave", [probed, delivered, Contained.close])
async def test_a_failure_after_it_was_left_to_itself_is_not_complained_of(monkeypatch, leave):
    monkeypatch.setattr(containment, "PROBE_WITHIN", 0.01)
    monkeypatch.setattr(containment, "PATIENCE", 0.01)
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, told: complaints.append(told))
    late = Late()
    await leave(Contained(late))

    late.go.set()
    await until(lambda: all(task.done() for task in late.tasks))
    late.tasks.clear()
    await asyncio.sleep(0)
    gc.collect()  # a task complains when it is thrown away

    assert complaints == []

"""What an attempt makes of a spool that does not hold what was sealed."""

import os

from tests import rot
from tests.unit.sync.worker.test_worker import Scripted, opened_line
from titip.delivery import DeliveryState
from titip.ports.delivery import DeliveryResult


async def test_a_spool_that_lost_bytes_passes_nothing_on_and_waits_for_a_human(tmp_path):
    async with opened_line(tmp_path, Scripted()) as line:
        upload = await line.house.hand_in(b"papers")
        os.truncate(line.house.spool.path(upload.id), 3)

        await line.turn()

        assert line.destination.seen == []
        assert await line.states() == {"parked": 1}
        registry, mirror = await line.house.records.of_upload(upload.id)
        assert registry.reason == "damaged: it has 3 bytes instead of 6; see titip repair"
        assert (await line.house.store.find(upload.id)).damaged
        assert mirror.state.owed


async def test_a_spool_that_may_not_be_read_accuses_no_bytes(tmp_path, monkeypatch):
    async with opened_line(tmp_path, Scripted()) as line:
        upload = await line.house.hand_in(b"papers")
        rot.unreadable(line.house.spool.path(upload.id), monkeypatch)

        await line.turn()

        registry, _ = await line.house.records.of_upload(upload.id)
        assert registry.reason.startswith("its bytes cannot be read from the spool")
        assert not (await line.house.store.find(upload.id)).damaged


async def test_an_arrival_that_nothing_proves_is_no_delivery(tmp_path):
    class Claiming(Scripted):
        async def deliver(self, parcel, content, progress):
            return DeliveryResult("ref", size=content.size)

    async with opened_line(tmp_path, Claiming()) as line:
        upload = await line.house.hand_in(b"papers")

        await line.turn()

        registry, _ = await line.house.records.of_upload(upload.id)
        assert registry.state is DeliveryState.VERIFY
        assert registry.reason == "the destination showed nothing that proves the delivery"

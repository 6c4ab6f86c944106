"""No destination ever gets the whole of a file that is not the sealed one any more."""

import pytest

from sync.destinations.copy_check import WithCopyCheck
from sync.destinations.timeout import WithTimeout
from tests import rot
from tests.contract import (
    test_drive_destination,
    test_folder_destination,
    test_registry_destination,
    test_tus_destination,
)
from tests.destination_fakes import MemoryContent, RecordingProgress
from tests.unit.sync.worker.test_worker import opened_line
from titip.health import Circuit

SMALL = b"a supporter's statement \x00\xff" * 100
LARGE = bytes(range(256)) * (10 * 1024) + b"and a tail"

PLACES = {
    "folder": test_folder_destination.TestFolderMirror,
    "drive": test_drive_destination.TestDriveMirror,
    "http": test_registry_destination.TestFormWithLookup,
    "tus": test_tus_destination.TestTusRegistry,
}
ROT = {
    "small changed": (SMALL, rot.flip),
    "small gone": (SMALL, rot.vanish),
    "large changed at its start": (LARGE, rot.flip),
    "large changed at its end": (LARGE, rot.flip_last),
    "large cut": (LARGE, rot.cut),
    "large longer": (LARGE, rot.grow),
}


@pytest.mark.parametrize(("data", "damage"), ROT.values(), ids=ROT)
@pytest.mark.parametrize("kind", PLACES)
async def test_rot_parks_the_delivery_and_a_repair_delivers_it_once(tmp_path, kind, data, damage):
    async with (
        PLACES[kind]().place() as place,
        opened_line(tmp_path, WithTimeout(WithCopyCheck(place.destination))) as line,
    ):
        upload = await line.house.hand_in(data)
        line.house.clock.forward(minutes=2)
        damage(line.house.spool.path(upload.id))

        await line.turn()

        assert [len(copy) for copy in place.held()] == []
        assert await line.states() == {"parked": 1}
        assert (await _delivery(line, upload)).reason.startswith("damaged: ")
        assert (await line.house.store.find(upload.id)).damaged
        assert (await line.house.records.totals()).damaged == 1
        assert line.watch.health.circuit is Circuit.CLOSED

        repair = rot.repair_of(line.house)
        await repair.put_back(upload, rot.pieces_of(data))
        assert await repair.settle(upload) == 1
        await line.drain()

        assert place.held() == [data]
        assert await line.states() == {"delivered": 1}
        assert (await line.house.records.totals()).damaged == 0


async def test_what_had_arrived_already_is_found_without_its_bytes(tmp_path):
    async with (
        PLACES["http"]().place() as place,
        opened_line(tmp_path, WithTimeout(WithCopyCheck(place.destination))) as line,
    ):
        house = line.house
        upload = await house.hand_in(SMALL)
        now = house.clock()
        (parcel,) = await house.queue.claim(
            "registry", "pair-1", now=now, until=now, limit=1, ignore_delay=False
        )
        await place.destination.deliver(parcel, MemoryContent(SMALL), RecordingProgress())
        rot.vanish(house.spool.path(upload.id))  # and the worker died before it noted its success

        await line.turn()

        assert await line.states() == {"delivered": 1}
        assert place.held() == [SMALL]


async def _delivery(line, upload):
    found = await line.house.records.of_upload(upload.id)
    return next(one for one in found if one.destination == line.destination.name)

"""Joining on real disks: for nothing where files share bytes, politely where they cannot."""

import asyncio
import os
import time
from dataclasses import replace
from statistics import quantiles

import pytest

from storage import concatenation
from storage.files.extents import AdaptiveChunk, shares_extents
from storage.files.integrity import damage_of
from tests.disks.mounts import MIB, memory_disk, sharing_disk, small_disk, why_not
from tests.storage_fixtures import opened_house, sha256
from titip.errors import StorageFull
from titip.upload import PART, UploadState

xfs = pytest.mark.skipif(bool(why_not("mkfs.xfs")), reason=why_not("mkfs.xfs"))
ext4 = pytest.mark.skipif(bool(why_not("mkfs.ext4")), reason=why_not("mkfs.ext4"))

PARTS = 20
QUICKLY = 0.5
"""Seconds a joining may take where bytes are shared, its digest aside."""

HELD_UP = 0.05
"""Seconds a joining may hold another upload up, at the 99th percentile."""


@pytest.fixture
def joined_at(monkeypatch):
    """Note when the bytes of a joining are all there, and only their digest is left."""
    moments = []
    digest = concatenation.digest_of

    def noting(*args):
        moments.append(time.monotonic())
        return digest(*args)

    monkeypatch.setattr(concatenation, "digest_of", noting)
    return moments


async def hand_in(house, data):
    upload = replace(house.new(len(data)), concat=PART)
    deposit = await house.store.create(upload)
    try:
        for start in range(0, len(data), MIB):
            await deposit.write([data[start : start + MIB]])
        return await deposit.commit()
    finally:
        await deposit.close()


async def begun(house, parts):
    final = replace(house.new(None), concat="final;")
    return await house.joiner.begin(final, [one.id for one in parts])


def used(place):
    os.sync()
    disk = os.statvfs(place)
    return (disk.f_blocks - disk.f_bfree) * disk.f_frsize


@pytest.mark.holds("titip:concat-shares")
@xfs
async def test_large_parts_are_joined_at_once_and_in_no_room_where_bytes_are_shared(
    tmp_path, joined_at
):
    data = os.urandom(10 * MIB)

    with sharing_disk(tmp_path / "disk") as place, opened_house(place) as house:
        parts = [await hand_in(house, data) for _ in range(PARTS)]
        assert os.statvfs(place).f_bavail * 4096 < PARTS * len(data)  # no room for it twice
        final = await begun(house, parts)
        before, asked = used(place), time.monotonic()
        whole = await house.joiner.finish(final.id)

        assert joined_at[0] - asked < QUICKLY
        assert used(place) - before < MIB
        assert whole.sha256 == sha256(data * PARTS)
        house.clock.forward(hours=2)
        assert await house.store.expire(idle_since=house.clock()) == PARTS
        assert damage_of(house.spool, whole) == ""
        assert abs(used(place) - before) < MIB  # the whole holds what its parts held


@xfs
async def test_parts_of_odd_lengths_are_joined_where_bytes_are_shared_too(tmp_path):
    sizes = (MIB, 4096 * 3 + 1, 4095, 100, MIB + 7)

    with sharing_disk(tmp_path / "disk") as place, opened_house(place) as house:
        pieces = [os.urandom(size) for size in sizes]
        parts = [await hand_in(house, piece) for piece in pieces]
        weight = await house.joiner.measure(house.new(None), [one.id for one in parts])
        whole = await house.joiner.finish((await begun(house, parts)).id)

        assert shares_extents(place)
        assert weight.room == 4095 + MIB + 7  # those that do not begin at a block
        assert whole.sha256 == sha256(b"".join(pieces))
        assert damage_of(house.spool, whole) == ""


@ext4
@pytest.mark.parametrize("disk", [small_disk, memory_disk])
async def test_where_nothing_is_shared_it_is_copied_if_there_is_room(disk, tmp_path):
    data = os.urandom(5 * MIB + 1)

    with disk(tmp_path / "disk", size=48 * MIB) as place, opened_house(place) as house:
        parts = [await hand_in(house, data) for _ in range(3)]
        weight = await house.joiner.measure(house.new(None), [one.id for one in parts])
        whole = await house.joiner.finish((await begun(house, parts)).id)
        assert weight.room == 3 * len(data)
        assert not shares_extents(place)
        assert whole.sha256 == sha256(data * 3)

        too_much = await begun(house, parts * 2)
        with pytest.raises(StorageFull, match="no room to join"):
            await house.joiner.finish(too_much.id)
        assert house.spool.path(too_much.id).stat().st_size == 0
        assert (await house.store.find(too_much.id)).state is UploadState.OPEN


async def commits(house, until):
    """Hand small files in, one after the other; give the seconds that each took."""
    took: list[float] = []
    while not until(len(took)):
        asked = time.monotonic()
        await house.hand_in(os.urandom(20_000))
        took.append(time.monotonic() - asked)
    return took


def p99(seconds):
    return quantiles(seconds, n=100)[98]


async def held_up(house, parts):
    """Tell how much longer than otherwise another upload waits while these are joined."""
    alone = await commits(house, lambda count: count == 100)
    final = await begun(house, parts)
    joins = asyncio.create_task(house.joiner.finish(final.id))
    beside = await commits(house, lambda count: joins.done() and count >= 20)
    await joins
    return p99(beside) - p99(alone)


@pytest.mark.holds("titip:concat-aside")
@ext4
async def test_a_copy_holds_no_other_upload_up(tmp_path):
    with small_disk(tmp_path / "disk", size=512 * MIB) as place, opened_house(place) as house:
        parts = [await hand_in(house, os.urandom(16 * MIB)) for _ in range(4)]

        delays = [await held_up(house, parts)]
        while min(delays) >= HELD_UP and len(delays) < 3:  # somebody else may use this machine
            delays.append(await held_up(house, parts))

    assert min(delays) < HELD_UP, delays


@pytest.mark.holds("titip:concat-aside")
async def test_every_step_of_a_copy_is_on_the_disk_before_the_next(tmp_path, monkeypatch):
    unsynced, most, copied = 0, 0, os.copy_file_range

    def counting(*args):
        nonlocal unsynced, most
        wrote = copied(*args)
        unsynced += wrote
        most = max(most, unsynced)
        return wrote

    def synced(fd):
        nonlocal unsynced
        os.fdatasync(fd)
        unsynced = 0

    monkeypatch.setattr("storage.files.extents._shared", lambda *_args, **_kwargs: False)
    monkeypatch.setattr("storage.files.extents.sync_data", synced)
    monkeypatch.setattr(os, "copy_file_range", counting)
    with opened_house(tmp_path) as house:
        parts = [await hand_in(house, os.urandom(12 * MIB)) for _ in range(2)]
        whole = await house.joiner.finish((await begun(house, parts)).id)

    assert whole.length == 24 * MIB
    assert 0 < most <= AdaptiveChunk.LARGEST

"""A damaged file gets its bytes back, and what waited for them goes."""

from random import Random

import pytest

from storage.recovery import recover
from tests import rot
from tests.storage_fixtures import POLICY, opened_house
from titip.delivery import DamagedEvent, DeliveryState, RejectedEvent, advance
from titip.errors import ContentDamaged

PAPERS = b"papers " * 500_000


@pytest.fixture
def house(tmp_path):
    with opened_house(tmp_path) as house:
        yield house


async def parked(house, upload, event):
    now = house.clock()
    claimed = await house.queue.claim(
        "registry", upload.submitter, now=now, until=now, limit=9, ignore_delay=False
    )
    (before,) = [one.delivery for one in claimed if one.upload.id == upload.id]
    after = advance(before, event, now=now, policy=POLICY, rng=Random(1))
    await house.queue.record(before, after, now=now)


async def registry_of(house, upload):
    return (await house.records.of_upload(upload.id))[0]


def spare_files(house):
    return sorted(path.name for path in house.spool.quarantine.iterdir())


@pytest.mark.parametrize("damage", [rot.flip, rot.cut, rot.grow, rot.vanish])
async def test_a_good_copy_takes_the_place_of_the_damaged_file(house, damage):
    upload = await house.hand_in(PAPERS)
    path = house.spool.path(upload.id)
    damage(path)
    wrong = path.read_bytes() if path.exists() else None
    repair = rot.repair_of(house)
    assert await repair.examine(upload)
    await parked(house, upload, DamagedEvent("its bytes are not the sealed ones"))

    await repair.put_back(upload, rot.pieces_of(PAPERS))
    requeued = await repair.settle(upload)

    assert path.read_bytes() == PAPERS
    assert requeued == 1
    assert await repair.examine(upload) == ""
    assert (await registry_of(house, upload)).state is DeliveryState.QUEUED
    assert (await house.store.find(upload.id)).repairs == 1
    kept = [house.spool.quarantine / name for name in spare_files(house)]
    assert [one.read_bytes() for one in kept] == ([] if wrong is None else [wrong])
    assert (await recover(house.spool, house.journal)).quiet


@pytest.mark.parametrize("copy", [PAPERS[:-1], PAPERS + b"x", b"P" + PAPERS[1:], b""])
async def test_a_copy_that_is_not_the_sealed_file_changes_nothing(house, copy):
    upload = await house.hand_in(PAPERS)
    path = house.spool.path(upload.id)
    rot.flip(path)
    wrong = path.read_bytes()
    repair = rot.repair_of(house)
    await repair.examine(upload)

    with pytest.raises(ContentDamaged):
        await repair.put_back(upload, rot.pieces_of(copy))

    assert path.read_bytes() == wrong
    assert spare_files(house) == []
    assert (await house.store.find(upload.id)).damaged


@pytest.mark.parametrize("size", [1, 3, 5, 6, 7])
async def test_of_a_copy_that_never_ends_no_more_is_taken_than_shows_that(house, size):
    upload = await house.hand_in(b"papers")
    taken = []

    async def endless():
        while True:
            taken.append(b"x" * size)
            yield taken[-1]

    with pytest.raises(ContentDamaged, match="more than 6 bytes"):
        await rot.repair_of(house).put_back(upload, endless())

    assert len(b"".join(taken[:-1])) <= upload.size


async def test_only_what_was_parked_for_its_bytes_goes_again(house):
    upload = await house.hand_in(b"papers")
    await parked(house, upload, RejectedEvent("refused this file (422)"))

    assert await rot.repair_of(house).settle(upload) == 0
    assert (await registry_of(house, upload)).state is DeliveryState.PARKED


async def test_a_second_damage_is_put_aside_under_another_name(house):
    upload = await house.hand_in(b"papers")
    repair = rot.repair_of(house)
    for _ in range(2):
        rot.flip(house.spool.path(upload.id))
        await repair.put_back(upload, rot.pieces_of(b"papers"))

    assert spare_files(house) == [f"{upload.id}.damaged-1", f"{upload.id}.damaged-2"]


async def test_an_upload_that_was_never_damaged_is_never_repaired(house):
    upload = await house.hand_in(b"papers")

    await rot.repair_of(house).settle(upload)

    assert (await house.store.find(upload.id)).repairs == 0

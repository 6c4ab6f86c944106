"""An unfinished upload whose committed bytes are gone is refused from then on."""

import os

import pytest

from storage.recovery import recover
from tests.storage_fixtures import opened_house
from titip.errors import ContentDamaged, UploadGone
from titip.upload import UploadState


@pytest.fixture
def house(tmp_path):
    with opened_house(tmp_path) as house:
        yield house


async def begun(house, data=b"01234", *, length=10):
    deposit = await house.store.create(house.new(length))
    upload = await deposit.commit([data])
    await deposit.close()
    return upload


async def lose(house, upload, *, left=2):
    os.truncate(house.spool.path(upload.id), left)


@pytest.mark.holds("draft:state-lost", "draft6:state-lost")
async def test_an_upload_found_short_at_a_start_is_refused_from_then_on(house):
    short, whole = await begun(house), await begun(house)
    await lose(house, short)

    house.store.mark_unusable((await recover(house.spool, house.journal)).short)

    assert (await house.store.find(short.id)).state is UploadState.EXPIRED
    with pytest.raises(UploadGone):
        await house.store.resume(short)
    with pytest.raises(UploadGone):
        await house.store.terminate(await house.store.find(short.id))
    assert await house.store.find(whole.id) == whole


@pytest.mark.holds("draft:state-lost", "draft6:state-lost")
async def test_so_is_one_that_is_found_short_when_it_goes_on(house):
    upload = await begun(house)
    await lose(house, upload)
    deposit = await house.store.resume(upload)

    with pytest.raises(ContentDamaged):
        await deposit.commit([b"56789"])

    await deposit.close()
    assert (await house.store.find(upload.id)).state is UploadState.EXPIRED
    assert house.spool.path(upload.id).read_bytes() == b"01"


async def test_a_start_that_finds_the_bytes_again_goes_on_with_them(tmp_path):
    with opened_house(tmp_path) as house:
        upload = await begun(house)
        house.store.mark_unusable([upload.id])

    with opened_house(tmp_path) as house:
        assert await house.store.find(upload.id) == upload


async def test_a_sealed_upload_is_never_given_up(house):
    sealed = await house.hand_in(b"papers")

    house.store.mark_unusable([sealed.id])

    assert (await house.store.find(sealed.id)).state is UploadState.SEALED

"""A restore makes a whole data folder or none, writes over nothing, and doubts what is owed."""

import asyncio
import json
from datetime import timedelta
from pydoc import locate

import pytest

from storage.backup.manifest import UnfitBackup
from storage.backup.restore import restore
from storage.clock import utc_now
from storage.data_folder import UnfitFolder, refuse_backup_folder
from storage.journal.migrate import SCHEMAS
from storage.recovery import recover
from tests.backup_fixtures import (
    EVERYTHING,
    backed_up,
    begun,
    contents,
    crashing,
    is_sound,
    quiet,
    restored,
)
from tests.destination_fakes import Crash
from tests.storage_fixtures import opened_house
from titip.delivery import DeliveryState
from titip.ports.operations import Selection


@pytest.fixture
def new(tmp_path):
    return tmp_path / "new"


@pytest.fixture
async def bak(tmp_path):
    """A backup of a sealed file whose registry delivery is under way, and of a begun one."""
    root = tmp_path / "data"
    root.mkdir()
    with opened_house(root) as house:
        await house.hand_in(b"papers")
        await begun(house, b"01234", length=10)
        until = house.clock.time.replace(year=2099)
        await house.queue.claim(
            "registry", "pair-1", now=house.clock(), until=until, limit=1, ignore_delay=False
        )
        backed_up(root, tmp_path / "bak")
    return tmp_path / "bak"


async def test_what_is_owed_is_looked_up_first_and_its_lease_has_lapsed(bak, new):
    report = await asyncio.to_thread(restored, bak, new)

    assert is_sound(report)
    assert report.owed == 2
    with opened_house(new) as house:
        owed = await house.records.deliveries(EVERYTHING)
        assert all(one.maybe_delivered and one.from_backup for one in owed)
        house.clock.forward(days=365 * 3)
        assert await house.queue.waiting("registry", now=house.clock(), ignore_delay=False) == [
            "pair-1"
        ]


async def test_nothing_is_looked_at_before_the_former_servers_last_requests_are_over(bak, new):
    settle = timedelta(minutes=1)
    since = utc_now()

    await asyncio.to_thread(restore, bak, new, fast=False, tell=quiet, settle=settle)

    with opened_house(new) as house:
        owed = await house.records.deliveries(EVERYTHING)
    assert all(one.due_at >= since + settle for one in owed)


async def test_an_operators_word_ends_the_doubt_of_a_restore(bak, new):
    await asyncio.to_thread(restored, bak, new)

    with opened_house(new) as house:
        (upload,) = {one.upload for one in await house.records.deliveries(EVERYTHING)}
        await house.operations.resync(
            Selection(ids=[upload], destination="mirror", confirmed_absent=True), now=house.clock()
        )

        registry, mirror = await house.records.of_upload(upload)
        assert (mirror.maybe_delivered, mirror.from_backup) == (False, False)
        assert registry.from_backup


async def test_an_upload_goes_on_after_a_restore_and_the_backup_keeps_its_own_bytes(bak, new):
    await asyncio.to_thread(restored, bak, new)

    with opened_house(new) as house:
        (half,) = [one for one in await house.records.uploads(EVERYTHING) if not one.complete]
        deposit = await house.store.resume(half)
        await deposit.commit([b"56789"])
        await deposit.close()
        findings = await recover(house.spool, house.journal)

    assert findings.quiet
    assert (new / "spool" / half.id[:2] / half.id).read_bytes() == b"0123456789"
    assert (bak / "spool" / half.id[:2] / half.id).read_bytes() == b"01234"


async def test_nothing_is_written_over(bak, new, tmp_path):
    new.mkdir()
    (new / "journal.db").write_text("precious")

    with pytest.raises(UnfitBackup, match="is not empty"):
        restored(bak, new)
    with pytest.raises(UnfitBackup, match="is no folder"):
        restored(bak, new / "journal.db")
    assert [path.name for path in new.iterdir()] == ["journal.db"]


@pytest.mark.parametrize(
    ("place", "after"),
    [
        ("storage.backup.cut.bring", True),
        ("storage.backup.restore.doubt", False),
        ("storage.backup.restore.sync_folder", True),
        ("storage.backup.restore.shutil.rmtree", False),
    ],
)
async def test_a_restore_that_is_cut_can_be_run_again(*, bak, new, monkeypatch, place, after):
    with monkeypatch.context() as patch:
        patch.setattr(place, crashing(locate(place), at=1, after=after))
        with pytest.raises(Crash):
            await asyncio.to_thread(restored, bak, new)
    cut_before_the_end = not (new / "journal.db").exists()

    if cut_before_the_end:
        with pytest.raises(UnfitFolder, match="titip restore again"):
            refuse_backup_folder(new)
        assert is_sound(await asyncio.to_thread(restored, bak, new))
    assert sorted((await contents(new)).values()) == [b"01234", b"papers"]


async def test_a_spoilt_backup_is_told_and_the_rest_is_restored(bak, new, tmp_path):
    with opened_house(tmp_path / "data") as house:
        other = await house.hand_in(b"other papers")
        gone = await house.hand_in(b"gone papers")
    backed_up(tmp_path / "data", bak)
    spoilt = bak / "spool" / other.id[:2] / other.id
    spoilt.unlink()
    spoilt.write_bytes(bytes(other.length))
    (bak / "spool" / gone.id[:2] / gone.id).unlink()

    report = await asyncio.to_thread(restored, bak, new)
    fast = await asyncio.to_thread(restored, bak, tmp_path / "fast", fast=True)

    assert report.damaged == [other.id]
    assert report.missing == fast.missing == [gone.id]
    assert fast.damaged == []
    assert sum(report.ways.values()) == 3


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "no complete backup"),
        ("{", "not JSON"),
        ('{"of": "something else"}', "of another Titip"),
        ({"format": 2}, "newer Titip"),
        ({"schema": 7}, f"schema 7, this Titip knows {len(SCHEMAS)}"),
        ({"schema": 0}, "not of one backup"),
    ],
)
async def test_what_is_not_a_complete_backup_of_this_titip_is_refused(bak, new, text, told):
    manifest = bak / "backup.json"
    if text is None:
        manifest.unlink()
    else:
        changed = {**json.loads(manifest.read_text()), **text} if isinstance(text, dict) else text
        manifest.write_text(changed if isinstance(changed, str) else json.dumps(changed))

    with pytest.raises(UnfitBackup, match=told):
        restored(bak, new)
    assert not new.exists()


async def test_a_backup_is_not_served_from(bak):
    with pytest.raises(UnfitFolder, match="is a backup"):
        refuse_backup_folder(bak)


async def test_a_delivered_file_owes_nothing_after_a_restore(tmp_path, new):
    root = tmp_path / "data"
    root.mkdir()
    with opened_house(root) as house:
        await house.hand_in(b"papers")
        await house.journal.write(
            lambda db: db.execute(
                "UPDATE deliveries SET state = 'delivered', ended_at = due_at"
            ).fetchall()
        )
        backed_up(root, tmp_path / "bak")

    report = await asyncio.to_thread(restored, tmp_path / "bak", new)

    assert report.owed == 0
    with opened_house(new) as house:
        states = {one.state for one in await house.records.deliveries(EVERYTHING)}
    assert states == {DeliveryState.DELIVERED}

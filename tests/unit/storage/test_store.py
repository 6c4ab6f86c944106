"""Custody: what the store acknowledged is on the disk, with its digest and its deliveries."""

import asyncio
import hashlib
import os
import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from storage.files import deposit as deposits
from storage.files import durable
from storage.journal.database import Journal
from storage.recovery import recover
from tests.storage_fixtures import opened_house, sha256
from titip.delivery import DeliveryState
from titip.errors import (
    ContentDamaged,
    LengthExceeded,
    OffsetConflict,
    StorageBroken,
    StorageFull,
    UploadClosed,
    UploadGone,
    UploadMissing,
)
from titip.upload import Completion, UploadExists, UploadState


@pytest.fixture
def house(tmp_path):
    with opened_house(tmp_path) as house:
        yield house


async def test_a_whole_file_in_one_commit_is_sealed_with_its_digest_and_deliveries(house):
    sealed = await house.hand_in(b"papers")

    assert sealed.state is UploadState.SEALED
    assert sealed.sha256 == sha256(b"papers")
    assert house.spool.path(sealed.id).read_bytes() == b"papers"
    owed = await house.records.of_upload(sealed.id)
    assert {one.destination: one.due_at - house.clock() for one in owed} == {
        "registry": timedelta(0),
        "mirror": timedelta(seconds=60),
    }
    assert house.bell.rings == 1


async def test_an_empty_file_is_sealed_at_its_creation(house):
    sealed = await house.hand_in(b"")

    assert sealed.state is UploadState.SEALED
    assert sealed.sha256 == sha256(b"")
    assert house.spool.path(sealed.id).read_bytes() == b""


async def test_an_upload_goes_on_where_it_was_committed(house):
    upload = house.new(10)
    first = await house.store.create(upload)
    await first.commit([b"01234"])
    await first.write([b"lost"])
    await first.close()

    second = await house.store.resume(upload)
    assert second.upload.offset == 5
    sealed = await second.commit([b"56789"])
    await second.close()

    assert sealed.sha256 == sha256(b"0123456789")
    assert house.spool.path(upload.id).read_bytes() == b"0123456789"


async def test_a_digest_is_read_again_after_a_restart(tmp_path):
    with opened_house(tmp_path) as house:
        upload = house.new(3 << 20)
        first = await house.store.create(upload)
        await first.commit([b"a" * (2 << 20)])
        await first.close()

    with opened_house(tmp_path) as house:
        second = await house.store.resume(upload)
        sealed = await second.commit([b"b" * (1 << 20)])
        await second.close()

    assert sealed.sha256 == sha256(b"a" * (2 << 20) + b"b" * (1 << 20))


@pytest.mark.parametrize("length", [None, 6])
async def test_a_digest_is_read_again_where_only_the_end_is_told_after_a_restart(tmp_path, length):
    with opened_house(tmp_path) as house:
        upload = house.new(length)
        first = await house.store.create(upload)
        await first.commit([b"papers"], closing=Completion.NOT_YET)
        await first.close()

    with opened_house(tmp_path) as house:
        second = await house.store.resume(upload)
        sealed = await second.commit(closing=Completion.NOW)
        await second.close()

    assert sealed.sha256 == sha256(b"papers")


@pytest.mark.parametrize("committed", [b"", b"abc"])
async def test_a_rewound_chunk_gives_its_room_back_at_once(house, committed):
    deposit = await house.store.create(house.new(None))
    await deposit.commit([committed], closing=Completion.NOT_YET)
    await deposit.write([b"x" * (1 << 20)])

    await deposit.rewind()

    assert house.spool.path(deposit.upload.id).stat().st_size == len(committed)
    await deposit.close()


async def test_a_rewound_chunk_leaves_no_trace(house):
    upload = house.new(6)
    deposit = await house.store.create(upload)
    await deposit.commit([b"abc"])

    await deposit.write([b"XYZ"])
    await deposit.rewind()
    sealed = await deposit.commit([b"def"])
    await deposit.close()

    assert sealed.sha256 == sha256(b"abcdef")


@pytest.mark.holds("titip:length-413")
async def test_nothing_past_the_length_is_written(house):
    upload = house.new(4)
    deposit = await house.store.create(upload)

    with pytest.raises(LengthExceeded):
        await deposit.write([b"12", b"345"])

    sealed = await deposit.commit([b"1234"])
    await deposit.close()
    assert sealed.sha256 == sha256(b"1234")


async def test_the_tap_sees_every_piece_once(house):
    seen = hashlib.sha1()  # noqa: S324 - the protocol's checksum, not a secret
    deposit = await house.store.create(house.new(6), tap=seen.update)

    await deposit.write([b"ab", b"cd"])
    await deposit.commit([b"ef"])
    await deposit.close()

    assert seen.hexdigest() == hashlib.sha1(b"abcdef").hexdigest()  # noqa: S324


@pytest.mark.holds("titip:race-safe", "draft:race-safe")
async def test_two_hands_on_one_upload_cannot_both_move_it(house):
    upload = house.new(10)
    born = await house.store.create(upload)
    await born.commit([b"01"])
    await born.close()
    one, other = await house.store.resume(upload), await house.store.resume(upload)
    await one.commit([b"234"])

    with pytest.raises(OffsetConflict) as conflict:
        await other.commit([b"2345"])

    assert conflict.value.committed == 5
    await one.close()
    await other.close()


async def test_an_unknown_an_ended_and_a_sealed_upload_are_told_apart(house):
    with pytest.raises(UploadMissing):
        await house.store.resume(house.new(1))

    withdrawn = await _begun(house, b"ab", length=4)
    await house.store.terminate(withdrawn)
    with pytest.raises(UploadGone):
        await house.store.resume(withdrawn)
    assert not house.spool.path(withdrawn.id).exists()

    sealed = await house.hand_in(b"x")
    with pytest.raises(UploadClosed):
        await house.store.resume(sealed)
    with pytest.raises(UploadClosed):
        await house.store.terminate(sealed)


async def test_room_counts_what_open_uploads_may_still_bring(house):
    unborn = await house.store.create(house.new(1000))
    begun = await _begun(house, b"ab", length=102)

    assert (await house.store.room()).promised == 1100
    await unborn.close()
    assert (await house.store.room()).promised == 100
    await house.store.terminate(begun)
    assert (await house.store.room()).promised == 0


async def test_a_creation_that_never_committed_frees_its_bytes(house):
    upload = house.new(100)
    deposit = await house.store.create(upload)
    await deposit.write([b"x" * 50])

    await deposit.close()

    assert not house.spool.path(upload.id).exists()
    assert await house.store.find(upload.id) is None


async def test_a_second_creation_under_one_key_finds_the_first(house):
    first = replace(house.new(2), key="k1")
    deposit = await house.store.create(first)
    racing = await house.store.create(replace(house.new(2), key="k1"))
    sealed = await deposit.commit([b"ab"])
    await deposit.close()

    with pytest.raises(UploadExists) as known:
        await house.store.create(replace(house.new(2), key="k1"))
    assert known.value.upload == sealed
    with pytest.raises(UploadExists):
        await racing.commit([b"ab"])
    await racing.close()
    assert not house.spool.path(racing.upload.id).exists()
    assert (await house.records.totals()).uploads == {UploadState.SEALED: 1}


async def test_on_a_full_disk_a_key_still_finds_its_upload_and_nothing_new_begins(
    house, monkeypatch
):
    first = await house.store.create(replace(house.new(2), key="k1"))
    sealed = await first.commit([b"ab"])
    await first.close()
    monkeypatch.setattr(Journal, "reserved", False)

    with pytest.raises(UploadExists) as known:
        await house.store.create(replace(house.new(2), key="k1"))
    with pytest.raises(StorageFull):
        await house.store.create(replace(house.new(2), key="k2"))

    assert known.value.upload == sealed


async def test_what_is_handed_in_is_its_owner_s_alone_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        with opened_house(tmp_path) as house:
            await house.hand_in(b"papers")
            await _begun(house, b"ab", length=4)
    finally:
        os.umask(before)

    made = [path for path in (tmp_path / "spool").rglob("*") if path.is_file()]
    assert [path.stat().st_mode & 0o777 for path in made] == [0o600, 0o600]


async def test_a_key_is_its_submitter_s_alone_and_free_again_after_an_end(house):
    mine = replace(house.new(4), key="k1")
    begun = await house.store.create(mine)
    await begun.commit([b"ab"])
    await begun.close()

    other = await house.store.create(replace(house.new(4, submitter="pair-2"), key="k1"))
    await other.commit()
    await other.close()
    await house.store.terminate(await house.store.find(mine.id))
    again = await house.store.create(replace(house.new(4), key="k1"))
    await again.commit()
    await again.close()


@pytest.mark.holds("tus:expiration-removal")
async def test_idle_uploads_expire_and_busy_ones_do_not(house):
    idle = await _begun(house, b"ab", length=4)
    house.clock.forward(days=6)
    busy = await _begun(house, b"ab", length=4)
    house.clock.forward(days=1, seconds=1)

    ended = await house.store.expire(idle_since=house.clock() - timedelta(days=7))

    assert ended == 1
    assert (await house.store.find(idle.id)).state is UploadState.EXPIRED
    assert not house.spool.path(idle.id).exists()
    assert (await house.store.find(busy.id)).state is UploadState.OPEN


async def test_a_full_disk_keeps_the_committed_offset(house, monkeypatch):
    upload = await _begun(house, b"ab", length=10)
    deposit = await house.store.resume(upload)
    monkeypatch.setattr(os, "pwritev", _raiser(28))

    with pytest.raises(StorageFull):
        await deposit.commit([b"cd"])

    monkeypatch.undo()
    await deposit.close()
    again = await house.store.resume(upload)
    sealed = await again.commit([b"cdefghij"])
    await again.close()
    assert sealed.sha256 == sha256(b"abcdefghij")


async def test_a_disk_that_fails_a_sync_ends_intake(house, monkeypatch):
    upload = await _begun(house, b"ab", length=10)
    deposit = await house.store.resume(upload)
    monkeypatch.setattr(durable, "_fdatasync", _raiser(5))

    with pytest.raises(StorageBroken):
        await deposit.commit([b"cd"])

    monkeypatch.undo()
    assert (await house.store.find(upload.id)).offset == 2
    with pytest.raises(StorageBroken):
        await house.store.resume(upload)
    with pytest.raises(StorageBroken):
        await house.store.create(house.new(1))
    with pytest.raises(StorageBroken):
        await house.store.room()
    await deposit.close()


@pytest.mark.holds("titip:offset-stable", "draft:offset-acknowledges")
async def test_data_and_name_are_synced_before_the_offset_is_committed(house, monkeypatch):
    order: list[str] = []
    _spy(monkeypatch, order)
    deposit = await house.store.create(house.new(4))
    await deposit.commit([b"ab"])
    await deposit.commit([b"cd"])
    await deposit.close()

    assert order == ["write", "data", "folder", "commit", "write", "data", "commit"]


async def test_a_commit_without_a_new_byte_costs_the_disk_nothing(house, monkeypatch):
    deposit = await house.store.resume(await _begun(house, b"ab", length=10))
    order: list[str] = []
    _spy(monkeypatch, order)

    await deposit.commit()
    await deposit.close()

    assert order == ["commit"]


async def test_a_creation_of_which_nobody_knows_whether_it_was_committed_keeps_its_bytes(house):
    upload, means = house.new(4), house.store.means

    async def kept_and_unheard(before, after):
        await means.keep(before, after)
        raise StorageBroken("the writer ended")

    deposit = deposits.SpoolDeposit(upload, replace(means, keep=kept_and_unheard), new=True)
    with pytest.raises(StorageBroken):
        await deposit.commit([b"ab"])
    await deposit.close()

    assert (await house.store.find(upload.id)).offset == 2
    assert house.spool.path(upload.id).read_bytes() == b"ab"


async def test_bytes_in_a_folder_that_was_taken_away_are_not_committed(house, monkeypatch):
    upload = await _begun(house, b"ab", length=10)
    deposit = await house.store.resume(upload)
    await deposit.write([b"cd"])
    root, sync = house.spool.root, durable.sync_data

    def taken_away(fd):
        sync(fd)
        root.rename(root.with_name("elsewhere"))
        root.mkdir()

    monkeypatch.setattr(deposits, "sync_data", taken_away)
    with pytest.raises(StorageBroken):
        await deposit.commit([b"ef"])
    await deposit.close()

    assert (await house.store.find(upload.id)).offset == 2


async def test_recovery_cuts_tails_puts_strangers_aside_and_frees_ended_ones(tmp_path):
    with opened_house(tmp_path) as house:
        torn = await _begun(house, b"abc", length=10)
        whole = await house.hand_in(b"whole")
        ended = await _begun(house, b"abc", length=10)
        await house.store.terminate(ended)
        house.spool.path(ended.id).write_bytes(b"abc")
        with house.spool.path(torn.id).open("ab") as file:
            file.write(b"torn tail")
        stranger = house.spool.root / "00" / "somebody-elses"
        stranger.write_bytes(b"?")
        missing = await house.hand_in(b"missing")
        house.spool.path(missing.id).unlink()
        shorter = await house.hand_in(b"shorter")
        os.truncate(house.spool.path(shorter.id), 3)

        findings = await recover(house.spool, house.journal)

        assert findings.truncated == [torn.id]
        assert house.spool.path(torn.id).read_bytes() == b"abc"
        assert findings.removed == [ended.id]
        assert findings.quarantined == ["somebody-elses"]
        assert not stranger.exists()
        assert (house.spool.quarantine / "00-somebody-elses").read_bytes() == b"?"
        assert sorted(findings.short) == sorted([missing.id, shorter.id])
        assert house.spool.path(whole.id).read_bytes() == b"whole"
        again = await recover(house.spool, house.journal)
        assert sorted(again.short) == sorted([missing.id, shorter.id])
        assert [again.truncated, again.removed, again.quarantined] == [[], [], []]


async def test_a_lane_reads_the_sealed_bytes_and_nothing_past_them(house):
    sealed = await house.hand_in(b"0123456789")

    with house.spool.open(sealed.id) as content:
        assert content.size == 10
        assert content.read(0, 4) == b"0123"
        assert content.read(8, 100) == b"89"
        assert content.read(10, 1) == b""
    with pytest.raises(ContentDamaged), house.spool.open(house.new(1).id):
        pass


@pytest.mark.parametrize("odd", ["pipe", "device"])
async def test_what_lies_in_the_place_of_a_file_is_damage_and_waited_at_by_nobody(house, odd):
    sealed = await house.hand_in(b"0123456789")
    path = house.spool.path(sealed.id)
    path.unlink()
    if odd == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")

    with pytest.raises(ContentDamaged, match="no file"), house.spool.open(sealed.id):
        pass


async def test_a_close_waits_for_the_hop_under_way(house, monkeypatch):
    begun, may_go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()
    real = durable.write_at

    def slow(fd, pieces, offset):
        loop.call_soon_threadsafe(begun.set)
        may_go_on.wait(10)
        return real(fd, pieces, offset)

    monkeypatch.setattr(deposits, "write_at", slow)
    deposit = await house.store.create(house.new(1 << 20))
    writing = asyncio.create_task(deposit.write([b"x" * (1 << 20)]))
    await begun.wait()
    writing.cancel()

    closing = asyncio.create_task(deposit.close())
    closed_early, _ = await asyncio.wait({closing}, timeout=0.05)
    may_go_on.set()
    await closing

    assert not closed_early
    assert deposit.written == 1 << 20
    assert not house.spool.path(deposit.upload.id).exists()


async def test_a_census_counts_without_reading_every_row(house):
    await house.hand_in(b"12345")
    await _begun(house, b"ab", length=10)

    totals = await house.records.totals()

    assert totals.uploads == {UploadState.SEALED: 1, UploadState.OPEN: 1}
    assert (totals.sealed_bytes, totals.open_bytes) == (5, 8)
    registry, mirror = totals.destinations
    assert registry.counts == {DeliveryState.QUEUED: 1}
    assert mirror.oldest_owed == house.clock()


async def _begun(house, data, *, length):
    deposit = await house.store.create(house.new(length))
    upload = await deposit.commit([data])
    await deposit.close()
    return upload


def _raiser(number):
    def refuse(*_args):
        raise OSError(number, os.strerror(number))

    return refuse


def _spy(monkeypatch, order):
    write, data, folder = durable.write_at, durable.sync_data, durable.sync_folder
    monkeypatch.setattr(deposits, "write_at", lambda *a: (order.append("write"), write(*a))[1])
    monkeypatch.setattr(deposits, "sync_data", lambda *a: (order.append("data"), data(*a))[1])
    monkeypatch.setattr(
        "storage.files.spool.sync_folder",
        lambda *a: (order.append("folder"), folder(*a))[1],
    )
    from storage.journal import uploads  # noqa: PLC0415 - only to watch it

    keep = uploads.keep
    monkeypatch.setattr(uploads, "keep", lambda *a: (order.append("commit"), keep(*a))[1])

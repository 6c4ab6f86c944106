"""Joining parts: one upload of several, whatever is cut, ended, full or asked twice meanwhile."""

import asyncio
import os
import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from storage import concatenation
from storage.recovery import recover
from tests.storage_fixtures import opened_house, sha256
from titip.errors import (
    ContentDamaged,
    DigestMismatch,
    PartsUnfit,
    StorageBroken,
    StorageFull,
    UploadGone,
)
from titip.upload import PART, UploadExists, UploadState

WEEK = timedelta(days=7)


@pytest.fixture
def house(tmp_path):
    with opened_house(tmp_path) as house:
        yield house


def a_final(house, *, key="", expected="", submitter="pair-1"):
    final = house.new(None, submitter=submitter)
    return replace(final, concat="final;", key=key, expected_sha256=expected)


async def hand_in(house, data, *, length=-1, submitter="pair-1"):
    """Hand a part in, or some bytes of one; its length stays open where it is None."""
    told = len(data) if length == -1 else length
    upload = replace(house.new(told, submitter=submitter), concat=PART)
    return await go_on(house, await house.store.create(upload), data)


async def go_on(house, deposit, data):
    try:
        return await deposit.commit([data] if data else [])
    finally:
        await deposit.close()


async def joined(house, *parts, **kwargs):
    begun = await house.joiner.begin(a_final(house, **kwargs), [one.id for one in parts])
    return await house.joiner.finish(begun.id)


def content(house, upload):
    return house.spool.path(upload.id).read_bytes()


@pytest.mark.holds("tus:concat-order", "tus:concat-length-sum", "tus:concat-parts-reused")
async def test_parts_become_one_upload_in_the_order_they_were_named(house):
    one, other = await hand_in(house, b"one,"), await hand_in(house, b"other,")

    whole = await joined(house, other, one, other)

    assert whole.state is UploadState.SEALED
    assert content(house, whole) == b"other,one,other,"
    assert (whole.length, whole.sha256) == (16, sha256(b"other,one,other,"))
    assert await house.store.find(whole.id) == whole
    owed = await house.records.of_upload(whole.id)
    assert {one.destination for one in owed} == {"registry", "mirror"}
    assert house.bell.rings == 1


async def test_large_parts_are_joined_byte_for_byte(house):
    parts = [await hand_in(house, os.urandom(size)) for size in (3 << 20, 4096 * 5, 1, 1 << 20)]
    data = b"".join(content(house, one) for one in parts)

    whole = await joined(house, *parts)

    assert content(house, whole) == data
    assert whole.sha256 == sha256(data)


@pytest.mark.holds("titip:concat-once")
async def test_asking_again_finds_the_first_one_before_and_after_its_seal(house):
    part = await hand_in(house, b"part")
    first = await house.joiner.begin(a_final(house, key="join:1"), [part.id])

    with pytest.raises(UploadExists) as open_still:
        await house.joiner.begin(a_final(house, key="join:1"), [part.id])
    sealed = await house.joiner.finish(first.id)
    await house.store.expire(idle_since=house.clock.forward(days=8) - WEEK)
    with pytest.raises(UploadExists) as over:
        await house.joiner.measure(a_final(house, key="join:1"), [part.id])

    assert open_still.value.upload == first
    assert over.value.upload == sealed
    assert await house.joiner.finish(first.id) == sealed


@pytest.mark.parametrize("how", ["terminated", "expired"])
async def test_a_part_that_was_ended_is_refused(house, how):
    part = await hand_in(house, b"part")
    if how == "terminated":
        await house.store.terminate(part)
    else:
        await house.store.expire(idle_since=house.clock.forward(days=8) - WEEK)

    with pytest.raises(PartsUnfit, match=f"part 1 was {how}: hand it in again"):
        await house.joiner.begin(a_final(house), [part.id])


async def test_parts_do_not_expire_before_what_needs_them_does(house):
    part, other = await hand_in(house, b"part"), await hand_in(house, b"", length=5)
    house.clock.forward(days=6)
    begun = await house.joiner.begin(a_final(house), [part.id, other.id])

    early = await house.store.expire(idle_since=house.clock.forward(days=6) - WEEK)
    resumed = await house.store.resume(await house.store.find(other.id))
    await go_on(house, resumed, b"o")
    kept = await house.store.expire(idle_since=house.clock.forward(days=6) - WEEK)
    ended = await house.store.expire(idle_since=house.clock.forward(days=2) - WEEK)

    assert (early, kept, ended) == (0, 0, 3)
    with pytest.raises(UploadGone):
        await house.joiner.finish(begun.id)


@pytest.mark.holds("tus:concat-parts-deleted")
async def test_parts_go_an_hour_after_the_seal_so_that_their_room_comes_back(house):
    part = await hand_in(house, b"part")
    whole = await joined(house, part)

    house.clock.forward(minutes=59)
    again = await joined(house, part, part)
    house.clock.forward(minutes=59)
    kept = await house.store.expire(idle_since=house.clock() - WEEK)
    house.clock.forward(minutes=2)
    ended = await house.store.expire(idle_since=house.clock() - WEEK)

    assert (kept, ended) == (0, 1)
    assert not house.spool.path(part.id).exists()
    assert content(house, whole) == b"part"
    assert content(house, again) == b"partpart"


async def test_parts_of_a_submitter_that_is_held_stay(house):
    part = await hand_in(house, b"part")
    await joined(house, part)
    await house.journal.write(
        lambda db: db.execute("INSERT INTO holds VALUES ('pair-1', 0, 'asked')").fetchall()
    )

    house.clock.forward(days=30)

    assert await house.store.expire(idle_since=house.clock() - WEEK) == 0


async def test_another_digest_than_declared_ends_it_and_leaves_its_parts(house):
    part = await hand_in(house, b"part")
    begun = await house.joiner.begin(a_final(house, key="k", expected=sha256(b"x")), [part.id])

    with pytest.raises(DigestMismatch):
        await house.joiner.finish(begun.id)
    again = await joined(house, part, key="k", expected=sha256(b"part"))

    assert (await house.store.find(begun.id)).state is UploadState.TERMINATED
    assert not house.spool.path(begun.id).exists()
    assert again.state is UploadState.SEALED


async def test_what_lost_a_part_for_ever_is_ended(house):
    """A backup may have the end of a part, and not the seal that came before it."""
    part = await hand_in(house, b"part")
    begun = await house.joiner.begin(a_final(house), [part.id])
    await house.journal.write(
        lambda db: db.execute("UPDATE uploads SET state = 'expired' WHERE id = ?", (part.id,)).get
    )

    with pytest.raises(UploadGone):
        await house.joiner.finish(begun.id)

    assert (await house.store.find(begun.id)).state is UploadState.EXPIRED
    assert await house.joiner.unfinished() == []


async def test_a_part_whose_bytes_are_gone_is_told_and_nothing_is_sealed(house):
    gone, short = await hand_in(house, b"gone"), await hand_in(house, b"short")
    house.spool.path(gone.id).unlink()
    os.truncate(house.spool.path(short.id), 3)

    for part in (gone, short):
        with pytest.raises(ContentDamaged):
            await joined(house, part)

    assert len(await house.joiner.unfinished()) == 2


@pytest.mark.holds("titip:concat-goes-on")
async def test_a_start_after_a_kill_goes_on_by_itself(tmp_path):
    with opened_house(tmp_path) as house:
        parts = [await hand_in(house, bytes([number]) * 70_000) for number in range(3)]
        begun = await house.joiner.begin(a_final(house), [one.id for one in parts])
    house.spool.path(begun.id).write_bytes(b"torn" * 100_000)  # more than there will be

    with opened_house(tmp_path) as house:
        findings = await recover(house.spool, house.journal)
        assert findings.truncated == [begun.id]
        (left,) = await house.joiner.unfinished()
        whole = await house.joiner.finish(left)

        assert content(house, whole) == b"".join(bytes([number]) * 70_000 for number in range(3))
        assert (await recover(house.spool, house.journal)).quiet


async def test_torn_bytes_of_a_former_try_are_overwritten_and_cut(house):
    part = await hand_in(house, b"part")
    begun = await house.joiner.begin(a_final(house), [part.id])
    house.spool.path(begun.id).write_bytes(b"longer than it should be")

    whole = await house.joiner.finish(begun.id)

    assert content(house, whole) == b"part"


async def test_two_at_once_join_it_once(house):
    part = await hand_in(house, bytes(1 << 20))
    begun = await house.joiner.begin(a_final(house), [part.id])

    one, other = await asyncio.gather(*(house.joiner.finish(begun.id) for _ in range(2)))

    assert one == other
    assert house.bell.rings == 1


async def test_what_is_ended_while_it_is_joined_leaves_no_file(house, monkeypatch):
    part = await hand_in(house, b"part")
    begun = await house.joiner.begin(a_final(house), [part.id])
    reached, released = stopped_before_digest(monkeypatch)
    task = asyncio.create_task(house.joiner.finish(begun.id))
    await asyncio.to_thread(reached.wait, 10)

    await house.store.terminate(begun)
    released.set()

    with pytest.raises(UploadGone):
        await task
    assert not house.spool.path(begun.id).exists()


async def test_who_is_cancelled_waits_until_the_disk_is_left_alone(house, monkeypatch):
    part = await hand_in(house, b"part")
    begun = await house.joiner.begin(a_final(house), [part.id])
    reached, released = stopped_before_digest(monkeypatch)
    task = asyncio.create_task(house.joiner.finish(begun.id))
    await asyncio.to_thread(reached.wait, 10)

    task.cancel()
    done, _ = await asyncio.wait({task}, timeout=0.05)
    assert not done
    released.set()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert (await house.store.find(begun.id)).state is UploadState.OPEN
    assert (await house.joiner.finish(begun.id)).state is UploadState.SEALED


def stopped_before_digest(monkeypatch):
    """Let the first joining stand still once its bytes are there."""
    reached, released = threading.Event(), threading.Event()
    digest = concatenation.digest_of

    def standing(*args):
        reached.set()
        released.wait(10)
        return digest(*args)

    monkeypatch.setattr(concatenation, "digest_of", standing)
    return reached, released


async def test_no_room_is_told_before_a_byte_is_copied_and_kept_for_another_try(house, monkeypatch):
    parts = [await hand_in(house, b"odd"), await hand_in(house, b"part")]
    begun = await house.joiner.begin(a_final(house), [one.id for one in parts])

    with monkeypatch.context() as full:
        full.setattr(house.spool, "free", lambda: 0)
        with pytest.raises(StorageFull, match="no room to join"):
            await house.joiner.finish(begun.id)
    assert content(house, begun) == b""

    assert content(house, await house.joiner.finish(begun.id)) == b"oddpart"


async def test_a_disk_that_fails_stops_intake(house, monkeypatch):
    part = await hand_in(house, b"part")
    begun = await house.joiner.begin(a_final(house), [part.id])

    def failing(_fd):
        raise StorageBroken("the disk refused (EIO)")

    with monkeypatch.context() as broken:
        broken.setattr(concatenation, "sync_data", failing)
        with pytest.raises(StorageBroken):
            await house.joiner.finish(begun.id)

    with pytest.raises(StorageBroken, match="until Titip is restarted"):
        await house.store.create(house.new(1))

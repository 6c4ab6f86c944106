"""Bytes go only when they were delivered, long enough ago, and nobody holds them."""

from datetime import timedelta

import pytest

from storage import retention
from storage.journal.holds import all_holds, put_hold, release_hold
from storage.recovery import recover
from storage.retention import SpoolKeeping
from sync.maintenance.janitor import Janitor
from tests.backup_fixtures import begun
from tests.storage_fixtures import opened_house
from titip.errors import UploadHeld
from titip.ports.operations import Selection
from titip.receipt import receipt
from titip.upload import UploadState

MONTH = timedelta(days=30)


@pytest.fixture
def house(tmp_path):
    with opened_house(tmp_path) as house:
        yield house


@pytest.fixture
def janitor(house):
    return a_janitor(house)


def a_janitor(house, *, keep=MONTH):
    return Janitor(
        house.store,
        SpoolKeeping(house.spool, house.journal, now=house.clock),
        max_unfinished_age=timedelta(days=7),
        keep_after_delivery=keep,
        now=house.clock,
    )


async def end(house, upload, *, registry, mirror, evidence="reference"):
    """Let both deliveries be in these states as of now, a delivered one with this evidence."""

    def work(db):
        for name, state in (("registry", registry), ("mirror", mirror)):
            ended = int(house.clock().timestamp() * 1000)
            over = ended if state in {"delivered", "skipped"} else None
            db.execute(
                "UPDATE deliveries SET state = ?, ended_at = ?, evidence = ? WHERE id = ?",
                (state, over, evidence * (state == "delivered"), f"{upload.id}.{name}"),
            )

    await house.journal.write(work)


async def delivered(house, data=b"papers", **of):
    upload = await house.hand_in(data, **of)
    await end(house, upload, registry="delivered", mirror="skipped")
    return upload


def there(house, upload):
    return house.spool.path(upload.id).exists()


async def test_delivered_bytes_are_kept_for_as_long_as_asked_and_not_longer(house, janitor):
    upload = await delivered(house)
    house.clock.forward(days=30, milliseconds=-1)
    early = await janitor.go_round()
    kept = there(house, upload)
    house.clock.forward(milliseconds=1)

    assert (early, kept) == (0, True)
    assert await janitor.go_round() == 1
    assert not there(house, upload)
    freed = await house.store.find(upload.id)
    assert freed.freed_at == house.clock()
    assert freed.state is UploadState.SEALED


@pytest.mark.parametrize("evidence", ["", "status"])
async def test_bytes_stay_where_only_a_status_says_that_they_arrived(house, janitor, evidence):
    upload = await house.hand_in(b"papers")
    await end(house, upload, registry="delivered", mirror="skipped", evidence=evidence)
    house.clock.forward(days=365)

    assert await janitor.go_round() == 0
    assert there(house, upload)


async def test_the_rows_and_the_receipt_stay(house, janitor):
    upload = await delivered(house)
    house.clock.forward(days=31)

    await janitor.go_round()

    proof = receipt(await house.store.find(upload.id), await house.records.of_upload(upload.id))
    assert proof is not None
    assert proof.sha256 == upload.sha256
    assert proof.freed_at == house.clock()
    totals = await house.records.totals()
    assert (totals.uploads[UploadState.SEALED], totals.freed, totals.sealed_bytes) == (1, 1, 0)


@pytest.mark.parametrize(
    "state", ["queued", "active", "deferred", "verify", "parked"], ids=lambda state: state
)
async def test_what_is_owed_anywhere_is_never_freed(house, janitor, state):
    one, other = await house.hand_in(b"one"), await house.hand_in(b"other")
    await end(house, one, registry=state, mirror="delivered")
    await end(house, other, registry="delivered", mirror=state)
    house.clock.forward(days=10_000)

    assert await janitor.go_round() == 0
    assert there(house, one)
    assert there(house, other)


async def test_what_was_delivered_nowhere_is_never_freed(house, janitor):
    upload = await house.hand_in(b"papers")
    await end(house, upload, registry="skipped", mirror="skipped")
    house.clock.forward(days=10_000)

    assert await janitor.go_round() == 0
    assert there(house, upload)


async def test_the_last_delivery_counts_not_the_first(house, janitor):
    upload = await house.hand_in(b"papers")
    await end(house, upload, registry="parked", mirror="delivered")
    house.clock.forward(days=40)
    await house.journal.write(
        lambda db: db.execute(
            "UPDATE deliveries SET state = 'delivered', ended_at = ? WHERE destination = ?",
            (int(house.clock().timestamp() * 1000), "registry"),
        ).fetchall()
    )
    house.clock.forward(days=29)

    assert await janitor.go_round() == 0
    house.clock.forward(days=1)
    assert await janitor.go_round() == 1


async def test_forever_is_for_ever(house):
    upload = await delivered(house)
    house.clock.forward(days=10_000)

    assert await a_janitor(house, keep=None).go_round() == 0
    assert there(house, upload)


async def test_nothing_of_a_held_submitter_is_removed_until_it_is_released(house, janitor):
    held, free = await delivered(house), await delivered(house, submitter="pair-2")
    half = await begun(house, b"01", length=9)
    await house.journal.write(lambda db: put_hold(db, "pair-1", reason="", now=house.clock()))
    house.clock.forward(days=100)

    assert await janitor.go_round() == 1
    assert (there(house, held), there(house, half), there(house, free)) == (True, True, False)
    with pytest.raises(UploadHeld):
        await house.store.terminate(half)
    assert (await house.store.find(half.id)).state is UploadState.OPEN

    assert await house.journal.write(lambda db: release_hold(db, "pair-1"))
    assert await janitor.go_round() == 2
    assert not there(house, held)
    assert (await house.store.find(half.id)).state is UploadState.EXPIRED


async def test_a_hold_keeps_its_beginning_and_is_released_once(house):
    since = house.clock()
    await house.journal.write(lambda db: put_hold(db, "pair-1", reason="a", now=since))
    later = house.clock.forward(days=1)
    await house.journal.write(lambda db: put_hold(db, "pair-1", reason="b", now=later))

    (hold,) = await house.journal.read(all_holds)
    assert (hold.submitter, hold.since, hold.reason) == ("pair-1", since, "b")
    assert [await house.journal.write(lambda db: release_hold(db, "pair-1")) for _ in "12"] == [
        True,
        False,
    ]


async def test_a_crash_before_the_bytes_went_is_mended_by_the_next_start(tmp_path, monkeypatch):
    with opened_house(tmp_path) as house:
        upload = await delivered(house)
        house.clock.forward(days=31)
        with monkeypatch.context() as patch:
            patch.setattr(SpoolKeeping, "_remove", lambda *_: None)
            await a_janitor(house).go_round()
        assert there(house, upload)

    with opened_house(tmp_path) as house:
        first = await recover(house.spool, house.journal)
        second = await recover(house.spool, house.journal)

    assert first.removed == [upload.id]
    assert second.quiet  # a freed file that is not there is not missing


async def test_a_spared_mirror_is_not_sent_once_the_bytes_are_gone(house, janitor):
    upload = await delivered(house)
    house.clock.forward(days=31)
    await janitor.go_round()

    moved = await house.operations.resync(Selection(ids=[upload.id]), now=house.clock())

    assert moved == 0


async def test_the_walk_goes_over_millions_in_bounded_steps_and_begins_anew(house, monkeypatch):
    monkeypatch.setattr(retention, "PAGE", 4)
    monkeypatch.setattr(retention, "PAGES", 2)
    waiting = [await house.hand_in(b"waits") for _ in range(10)]
    ripe = [await delivered(house, b"ripe") for _ in range(10)]
    janitor = a_janitor(house)
    house.clock.forward(days=31)

    rounds = [await janitor.go_round() for _ in range(3)]
    await end(house, waiting[0], registry="delivered", mirror="delivered")
    house.clock.forward(days=31)
    again = await janitor.go_round()

    assert rounds == [0, 6, 4]
    assert again == 1
    assert not any(there(house, one) for one in ripe)
    assert all(there(house, one) for one in waiting[1:])


async def test_the_walk_uses_its_index(house):
    bindings = {"before": 1, "at": 0, "seq": 0, "page": 9}
    plan = await house.journal.read(
        lambda db: [
            str(row[3]) for row in db.execute(f"EXPLAIN QUERY PLAN {retention.WALK}", bindings)
        ]
    )

    assert any("USING INDEX uploads_kept (ended_at>? AND ended_at<?)" in line for line in plan)
    assert not any("SCAN uploads" in line or "TEMP B-TREE" in line for line in plan)

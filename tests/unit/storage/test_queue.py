"""The deliveries as a worker and an operator see them, in a real journal."""

from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest

from storage.journal.deliveries import find_delivery
from tests.storage_fixtures import POLICY, opened_house
from titip import delivery as d
from titip.delivery import MIRROR, REGISTRY, DeliveryState
from titip.errors import IllegalEvent, LeaseLost
from titip.evidence import Doubt, Evidence
from titip.health import Bad, Health
from titip.policies.delivery_plan import delivery_id
from titip.ports.operations import Query, Selection

LEASE = timedelta(seconds=60)


@pytest.fixture
def house(tmp_path):
    with opened_house(tmp_path) as house:
        yield house


def advanced(house, delivery, event):
    return d.advance(delivery, event, now=house.clock(), policy=POLICY, rng=Random(3))


async def claim(house, destination=REGISTRY, *, submitter="pair-1", limit=10, ignore_delay=False):
    now = house.clock()
    return await house.queue.claim(
        destination,
        submitter,
        now=now,
        until=now + LEASE,
        limit=limit,
        ignore_delay=ignore_delay,
    )


async def settle(house, delivery, event, *, run=""):
    after = advanced(house, delivery, event)
    await house.queue.record(delivery, after, now=house.clock(), run=run)
    return after


async def attempts(house, delivery):
    return await house.journal.read(
        lambda db: db.execute(
            "SELECT number, outcome, reason, ended_at IS NULL FROM attempts WHERE delivery = ?",
            (delivery,),
        ).fetchall(),
    )


async def test_a_claim_is_recorded_as_an_attempt_before_it_is_given(house):
    upload = await house.hand_in(b"x")

    (parcel,) = await claim(house)

    assert parcel.upload == upload
    assert parcel.delivery.state is DeliveryState.ACTIVE
    assert parcel.delivery.attempts == 1
    assert await attempts(house, parcel.delivery.id) == [(1, "", "", 1)]
    assert await claim(house) == []


async def test_waiting_names_each_submitter_with_something_due_once(house):
    for submitter in ("b", "a", "c", "a"):
        await house.hand_in(b"x", submitter=submitter)
    now = house.clock()

    assert await house.queue.waiting(REGISTRY, now=now, ignore_delay=False) == ["a", "b", "c"]
    assert await house.queue.waiting(MIRROR, now=now, ignore_delay=False) == []
    assert await house.queue.waiting(MIRROR, now=now, ignore_delay=True) == ["a", "b", "c"]
    later = house.clock.forward(seconds=60)
    assert await house.queue.waiting(MIRROR, now=later, ignore_delay=False) == ["a", "b", "c"]


async def test_hurry_takes_what_is_queued_but_no_retry_before_its_time(house):
    await house.hand_in(b"x")
    (parcel,) = await claim(house, MIRROR, ignore_delay=True)

    await settle(house, parcel.delivery, d.FailedEvent("no"))

    assert await house.queue.waiting(MIRROR, now=house.clock(), ignore_delay=True) == []
    assert await claim(house, MIRROR, ignore_delay=True) == []


async def test_a_lapsed_lease_is_claimed_anew_as_doubtful_and_the_old_worker_changes_nothing(house):
    await house.hand_in(b"x")
    (old,) = await claim(house)
    house.clock.forward(seconds=61)

    (new,) = await claim(house)

    assert new.delivery.attempts == 2
    assert new.delivery.maybe_delivered
    with pytest.raises(LeaseLost):
        await settle(house, old.delivery, d.SucceededEvent("SILON-1", Evidence.REFERENCE))
    with pytest.raises(LeaseLost):
        await house.queue.checkpoint(old.delivery, "half")
    with pytest.raises(LeaseLost):
        await house.queue.extend(old.delivery, house.clock() + LEASE)
    await settle(house, new.delivery, d.SucceededEvent("SILON-1", Evidence.REFERENCE))
    (registry, _) = await house.records.of_upload(new.upload.id)
    assert (registry.state, registry.locator) == (DeliveryState.DELIVERED, "SILON-1")


async def test_an_extended_lease_does_not_lapse(house):
    await house.hand_in(b"x")
    (parcel,) = await claim(house)

    await house.queue.extend(parcel.delivery, house.clock() + timedelta(hours=1))
    house.clock.forward(seconds=61)

    assert await claim(house) == []


async def test_a_former_process_s_leases_lapse_soon_after_a_restart(house):
    await house.hand_in(b"x")
    await claim(house)
    now = house.clock()

    assert (
        await house.queue.expire_leases(
            REGISTRY, until=now + timedelta(seconds=5), farthest=now + timedelta(hours=2)
        )
        == 1
    )
    house.clock.forward(seconds=5)

    assert len(await claim(house)) == 1


@pytest.mark.parametrize("hours", [2, -2])
async def test_what_may_have_arrived_settles_anew_after_a_restart(house, hours):
    """The clock may have been set meanwhile: it shows no time that passed."""
    wait = timedelta(seconds=40)
    for number in range(3):
        await house.hand_in(bytes([number]))
    unheard, refused, cut_off = [parcel.delivery for parcel in await claim(house)]
    for delivery, event in (
        (unheard, d.UnknownEvent("no answer")),
        (refused, d.RejectedEvent("no")),
    ):
        after = advanced(house, delivery, event)
        after = replace(after, maybe_delivered=Doubt.UNHEARD, settles_at=house.clock() + wait)
        await house.queue.record(delivery, after, now=house.clock())
    now = house.clock.forward(hours=hours)

    await house.queue.expire_leases(REGISTRY, until=now + wait, farthest=now + timedelta(hours=1))

    rows = [
        await house.journal.read(lambda db, one=one: find_delivery(db, one.id))
        for one in (unheard, refused, cut_off)
    ]
    assert [row.settles_at for row in rows] == [now + wait, now + wait, None]
    assert rows[2].due_at == now + wait


async def test_a_checkpoint_outlives_faults(house):
    await house.hand_in(b"x")
    (parcel,) = await claim(house)
    kept = await house.queue.checkpoint(parcel.delivery, "session 1")

    await settle(house, kept, d.FailedEvent("cut"))
    house.clock.forward(seconds=10)
    (again,) = await claim(house)

    assert again.delivery.checkpoint == "session 1"
    assert await attempts(house, again.delivery.id) == [
        (1, "deferred", "cut", 0),
        (2, "", "", 1),
    ]


async def test_the_registry_s_success_spares_a_mirror_that_has_not_begun(house):
    upload = await house.hand_in(b"x")
    (parcel,) = await claim(house)

    await settle(house, parcel.delivery, d.SucceededEvent("SILON-1", Evidence.REFERENCE))

    _, mirror = await house.records.of_upload(upload.id)
    assert mirror.state is DeliveryState.SKIPPED


async def test_a_mirror_under_way_is_finished(house):
    upload = await house.hand_in(b"x")
    await claim(house, MIRROR, ignore_delay=True)
    (parcel,) = await claim(house)

    await settle(house, parcel.delivery, d.SucceededEvent("SILON-1", Evidence.REFERENCE))

    _, mirror = await house.records.of_upload(upload.id)
    assert mirror.state is DeliveryState.ACTIVE


async def test_a_mirror_wanted_always_is_never_spared(tmp_path):
    with opened_house(tmp_path, spare_mirror=False) as house:
        upload = await house.hand_in(b"x")
        (parcel,) = await claim(house)

        await settle(house, parcel.delivery, d.SucceededEvent("SILON-1", Evidence.REFERENCE))

        _, mirror = await house.records.of_upload(upload.id)
        assert mirror.state is DeliveryState.QUEUED


async def test_a_mirror_wanted_no_more_is_owed_no_more(house, monkeypatch):
    monkeypatch.setattr("storage.queue.SPARED_AT_ONCE", 2)
    for number in range(5):
        await house.hand_in(bytes([number]))
    (under_way,) = await claim(house, MIRROR, ignore_delay=True, limit=1)

    assert await house.queue.spare(MIRROR, now=house.clock()) == 4

    mirrors = await house.records.deliveries(Query(destination=MIRROR))
    assert [one.id for one in mirrors if one.state.owed] == [under_way.delivery.id]


async def test_a_paused_destination_is_not_claimed_and_the_other_goes_on(house):
    await house.hand_in(b"x")
    await house.operations.pause(REGISTRY, paused=True)

    assert await house.queue.waiting(REGISTRY, now=house.clock(), ignore_delay=False) == []
    assert await claim(house) == []
    assert len(await claim(house, MIRROR, ignore_delay=True)) == 1

    await house.operations.pause(REGISTRY, paused=False)
    assert len(await claim(house)) == 1
    assert house.bell.rings == 3


async def test_parked_deliveries_go_again_when_an_operator_says_so(house):
    await house.hand_in(b"1")
    await house.hand_in(b"2")
    for parcel in await claim(house):
        await settle(house, parcel.delivery, d.RejectedEvent("wrong form"))

    selection = Selection(states=[DeliveryState.PARKED])
    assert await house.operations.resync(selection, now=house.clock()) == 2

    assert len(await claim(house)) == 2


async def test_a_resync_of_an_upload_moves_only_its_deliveries(house):
    one, other = await house.hand_in(b"1"), await house.hand_in(b"2")
    for parcel in await claim(house):
        await settle(house, parcel.delivery, d.RejectedEvent("wrong form"))

    selection = Selection(ids=[one.id], destination=REGISTRY)
    moved = await house.operations.resync(selection, now=house.clock())

    assert moved == 1
    assert (await house.records.of_upload(one.id))[0].state is DeliveryState.QUEUED
    assert (await house.records.of_upload(other.id))[0].state is DeliveryState.PARKED


async def test_a_resync_never_sends_what_was_delivered(house):
    upload = await house.hand_in(b"1")
    (parcel,) = await claim(house)
    await settle(house, parcel.delivery, d.SucceededEvent("SILON-1", Evidence.REFERENCE))

    selection = Selection(ids=[upload.id], destination=REGISTRY)

    assert await house.operations.resync(selection, now=house.clock()) == 0


@pytest.mark.parametrize("confirmed_absent", [False, True])
async def test_only_an_operator_s_word_ends_the_doubt_about_a_lost_answer(house, confirmed_absent):
    upload = await house.hand_in(b"1")
    (parcel,) = await claim(house)
    doubted = await settle(house, parcel.delivery, d.UnknownEvent("reset"))
    house.clock.forward(minutes=1)
    (again,) = await claim(house)
    await settle(house, again.delivery, d.RejectedEvent("needs a human"))

    selection = Selection(ids=[upload.id], destination=REGISTRY, confirmed_absent=confirmed_absent)
    await house.operations.resync(selection, now=house.clock())

    (third,) = await claim(house)
    assert doubted.maybe_delivered
    assert third.delivery.maybe_delivered is not confirmed_absent


@pytest.mark.parametrize(
    "lever",
    [
        lambda house: house.operations.resync(Selection(destination=REGISTRY), now=house.clock()),
        lambda house: house.operations.pause(REGISTRY, paused=False),
        lambda house: house.operations.ask_probe(REGISTRY),
    ],
    ids=["resync", "resume", "probe"],
)
async def test_what_an_operator_asks_for_rings_for_the_workers(house, lever):
    await house.hand_in(b"1")
    (parcel,) = await claim(house)
    await settle(house, parcel.delivery, d.RejectedEvent("needs a human"))
    before = house.bell.rings

    await lever(house)

    assert house.bell.rings == before + 1


@pytest.mark.parametrize("doubted", [False, True])
async def test_a_refused_file_that_may_be_there_goes_once_more_only_where_one_can_ask(
    house, doubted
):
    sure, in_doubt = await house.hand_in(b"1"), await house.hand_in(b"2")
    by_upload = {parcel.upload.id: parcel.delivery for parcel in await claim(house)}
    await settle(house, by_upload[sure.id], d.RejectedEvent("no photo"), run="r")
    await settle(house, by_upload[in_doubt.id], d.UnknownEvent("reset"))
    house.clock.forward(minutes=1)
    (again,) = await claim(house)
    await settle(house, again.delivery, d.RejectedEvent("no photo"), run="r")

    count = await house.refusals.requeue_runs(REGISTRY, ["r"], now=house.clock(), doubted=doubted)

    states = [(await house.records.of_upload(one.id))[0].state for one in (sure, in_doubt)]
    left = DeliveryState.QUEUED if doubted else DeliveryState.PARKED
    assert states == [DeliveryState.QUEUED, left]
    assert count == states.count(DeliveryState.QUEUED)


async def test_a_large_resync_goes_in_batches(house, monkeypatch):
    monkeypatch.setattr("storage.operations.BATCH", 2)
    for number in range(5):
        await house.hand_in(bytes([number]))

    assert await house.operations.resync(Selection(destination=REGISTRY), now=house.clock()) == 5


async def test_what_was_under_way_to_what_is_configured_no_more_waits_in_doubt(house):
    await house.hand_in(b"1")
    (parcel,) = await claim(house)
    await house.hand_in(b"2")

    assert await house.queue.let_go(REGISTRY, now=house.clock()) == 1
    assert await house.queue.let_go(REGISTRY, now=house.clock()) == 0

    (left, _) = await house.records.of_upload(parcel.upload.id)
    assert (left.state, bool(left.maybe_delivered)) == (DeliveryState.DEFERRED, True)
    assert "under way" in left.reason
    assert len(await attempts(house, left.id)) == left.attempts
    recorded = await house.operations.delivered(left.id, "SILON-4", now=house.clock())
    assert recorded.state is DeliveryState.DELIVERED


async def test_an_operator_records_what_was_entered_by_hand(house):
    upload = await house.hand_in(b"x")
    name = delivery_id(upload.id, REGISTRY)

    after = await house.operations.delivered(name, "SILON-7", now=house.clock())

    assert (after.state, after.locator) == (DeliveryState.DELIVERED, "SILON-7")
    with pytest.raises(IllegalEvent):
        await house.operations.delivered(name, "SILON-8", now=house.clock())
    with pytest.raises(LookupError):
        await house.operations.delivered(d.DeliveryId("none"), "R", now=house.clock())


async def test_pages_of_rows_meet_without_gap_or_overlap(house):
    made = [(await house.hand_in(bytes([n]), submitter=f"s{n % 2}")).id for n in range(7)]

    seen, after = [], ""
    while page := await house.records.uploads(Query(after=after, limit=3)):
        seen += [upload.id for upload in page]
        after = page[-1].id

    assert seen == made[::-1]
    mine = await house.records.uploads(Query(submitter="s1"))
    assert [upload.submitter for upload in mine] == ["s1"] * 3
    registry = await house.records.deliveries(Query(destination=REGISTRY, states=["queued"]))
    assert len(registry) == 7


async def test_health_is_kept_and_a_wanted_probe_is_told_once(house):
    assert await house.destinations.health(REGISTRY) is None
    ill = Health(since=house.clock(), bad_streak=2, window=3.5, reason="slow")
    await house.destinations.note(REGISTRY, ill)
    await house.operations.ask_probe(REGISTRY)

    assert await house.destinations.health(REGISTRY) == ill
    assert await house.destinations.probe_wanted(REGISTRY)
    assert not await house.destinations.probe_wanted(REGISTRY)
    assert Bad("slow").reason == ill.reason


OLD, NEW = "https://old.example", "https://new.example"


async def test_what_may_be_at_a_registry_s_former_place_waits_for_a_person_once(house):
    await house.queue.moved(REGISTRY, OLD, now=house.clock())
    in_doubt, untouched, cut_off = [await house.hand_in(bytes([n])) for n in range(3)]
    by_upload = {one.upload.id: one.delivery for one in await claim(house)}
    await settle(house, by_upload[in_doubt.id], d.UnknownEvent("no answer"))
    await settle(house, by_upload[untouched.id], d.PostponedEvent("answered 503"))

    assert await house.queue.moved(REGISTRY, OLD, now=house.clock()) == 0
    assert await house.queue.moved(REGISTRY, NEW, now=house.clock()) == 2

    rows = {
        one: await house.journal.read(
            lambda db, one=one: find_delivery(db, delivery_id(one, REGISTRY))
        )
        for one in by_upload
    }
    assert {one: row.state for one, row in rows.items()} == {
        in_doubt.id: DeliveryState.PARKED,
        cut_off.id: DeliveryState.PARKED,
        untouched.id: DeliveryState.DEFERRED,
    }
    assert all(
        OLD in rows[one].reason and rows[one].maybe_delivered for one in (in_doubt.id, cut_off.id)
    )
    assert await house.queue.moved(REGISTRY, NEW, now=house.clock()) == 0


async def test_the_name_that_an_older_titip_gave_a_place_is_no_other_place(house):
    await house.queue.moved(REGISTRY, "old.example", now=house.clock())
    upload = await house.hand_in(b"1")
    (parcel,) = await claim(house)
    await settle(house, parcel.delivery, d.UnknownEvent("no answer"))

    now = house.clock()
    name = "old.example:8443"
    assert await house.queue.moved(REGISTRY, name, now=now, formerly="old.example") == 0
    assert await house.queue.moved(REGISTRY, "old.example:1", now=now, formerly="old.example") == 1
    row = await house.journal.read(lambda db: find_delivery(db, delivery_id(upload.id, REGISTRY)))
    assert row.parked_for is d.ParkedFor.MOVED

"""The joinings of a gateway: two at once, postponed, asked for again, left to the next start."""

import asyncio

import pytest
from structlog.testing import capture_logs

from gateway.ingest.concatenation import AT_ONCE, Joining
from gateway.metrics import Metrics
from tests.contract.store_contract import an_upload, hand_in
from tests.fakes import MemoryJoiner, MemoryStore
from tests.waiting import until
from titip.errors import ContentDamaged, StorageBroken, StorageFull
from titip.upload import PART, UploadExists, UploadState


class Scripted(MemoryJoiner):
    """Fails as it is told, once each, and can be held at its work."""

    def __init__(self, store):
        super().__init__(store)
        self.store = store
        self.troubles = []
        self.at_work = 0
        self.most_at_work = 0
        self.going = asyncio.Event()
        self.going.set()

    async def finish(self, final):
        if self.troubles:
            raise self.troubles.pop(0)
        self.at_work += 1
        self.most_at_work = max(self.most_at_work, self.at_work)
        try:
            looked = await super().finish(final)
            await self.going.wait()
        finally:
            self.at_work -= 1
        return looked


@pytest.fixture
def joiner(tmp_path):
    return Scripted(MemoryStore(tmp_path))


@pytest.fixture
async def joining(joiner):
    joining = Joining(joiner, metrics=Metrics(), patience=5, again=0.01)
    yield joining
    await joining.stop()


async def a_part(joiner, data=b"part", *, length=None):
    upload = an_upload(len(data) if length is None else length, concat=PART)
    return (await hand_in(joiner.store, upload, data)).id


def a_final(key=""):
    return an_upload(None, key=key, concat="final;")


async def test_who_asks_is_told_the_seal_when_it_is_quick(joiner, joining):
    begun = await joining.begin(a_final(), [await a_part(joiner)])

    assert begun.state is UploadState.SEALED


async def test_and_does_not_wait_for_it_when_it_is_not(joiner):
    joining = Joining(joiner, metrics=Metrics(), patience=0.01)
    joiner.going.clear()

    begun = await joining.begin(a_final(), [await a_part(joiner)])
    joiner.going.set()

    assert begun.state is UploadState.OPEN
    await until(lambda: joiner.store.uploads[begun.id].state is UploadState.SEALED)
    await joining.stop()


async def test_without_room_it_is_tried_again_after_a_while(joiner, joining):
    joiner.troubles = [StorageFull("no room"), StorageFull("no room")]

    with capture_logs() as lines:
        begun = await joining.begin(a_final(), [await a_part(joiner)])

    assert begun.state is UploadState.SEALED
    assert [line["event"] for line in lines] == [
        "upload.join_postponed",
        "upload.join_postponed",
        "upload.joined",
        "upload.sealed",
    ]


async def test_on_a_broken_disk_it_waits_until_it_is_asked_for_again(joiner, joining):
    part = await a_part(joiner)
    joiner.troubles = [StorageBroken("broken"), StorageBroken("broken")]

    begun = await joining.begin(a_final("k"), [part])
    with pytest.raises(UploadExists) as known:
        await joining.begin(a_final("k"), [part])
    still_open = await joining.wait_briefly(known.value.upload)
    over = await joining.wait_briefly(known.value.upload)

    assert begun.state is still_open.state is UploadState.OPEN
    assert (over.id, over.state) == (begun.id, UploadState.SEALED)


async def test_what_cannot_be_joined_is_told_to_who_asks(joiner, joining):
    joiner.troubles = [ContentDamaged("it has fewer bytes than were committed")]

    with capture_logs() as lines, pytest.raises(ContentDamaged):
        await joining.begin(a_final(), [await a_part(joiner)])

    assert [line["event"] for line in lines] == ["upload.join_ended"]


async def test_a_fault_of_ours_is_logged_and_nothing_else_stops(joiner, joining):
    one, other = a_final(), a_final()
    for final in (one, other):
        await joiner.begin(final, [await a_part(joiner)])
    joiner.troubles = [ZeroDivisionError("a bug")]

    with capture_logs() as lines:
        await joining.resume_pending()
        await until(lambda: joiner.store.uploads[other.id].state is UploadState.SEALED)

    failed = [line for line in lines if line["event"] == "upload.join_failed"]
    assert [line["kind"] for line in failed] == ["ZeroDivisionError"]


async def test_a_last_part_that_ends_while_it_looks_has_it_look_again(joiner):
    joining = Joining(joiner, metrics=Metrics(), patience=0)
    part = await a_part(joiner, b"par", length=4)
    joiner.going.clear()
    final = await joining.begin(a_final(), [part])
    await until(lambda: joiner.at_work)  # it looked, and saw that the part is not complete

    deposit = await joiner.store.resume(joiner.store.uploads[part])
    await deposit.commit([b"t"])
    await joining.part_complete(part)
    joiner.going.set()

    await until(lambda: joiner.store.uploads[final.id].state is UploadState.SEALED)
    await joining.stop()


async def test_a_start_goes_on_with_all_of_them_a_few_at_once(joiner, joining):
    finals = [a_final() for _ in range(6)]
    for final in finals:
        await joiner.begin(final, [await a_part(joiner)])
    joiner.going.clear()

    await joining.resume_pending()
    await until(lambda: joiner.at_work == AT_ONCE)
    joiner.going.set()

    await until(lambda: not joining.under_way)
    assert joiner.most_at_work == AT_ONCE
    assert await joiner.unfinished() == []


async def test_a_start_on_a_broken_disk_is_no_reason_not_to_run(joiner, joining, monkeypatch):
    async def broken(part=None):
        raise StorageBroken("broken")

    monkeypatch.setattr(joiner, "unfinished", broken)

    with capture_logs() as lines:
        await joining.resume_pending()

    assert [line["event"] for line in lines] == ["uploads.not_joined"]


async def test_a_stop_leaves_them_to_the_next_start(joiner):
    joining = Joining(joiner, metrics=Metrics(), patience=0)
    joiner.troubles = [StorageFull("no room")]
    final = await joining.begin(a_final(), [await a_part(joiner)])
    await until(lambda: not joiner.troubles)

    await joining.stop()

    assert not joining.under_way
    assert await joiner.unfinished() == [final.id]


async def test_who_waits_when_it_stops_is_told_that_it_was_begun(joiner):
    joining = Joining(joiner, metrics=Metrics(), patience=5)
    joiner.troubles = [StorageFull("no room")]
    asked = asyncio.create_task(joining.begin(a_final(), [await a_part(joiner)]))
    await until(lambda: joining.under_way and not joiner.troubles)

    await joining.stop()

    assert (await asked).state is UploadState.OPEN

"""A worker heeds its brakes: the rest of a refused party waits, and goes once one got through."""

from tests.unit.sync.worker.test_worker import Scripted, opened_line
from titip.delivery import REGISTRY
from titip.errors import DeliveryRejected
from titip.policies.brake import AFTER, TRIAL_EVERY


def refusals(count):
    return [DeliveryRejected("refused this file (422)", alike="422 no photo") for _ in range(count)]


async def handed_in(line, count, submitter):
    for number in range(count):
        await line.house.hand_in(f"{submitter} {number}".encode(), submitter=submitter)


async def test_most_of_a_queue_waits_while_the_registry_refuses_everything(tmp_path):
    async with opened_line(tmp_path, Scripted(script=refusals(1000))) as line:
        await handed_in(line, 60, "pair-1")

        await line.drain()

        states = await line.states()
        assert AFTER <= states["parked"] <= AFTER + 8
        assert states["queued"] == 60 - states["parked"]


async def test_one_file_tries_each_minute(tmp_path):
    async with opened_line(tmp_path, Scripted(script=refusals(1000))) as line:
        await handed_in(line, 60, "pair-1")
        await line.drain()
        before = (await line.states())["parked"]

        line.house.clock.forward(seconds=TRIAL_EVERY.total_seconds())
        await line.drain()

        assert (await line.states())["parked"] == before + 1


async def test_another_party_is_not_slowed(tmp_path):
    async def by_submitter(parcel):
        return parcel.delivery.submitter

    class Picky(Scripted):
        async def deliver(self, parcel, content, progress):
            if parcel.delivery.submitter == "pair-1":
                raise refusals(1)[0]
            return await super().deliver(parcel, content, progress)

    async with opened_line(tmp_path, Picky()) as line:
        await handed_in(line, 60, "pair-1")
        await handed_in(line, 30, "pair-2")

        await line.drain()

        assert (await line.states())["delivered"] == 30


async def test_when_it_takes_files_again_what_it_refused_goes_once_more_and_only_once(tmp_path):
    async with opened_line(tmp_path, Scripted(script=refusals(1000))) as line:
        await handed_in(line, 60, "pair-1")
        await line.drain()
        parked = (await line.states())["parked"]
        line.destination.script[:] = [None, *refusals(1)]

        line.house.clock.forward(seconds=TRIAL_EVERY.total_seconds())
        await line.drain()
        await line.drain()

        assert await line.states() == {"delivered": 59, "parked": 1}
        noted = await line.house.journal.read(
            lambda db: db.execute("SELECT count(*) FROM delivery_events").fetchone()[0]
        )
        assert noted == parked


async def test_a_brake_outlives_a_restart(tmp_path):
    async with opened_line(tmp_path, Scripted(script=refusals(1000))) as line:
        await handed_in(line, 60, "pair-1")
        await line.drain()

        kept = await line.house.refusals.brakes(REGISTRY)

        assert kept.refusing

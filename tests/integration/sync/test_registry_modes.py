"""Each way in which a registry can be ill, and whose fault Titip takes it for."""

import asyncio
import contextlib
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from standin.registry.server import RegistryOptions as StandinOptions
from standin.registry.server import serve_registry
from standin.registry.store import Repeat
from sync.destinations.http.options import RegistryOptions
from sync.destinations.http.registry import HttpRegistry
from tests.destination_fakes import (
    EndlessContent,
    MemoryContent,
    RecordingProgress,
    a_parcel,
    a_parcel_of,
    tried_again,
)
from tests.waiting import until
from titip.errors import (
    AttemptFailed,
    DeliveryFault,
    DeliveryRejected,
    DestinationUnavailable,
    OutcomeUnknown,
)
from titip.evidence import Evidence

DATA = b"a supporter's statement" * 1000
SOON = timedelta(milliseconds=300)
BOUND = timedelta(seconds=10)
"""For what comes on any machine; only what is not to come is waited for so shortly."""
LARGE = EndlessContent(32 << 20)


@asynccontextmanager
async def a_registry(*, repeat=Repeat.STORE, bearer="", lookup=True, **options):
    async with serve_registry(StandinOptions(repeat=repeat, bearer=bearer)) as far:
        asked = {"lookup": far.lookup_url, "lookup_sha256": "/sha256"} if lookup else {}
        near = HttpRegistry(
            RegistryOptions(
                **{
                    "url": far.intake_url,
                    "fields": {"key": "{upload_id}", "sha256": "{sha256}"},
                    "reference": "/id",
                    "health": far.health_url,
                    "stalled_after": BOUND,
                    "answer_within": SOON,
                    "probe_within": SOON,
                    **asked,
                    **options,
                }
            )
        )
        try:
            yield far, near
        finally:
            await near.close()


async def attempt(near, *, parcel=None, content=None, progress=None):
    return await near.deliver(
        parcel or a_parcel(DATA), content or MemoryContent(DATA), progress or RecordingProgress()
    )


async def no_sleep(_):
    await asyncio.sleep(0)


async def fault_of(near, **how):
    with pytest.raises(DeliveryFault) as caught:
        await attempt(near, **how)
    return caught.value


@pytest.mark.parametrize(
    ("mode", "params", "meant", "well"),
    [
        ("stalled", {}, OutcomeUnknown, False),
        ("stalled", {"health_lies": True}, OutcomeUnknown, True),
        ("stalled", {"health_hangs": True}, OutcomeUnknown, False),
        ("bad_gateway", {}, OutcomeUnknown, False),
        ("expired", {}, DestinationUnavailable, None),
        ("throttled", {"per_second": 0}, DestinationUnavailable, True),
        ("capacity", {"limit": 0}, DestinationUnavailable, True),
        ("refusing", {}, DeliveryRejected, True),
        ("refusing", {"status": 403}, AttemptFailed, True),
    ],
)
async def test_each_illness_is_told_for_what_it_is(mode, params, meant, well):
    async with a_registry() as (far, near):
        far.set_mode(mode, **params)

        fault = await fault_of(near)

        assert type(fault) is meant
        assert await near.probe() is well


@pytest.mark.parametrize(
    ("mode", "params"),
    [
        ("slow", {"seconds": 5.0}),
        ("lost_answer", {}),
        ("lost_answer", {"status": 408}),
        ("lost_answer", {"status": 503}),
        ("lost_answer", {"status": 504}),
        ("lost_answer", {"status": 520}),
        ("lost_answer", {"status": 204}),
        ("lost_answer", {"status": 303}),
    ],
)
async def test_what_arrived_is_found_whatever_was_answered(mode, params):
    async with a_registry() as (far, near):
        far.set_mode(mode, **params)
        parcel, progress = a_parcel(DATA), RecordingProgress()

        try:
            arrival = await attempt(near, progress=progress)
        except DestinationUnavailable:  # it asked for time, and is looked up when that is over
            arrival = await attempt(near, parcel=tried_again(parcel, progress))

        assert arrival.evidence is Evidence.DIGEST
        assert far.stats()["received"] == 1


async def test_a_connection_that_is_cut_is_trouble_whether_or_not_all_had_left_by_then():
    async with a_registry() as (far, near):
        far.set_mode("down")
        progress = RecordingProgress()

        fault = await fault_of(near, progress=progress)

        assert type(fault) is (OutcomeUnknown if progress.bodies else DestinationUnavailable)
        assert bool(progress.doubt) is bool(progress.bodies)
        assert await near.probe() is False


async def test_a_registry_that_is_not_there_is_unavailable():
    elsewhere = HttpRegistry(RegistryOptions(url="http://127.0.0.1:9/intake"))

    fault = await fault_of(elsewhere)
    await elsewhere.close()

    assert type(fault) is DestinationUnavailable
    assert "cannot be reached" in fault.reason


async def test_a_registry_without_a_health_address_cannot_be_asked():
    assert await HttpRegistry(RegistryOptions(url="http://127.0.0.1:9/intake")).probe() is None


async def test_a_connection_that_is_cut_within_the_body_had_no_effect():
    async with a_registry() as (far, near):
        far.set_mode("down")

        fault = await fault_of(near, parcel=a_parcel_of(LARGE.size, LARGE.sha256), content=LARGE)

        assert type(fault) is DestinationUnavailable
        assert "cut the connection" in fault.reason


async def test_a_registry_that_stops_reading_had_no_effect():
    async with a_registry(stalled_after=SOON) as (far, near):
        far.set_mode("read_stall")
        parcel, progress = a_parcel_of(LARGE.size, LARGE.sha256), RecordingProgress()

        fault = await fault_of(near, parcel=parcel, content=LARGE, progress=progress)

        assert type(fault) is DestinationUnavailable
        assert "stopped reading" in fault.reason
        assert progress.bodies == 0
        assert 0 < progress.bytes_sent < LARGE.size


async def test_a_registry_may_read_slowly_as_long_as_it_reads():
    async with a_registry() as (far, near):
        far.set_mode("read_stall")
        parcel = a_parcel_of(LARGE.size, LARGE.sha256)
        delivering = asyncio.create_task(attempt(near, parcel=parcel, content=LARGE))
        await until(lambda: far.stats()["in_flight"] == 1)

        far.set_mode("healthy")

        assert (await delivering).sha256 == LARGE.sha256


async def test_the_wait_that_was_asked_for_is_passed_on():
    async with a_registry() as (far, near):
        far.set_mode("throttled", per_second=0, retry_after=7)

        assert (await fault_of(near)).retry_after == timedelta(seconds=7)


async def test_an_early_refusal_is_heard_before_the_body_is_gone():
    async with a_registry() as (far, near):
        far.set_mode("throttled", per_second=0, retry_after=7)
        parcel, progress = a_parcel_of(LARGE.size, LARGE.sha256), RecordingProgress()

        fault = await fault_of(near, parcel=parcel, content=LARGE, progress=progress)

        assert type(fault) is DestinationUnavailable
        assert progress.bodies == 0


async def test_expired_credentials_are_the_registrys_trouble_and_not_the_files():
    async with a_registry(bearer="right") as (_, near):
        fault = await fault_of(near)

        assert type(fault) is DestinationUnavailable
        assert "credentials refused" in fault.reason


async def test_an_answer_that_was_lost_is_looked_up_and_nothing_is_sent_again():
    async with a_registry() as (far, near):
        far.set_mode("lost_answer", times=1)
        arrival = await attempt(near)

        assert arrival.locator == far.entries()[0]["id"]
        assert far.stats()["received"] == 1
        assert far.stats()["requests"] == {"intake": 1, "lookup": 1}


async def test_a_doubtful_file_that_is_not_there_is_sent():
    async with a_registry() as (far, near):
        arrival = await attempt(near, parcel=tried_again(a_parcel(DATA), RecordingProgress()))

        assert arrival.locator == far.entries()[0]["id"]


async def test_nothing_is_sent_blind_while_the_lookup_gives_no_answer():
    async with a_registry() as (far, near):
        far.set_mode("stalled", health_lies=True)

        fault = await fault_of(near, parcel=tried_again(a_parcel(DATA), RecordingProgress()))

        assert type(fault) is OutcomeUnknown
        assert type(fault.besides) is DestinationUnavailable
        assert far.stats()["requests"] == {"lookup": 1}


async def test_a_doubtful_file_waits_for_a_human_where_nothing_can_tell():
    async with a_registry(lookup=False) as (far, near):
        fault = await fault_of(near, parcel=tried_again(a_parcel(DATA), RecordingProgress()))

        assert type(fault) is DeliveryRejected
        assert "needs attention" in fault.reason
        assert far.stats()["received"] == 0


async def test_other_bytes_under_the_key_are_left_to_a_human():
    async with a_registry() as (_, near):
        await attempt(near, parcel=a_parcel(b"other"), content=MemoryContent(b"other"))

        fault = await fault_of(near, parcel=tried_again(a_parcel(DATA), RecordingProgress()))

        assert type(fault) is DeliveryRejected
        assert "other bytes" in fault.reason


async def test_a_duplicate_that_tells_the_reference_is_believed():
    async with a_registry(repeat=Repeat.CONFLICT, lookup=False, duplicate=[409]) as (far, near):
        first = await attempt(near)

        second = await attempt(near)

        assert second.locator == first.locator
        assert far.stats()["received"] == 1


async def test_a_duplicate_that_cannot_be_found_is_no_delivery():
    async with a_registry(repeat=Repeat.CONFLICT) as (far, near):
        await attempt(near)
        lookup = far.url + "/nowhere/{sha256}"
        forgetful = HttpRegistry(
            RegistryOptions(
                url=far.intake_url,
                fields={"key": "{upload_id}"},
                accepted=[201],
                duplicate=[409],
                reference="/nothing",
                lookup=lookup,
            )
        )

        fault = await fault_of(forgetful)
        await forgetful.close()

        assert type(fault) is AttemptFailed


async def test_an_acceptance_is_remembered_although_its_lookup_failed():
    async with a_registry() as (far, near):
        unsure = HttpRegistry(
            RegistryOptions(
                url=far.intake_url,
                fields={"key": "{upload_id}"},
                reference="/id",
                lookup="http://127.0.0.1:9/{upload_id}",
                lookup_sha256="/sha256",
            )
        )
        parcel, progress = a_parcel(DATA), RecordingProgress()
        assert type(await fault_of(unsure, progress=progress)) is OutcomeUnknown
        await unsure.close()

        arrival = await attempt(near, parcel=tried_again(parcel, progress))

        assert arrival.locator == far.entries()[0]["id"]
        assert far.stats()["requests"]["intake"] == 1


async def test_what_was_accepted_is_not_sent_again_for_a_look_up_that_never_found_a_file():
    async with a_registry() as (far, _):
        forgetful = HttpRegistry(
            RegistryOptions(
                url=far.intake_url,
                fields={"key": "{upload_id}"},
                lookup=far.url + "/intake/no-{upload_id}",
                lookup_sha256="/sha256",
            ),
            sleep=no_sleep,
        )
        parcel, progress = a_parcel(DATA), RecordingProgress()
        progress.settling = timedelta(minutes=1)
        assert type(await fault_of(forgetful, progress=progress)) is OutcomeUnknown
        parcel = tried_again(parcel, progress)
        assert type(await fault_of(forgetful, parcel=parcel, progress=progress)) is OutcomeUnknown
        assert far.stats()["received"] == 1

        progress.settling = timedelta(0)
        told = await fault_of(forgetful, parcel=parcel, progress=progress)
        assert type(told) is OutcomeUnknown
        assert "is registry.lookup right?" in told.reason

        parcel = replace(parcel, delivery=replace(parcel.delivery, reason=told.reason))
        told = await fault_of(forgetful, parcel=parcel, progress=progress)
        await forgetful.close()

        assert type(told) is DeliveryRejected
        assert told.detail == "the registry's number for it: SILON-000001"
        assert far.stats()["received"] == 1


async def test_a_spool_that_fails_within_the_body_is_not_the_registrys_trouble():
    class Rotten(EndlessContent):
        def read(self, offset, size):
            if offset >= 4 << 20:
                raise OSError(5, "Input/output error")
            return super().read(offset, size)

    async with a_registry() as (far, near):
        rotten = Rotten(32 << 20)
        parcel = a_parcel_of(rotten.size, "0" * 64)

        fault = await fault_of(near, parcel=parcel, content=rotten)

        assert type(fault) is AttemptFailed
        assert "spool" in fault.reason
        assert far.stats()["received"] == 0


async def test_a_cancelled_delivery_ends_at_once():
    async with a_registry(answer_within=timedelta(hours=1)) as (far, near):
        far.set_mode("stalled")
        progress = RecordingProgress()
        delivering = asyncio.create_task(attempt(near, progress=progress))
        await until(lambda: progress.bodies == 1)

        delivering.cancel()

        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait_for(delivering, timeout=5)
        assert delivering.cancelled()


@pytest.mark.parametrize("filename", ['a "b".pdf', "dua\r\nbaris.pdf", "ᬩᬮᬶ.pdf", "100%.pdf", ""])
async def test_any_file_name_reaches_the_registry_in_a_field(filename):
    async with a_registry(fields={"key": "{upload_id}", "nama": "{filename}"}) as (far, near):
        parcel = a_parcel(DATA, filename=filename)

        await attempt(near, parcel=parcel)

        fields = far.entries()[0]["fields"]
        assert fields["nama"] == (filename or parcel.upload.id)

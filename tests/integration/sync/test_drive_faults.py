"""Whatever goes wrong with Drive ends in one good file, or in a fault that says what to do."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest
import structlog
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from standin.drive.server import DriveOptions as StandinOptions
from sync.destinations.checkpoints import DriveCheckpoint
from sync.destinations.copy_check import WithCopyCheck
from tests.destination_fakes import (
    Crash,
    MemoryContent,
    RecordingProgress,
    a_parcel,
    tried_again,
)
from tests.drive_places import a_drive, a_mirror, copies, until_delivered
from tests.waiting import until
from titip.errors import AttemptFailed, DestinationUnavailable

DATA = bytes(range(256)) * (10 * 1024) + b"and a tail"
"""Three chunks of a MiB, the last one short."""


async def deliver(mirror, progress=None, parcel=None):
    return await mirror.deliver(
        parcel or a_parcel(DATA), MemoryContent(DATA), progress or RecordingProgress()
    )


@pytest.mark.parametrize(
    ("fault", "params"),
    [
        ("unauthorized", {}),
        ("unauthorized", {"on": "start"}),
        ("unauthorized", {"on": "generate_ids"}),
        ("rate_limit", {"on": "chunk", "times": 2}),
        ("rate_limit", {"on": "start", "status": 429}),
        ("rate_limit", {"on": "generate_ids", "times": 7}),
        ("rate_limit", {"every": 3, "times": 9}),
        ("server_error", {"times": 2}),
        ("server_error", {"times": 6}),
        ("server_error", {"on": "chunk,query", "times": 5}),
        ("server_error", {"on": "start", "status": 500}),
        ("server_error", {"on": "create,list,get,generate_ids", "times": 8, "status": 502}),
        ("server_error", {"status": 400, "times": 1}),
        ("server_error", {"status": 400, "times": 5}),
        ("short_ack", {"times": 3}),
        ("short_ack", {"times": 2, "units": 4}),
        ("short_ack", {"times": 12, "units": 4}),
        ("lost_last_answer", {}),
        ("lost_start_answer", {}),
        ("lost_start_answer", {"on": "create", "times": 2}),
        ("lost_start_answer", {"on": "start", "times": 4}),
        ("drop_midway", {}),
        ("drop_midway", {"after_bytes": 700_000, "times": 3}),
        ("expired_session", {}),
        ("expired_session", {"on": "query"}),
        ("expired_session", {"times": 2, "every": 2}),
        ("expired_session", {"times": 4}),
        ("missing_sha256", {}),
        ("missing_checksums", {"times": 1}),
        ("flip_byte", {}),
        ("list_lag", {"seconds": 3600.0}),
        ("down", {"times": 3}),
        ("revoked", {"times": 1}),
    ],
    ids=lambda value: value if isinstance(value, str) else json.dumps(value),
)
async def test_each_fault_that_passes_ends_in_one_good_file(fault, params):
    async with a_drive() as (far, options), a_mirror(options) as mirror:
        far.set_fault(fault, **params)
        proved = WithCopyCheck(mirror, must_prove=fault != "missing_checksums")

        arrival, faults = await until_delivered(proved, a_parcel(DATA), MemoryContent(DATA))

        assert copies(far) == [DATA]
        assert far.stats()["faults"][0]["struck"] > 0 or fault in {"list_lag", "expired_session"}
        assert arrival.size == len(DATA)
        assert all(isinstance(one, DestinationUnavailable | AttemptFailed) for one in faults)


@pytest.mark.parametrize(
    ("fault", "params", "told"),
    [
        ("storage_full", {}, "free some room"),
        ("revoked", {}, "authorise Titip again"),
        ("down", {}, "cut the connection"),
        ("rate_limit", {"times": 0}, "slower pace"),
        ("rate_limit", {"times": 0, "reason": "dailyLimitExceeded"}, "daily quota"),
        ("rate_limit", {"times": 0, "reason": "accessNotConfigured"}, "switch it on"),
        ("rate_limit", {"times": 0, "reason": "somethingNew"}, "somethingNew"),
        ("server_error", {"times": 0, "on": ""}, "Drive failed"),
        ("slow", {"seconds": 3600.0}, "did not answer in time"),
    ],
)
async def test_a_fault_that_stays_is_the_drives_and_tells_what_to_do(fault, params, told):
    impatient = {"timeout": timedelta(milliseconds=200)}
    async with a_drive(**impatient) as (far, options), a_mirror(options) as mirror:
        far.set_fault(fault, **params)

        with pytest.raises(DestinationUnavailable, match=told):
            await deliver(mirror)

        assert copies(far) == []


async def test_the_wait_that_drive_asks_for_is_passed_on():
    async with a_drive() as (far, options), a_mirror(options) as mirror:
        far.set_fault("rate_limit", times=0, retry_after=90, status=429)

        with pytest.raises(DestinationUnavailable) as caught:
            await deliver(mirror)

        assert caught.value.retry_after == timedelta(seconds=90)
        assert far.stats()["requests"] == {"generate_ids": 1, "token": 1}


async def test_a_damaged_copy_goes_to_the_trash_and_a_good_one_takes_its_place():
    async with a_drive() as (far, options), a_mirror(options) as mirror:
        far.set_fault("flip_byte")
        proved = WithCopyCheck(mirror, must_prove=True)

        arrival, faults = await until_delivered(proved, a_parcel(DATA), MemoryContent(DATA))

        assert [type(fault) for fault in faults] == [AttemptFailed]
        assert "the copy differs" in faults[0].reason
        assert arrival.sha256 == a_parcel(DATA).upload.sha256
        assert copies(far) == [DATA]
        assert far.stats()["trashed"] == 1


async def test_a_copy_without_checksums_is_unconfirmed_and_not_sent_again():
    async with a_drive() as (far, options), a_mirror(options) as mirror:
        far.set_fault("missing_checksums")
        proved = WithCopyCheck(mirror, must_prove=True)

        with pytest.raises(AttemptFailed, match="unconfirmed"):
            await until_delivered(proved, a_parcel(DATA), MemoryContent(DATA), attempts=3)

        assert copies(far) == [DATA]
        assert far.stats()["requests"]["start"] == 1


async def test_a_copy_whose_id_was_lost_is_found_by_what_it_carries():
    async with a_drive() as (far, options), a_mirror(options) as mirror:
        first = await deliver(mirror)
        forgotten = tried_again(a_parcel(DATA), RecordingProgress())

        second = await deliver(mirror, parcel=forgotten)

        assert second.locator == first.locator
        assert copies(far) == [DATA]


async def test_a_copy_in_the_trash_is_no_copy():
    async with a_drive() as (far, options), a_mirror(options) as mirror:
        parcel, progress = a_parcel(DATA), RecordingProgress()
        first = await deliver(mirror, progress)
        known = DriveCheckpoint(id=first.locator)
        await mirror._desk.calls.trash(first.locator)  # noqa: SLF001  (a human's hand in Drive)
        progress.last = known.text

        second = await deliver(mirror, parcel=tried_again(parcel, progress))

        assert second.locator != first.locator
        assert copies(far) == [DATA]


async def test_a_folder_that_somebody_threw_away_is_made_anew():
    async with a_drive() as (far, options), a_mirror(options) as mirror:
        await deliver(mirror)
        (folder,) = [one["id"] for one in far.entries() if one["name"] == "Pair 3"]
        await mirror._desk.calls.trash(folder)  # noqa: SLF001  (a human's hand in Drive)

        await until_delivered(mirror, a_parcel(DATA, upload="u2"), MemoryContent(DATA))

        assert copies(far) == [DATA]
        assert far.stats()["folders"] == 2


async def test_an_upload_goes_on_where_drive_says_it_is_after_a_restart():
    async with a_drive() as (far, options):
        far.set_fault("server_error", times=0, every=2, on="chunk")
        parcel, progress = a_parcel(DATA), RecordingProgress(crash_after=2)
        async with a_mirror(options) as mirror:
            with pytest.raises(Crash):
                await deliver(mirror, progress)
        far.set_fault("none")
        reborn = RecordingProgress(checkpoint=progress.last)

        async with a_mirror(options) as mirror:
            await deliver(mirror, reborn, tried_again(parcel, progress))

        assert copies(far) == [DATA]
        assert far.stats()["requests"]["start"] == 1
        assert far.stats()["requests"]["query"] == 1
        assert reborn.checkpoints == []


async def test_folders_are_found_again_after_a_restart():
    async with a_drive() as (far, options):
        for upload in ("u1", "u2", "u3"):
            async with a_mirror(options) as mirror:
                await deliver(mirror, parcel=a_parcel(DATA, upload=upload))

        folders = [entry for entry in far.entries() if not entry["path"]]
        assert sorted(entry["name"] for entry in folders) == ["Pair 3", "Titip"]


async def test_many_at_once_make_one_folder_and_keep_the_pace():
    async with a_drive(workers=4) as (far, options), a_mirror(options) as mirror:
        parcels = [a_parcel(DATA, upload=f"u{number}") for number in range(12)]

        arrivals = await asyncio.gather(*(deliver(mirror, parcel=one) for one in parcels))

        assert len({arrival.locator for arrival in arrivals}) == 12
        assert copies(far) == [DATA] * 12
        assert far.stats()["folders"] == 2


async def test_a_folder_in_a_shared_drive_receives_everything():
    async with a_drive(StandinOptions(shared_drive="0AShared-Drive-Id")) as (far, options):
        there = replace(options, folder="0AShared-Drive-Id")
        for upload in ("u1", "u2"):
            async with a_mirror(there) as mirror:
                await deliver(mirror, parcel=a_parcel(DATA, upload=upload))

        held = [entry for entry in far.entries() if entry["path"]]
        assert {entry["driveId"] for entry in held} == {"0AShared-Drive-Id"}
        assert far.stats()["folders"] <= 2


@pytest.fixture(scope="module")
def service_account():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return {"type": "service_account", "client_email": "titip@standin.example", "private_key": pem}


async def test_a_service_account_needs_a_shared_drive_and_is_told_so(service_account, tmp_path):
    async with a_drive(StandinOptions(shared_drive="0AShared-Drive-Id")) as (far, options):
        path = tmp_path / "service.json"
        path.write_text(json.dumps({**service_account, "token_uri": f"{far.url}/token"}))
        alone = replace(options, credentials=path)
        async with a_mirror(alone) as mirror:
            with pytest.raises(DestinationUnavailable, match="shared drive"):
                await deliver(mirror)

        async with a_mirror(replace(alone, folder="0AShared-Drive-Id")) as mirror:
            await deliver(mirror)

        assert copies(far) == [DATA]


async def test_a_session_that_expired_while_titip_was_away_is_replaced_under_the_same_id():
    async with a_drive() as (far, options), a_mirror(options) as mirror:
        parcel, progress = a_parcel(DATA), RecordingProgress(crash_after=2)
        with pytest.raises(Crash):
            await deliver(mirror, progress)
        far.set_fault("expired_session", on="query")

        arrival = await deliver(mirror, parcel=tried_again(parcel, progress))

        assert arrival.locator == DriveCheckpoint.parse(progress.last).id
        assert far.stats()["requests"]["generate_ids"] == 3  # two folders and one file
        assert copies(far) == [DATA]


async def test_a_file_that_turns_out_to_be_there_is_not_sent_again():
    async with a_drive() as (far, options), a_mirror(options) as mirror:
        first = await deliver(mirror)
        knows_its_id = RecordingProgress(checkpoint=DriveCheckpoint(id=first.locator).text)
        far.set_fault("server_error", on="get", status=404)

        second = await deliver(mirror, parcel=tried_again(a_parcel(DATA), knows_its_id))

        assert second.locator == first.locator
        assert far.stats()["sessions"]["completed"] == 1
        assert copies(far) == [DATA]


async def test_an_id_that_drive_will_not_take_is_replaced():
    async with a_drive() as (far, options), a_mirror(options) as mirror:
        foreign = RecordingProgress(checkpoint=DriveCheckpoint(id="1" + "A" * 32).text)

        arrival = await deliver(mirror, parcel=tried_again(a_parcel(DATA), foreign))

        assert arrival.locator != "1" + "A" * 32
        assert copies(far) == [DATA]


async def test_a_folder_that_is_gone_is_looked_for_once_and_then_told():
    async with a_drive() as (far, options), a_mirror(options) as mirror:
        far.set_fault("server_error", on="start", status=404, times=1)
        await deliver(mirror)
        far.set_fault("server_error", on="start", status=404, times=0)

        with pytest.raises(DestinationUnavailable, match="restore it from the trash"):
            await deliver(mirror, parcel=a_parcel(DATA, upload="u2"))

        assert copies(far) == [DATA]


async def test_sessions_that_are_lost_again_and_again_end_the_attempt():
    async with a_drive() as (far, options), a_mirror(options) as mirror:
        far.set_fault("expired_session", times=0)

        with pytest.raises(AttemptFailed, match="lost 3 sessions"):
            await deliver(mirror)

        assert far.stats()["requests"]["start"] == 3


async def test_an_open_drive_needs_no_credentials():
    async with a_drive(StandinOptions(is_open=True), credentials=None) as (far, options):
        async with a_mirror(options) as mirror:
            await deliver(mirror)

        assert copies(far) == [DATA]


async def test_a_drive_that_wants_credentials_asks_for_them():
    async with a_drive(credentials=None) as (_, options), a_mirror(options) as mirror:
        with pytest.raises(DestinationUnavailable, match=r"set mirror\.drive\.credentials"):
            await deliver(mirror)


async def test_a_folder_that_nobody_shared_is_told():
    async with a_drive(folder="1NoSuchFolder-0000") as (_, options), a_mirror(options) as mirror:
        for ask in (mirror.probe, lambda: deliver(mirror)):
            with pytest.raises(DestinationUnavailable, match=r"mirror\.drive\.folder"):
                await ask()


async def test_a_probe_tells_whether_drive_answers_us():
    async with a_drive() as (far, options), a_mirror(options) as mirror:
        assert await mirror.probe() is True
        for fault, told in (("revoked", "authorise Titip again"), ("down", "cut the connection")):
            far.set_fault("none")
            far.set_fault(fault)
            with pytest.raises(DestinationUnavailable, match=told):
                await mirror.probe()


async def test_a_copy_tells_nothing_about_people():
    async with a_drive() as (far, options), a_mirror(options) as mirror:
        await deliver(mirror, parcel=a_parcel(DATA, filename="KTP Ni Luh 5171010101010001.pdf"))

        (held,) = [entry for entry in far.entries() if entry["path"]]
        assert held["name"] == "u0123456789abcdef.pdf"
        assert "5171010101010001" not in json.dumps(far.entries())


async def test_no_log_line_and_no_fault_gives_a_sessions_address_away():
    async with a_drive() as (far, options), a_mirror(options) as mirror:
        far.set_fault("server_error", times=0)
        progress = RecordingProgress()
        with (
            structlog.testing.capture_logs() as lines,
            pytest.raises(DestinationUnavailable) as caught,
        ):
            await deliver(mirror, progress)
        address = DriveCheckpoint.parse(progress.last).session
        secret = address.partition("upload_id=")[2]

        told = (
            f"{lines} {caught.value!r} {caught.value.reason} {DriveCheckpoint.parse(progress.last)}"
        )

        assert len(secret) > 10
        assert secret not in told
        assert "upload_id" not in told


async def test_a_cancelled_delivery_ends_soon_and_leaves_no_thread_reading():
    async with a_drive() as (far, options), a_mirror(options) as mirror:
        far.set_fault("slow", seconds=3600.0, on="chunk")
        progress = RecordingProgress()
        delivering = asyncio.create_task(deliver(mirror, progress))
        await until(lambda: progress.bytes_sent >= 1 << 20)

        delivering.cancel()

        done, _ = await asyncio.wait([delivering], timeout=2)
        assert done
        assert delivering.cancelled()

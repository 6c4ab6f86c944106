"""A backup taken under load, restored elsewhere: every file arrives once, also what went since."""

import asyncio
import hashlib
import random
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from io import BytesIO

import pytest
from aiohttp import ClientSession, web

from config.runtime.serve import gateway_options
from config.settings import settings_from
from config.wiring.destinations import destinations_of
from config.wiring.storage import open_journal, open_spool
from config.wiring.workers import workers_of
from gateway.app import gateway_app, gateway_runner
from gateway.context import AppContext
from standin.registry.server import serve_registry
from storage.backup.backup import back_up
from storage.backup.restore import restore
from storage.clock import utc_now
from sync.destinations.checkpoints import TusCheckpoint
from tests.backup_fixtures import is_sound
from tests.destination_fakes import MemoryContent, RecordingProgress, a_parcel
from tests.drive_places import a_drive, a_mirror, copies
from tests.integration.sync.test_tus_registry import a_registry
from tests.waiting import until
from titip.delivery import DeliveryState
from titip.errors import DeliveryRejected
from titip.evidence import Doubt
from titip.ports.operations import Query
from titip.upload import UploadState

TUS = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}


def the_settings(root, registry, mirror):
    return settings_from(
        None,
        gateway={"auth": "none"},
        storage={"path": root, "reserve": "0B"},
        mirror={"kind": "folder", "when": "always", "path": mirror},
        registry={
            "kind": "http",
            "url": registry.intake_url,
            "lookup": registry.lookup_url,
            "lookup_sha256": "/sha256",
            "settle": "1s",
        },
        retry={"floor": "50ms", "ceiling": "200ms"},
    )


@asynccontextmanager
async def served(settings):
    """Serve the gateway and both workers, as `titip serve` joins them; give books and address."""
    async with AsyncExitStack() as stack:
        books = stack.enter_context(open_journal(settings))
        vault = stack.enter_context(open_spool(settings, books))
        gate = AppContext(
            joiner=vault.joiner,
            store=vault.store,
            records=books.records,
            operations=books.operations,
            tokens=books.tokens,
            now=utc_now,
            options=gateway_options(settings),
        )
        runner = gateway_runner(gateway_app(gate), shutdown_timeout=1)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        destinations = destinations_of(settings)
        stopping = asyncio.Event()
        workers = workers_of(settings, books, vault, destinations)
        running = [asyncio.create_task(worker.run(stopping)) for worker in workers]
        try:
            yield books, f"http://127.0.0.1:{runner.addresses[0][1]}/files/"
        finally:
            stopping.set()
            await asyncio.gather(*running)
            for one in destinations:
                await one.close()


async def hand_in(url, stopped, seed):
    """Hand files in until told to stop; some of them only in part."""
    rng = random.Random(seed)
    async with ClientSession() as session:
        while not stopped.is_set():
            data = rng.randbytes(rng.randrange(200_000))
            kept = len(data) if rng.random() < 0.8 else len(data) // 2
            headers = {**TUS, "Upload-Length": str(len(data))}
            body = BytesIO(data[:kept])
            async with session.post(url, headers=headers, data=body) as answer:
                assert answer.status == 201


async def delivered(books):
    """Wait until nothing is owed anywhere."""

    async def nothing_owed():
        totals = await books.records.totals()
        return not any(one.oldest_owed for one in totals.destinations)

    await until(nothing_owed, within=30)


async def uploads_of(books):
    return await books.records.uploads(Query(limit=1000, states=[UploadState.SEALED]))


async def test_a_backup_under_load_is_restored_and_delivers_every_file_once(tmp_path):
    bak, mirror, quiet = tmp_path / "backup", tmp_path / "mirror", lambda *_: None
    async with serve_registry() as registry:
        settings = the_settings(tmp_path / "data", registry, mirror)
        async with served(settings) as (books, url):
            stopped = asyncio.Event()
            load = [asyncio.create_task(hand_in(url, stopped, seed)) for seed in range(4)]

            async def some_arrived():
                return registry.stats()["received"]

            await until(some_arrived, within=30)
            report = await asyncio.to_thread(
                back_up, tmp_path / "data", bak, verify=True, tell=quiet
            )
            backed_up = registry.stats()["received"]
            await until(lambda: registry.stats()["received"] >= backed_up + 5, within=30)
            stopped.set()
            await asyncio.gather(*load)
            await delivered(books)
        before = registry.stats()["received"]
        there = await asyncio.to_thread(
            restore, bak, tmp_path / "elsewhere", fast=False, tell=quiet
        )

        async with served(the_settings(tmp_path / "elsewhere", registry, mirror)) as (books, url):
            await delivered(books)
            sealed = await uploads_of(books)

        assert is_sound(report.work)
        assert is_sound(there)
        assert there.owed > 0  # the cut knew of deliveries that were still to come
        assert len(sealed) == report.manifest.sealed > 0
        assert registry.stats()["received"] == before
        assert registry.stats()["duplicates"] == 0
        held = {entry["key"]: entry["sha256"] for entry in registry.entries()}
        assert all(held[one.id] == one.sha256 for one in sealed)
        files = [path for path in mirror.rglob("*") if path.is_file()]
        assert len({path.name for path in files}) == len(files) == before
        digests = {path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
        assert all(digests[one.id] == one.sha256 for one in sealed)


async def test_what_a_plain_registry_cannot_be_asked_for_waits_for_a_human_after_a_restore(
    tmp_path,
):
    async with serve_registry() as registry:
        told = the_settings(tmp_path / "data", registry, tmp_path / "mirror")
        mute = told.registry.model_copy(update={"lookup": "", "lookup_sha256": "", "headers": {}})
        settings = told.model_copy(update={"registry": mute})
        async with served(settings) as (books, url):
            await books.operations.pause("registry", paused=True)
            async with ClientSession() as session:
                headers = {**TUS, "Upload-Length": "6"}
                async with session.post(url, headers=headers, data=b"papers") as answer:
                    assert answer.status == 201
            back_up(tmp_path / "data", tmp_path / "bak", verify=False, tell=lambda *_: None)
            await books.operations.pause("registry", paused=False)
            await delivered(books)
        await asyncio.to_thread(
            restore, tmp_path / "bak", tmp_path / "new", fast=False, tell=lambda *_: None
        )

        storage = settings.storage.model_copy(update={"path": tmp_path / "new"})
        async with served(settings.model_copy(update={"storage": storage})) as (books, _):
            await books.operations.pause("registry", paused=False)
            query = Query(states=[DeliveryState.PARKED])
            parked = await until(lambda: books.records.deliveries(query))

        assert parked[0].reason.startswith("needs attention")
        assert registry.stats()["received"] == 1


async def test_drive_is_asked_for_a_copy_that_the_restored_journal_never_heard_of():
    async with a_drive() as (far, options), a_mirror(options) as mirror:
        parcel = a_parcel(b"papers")
        content = MemoryContent(b"papers")
        await mirror.deliver(parcel, content, RecordingProgress())

        doubted = replace(parcel.delivery, maybe_delivered=Doubt.UNHEARD, from_backup=True)
        await mirror.deliver(replace(parcel, delivery=doubted), content, RecordingProgress())

        assert copies(far) == [b"papers"]


@pytest.mark.parametrize("known", ["", "gone"])
async def test_a_tus_registry_gets_nothing_again_after_a_restore_unless_its_upload_is_there(known):
    async with a_registry() as (far, near):
        parcel = a_parcel(b"papers")
        url = f"{far.url}/files/{'0' * 32}" if known else ""
        text = TusCheckpoint(url).text if known else ""
        doubted = replace(
            parcel.delivery, maybe_delivered=Doubt.UNHEARD, from_backup=True, checkpoint=text
        )

        with pytest.raises(DeliveryRejected, match="needs attention: a backup was restored"):
            await near.deliver(
                replace(parcel, delivery=doubted), MemoryContent(b"papers"), RecordingProgress()
            )

        assert far.store.uploads == {}

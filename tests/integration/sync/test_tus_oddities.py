"""Answers of a tus server that is not ours, and what Titip makes of them."""

from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from standin.server import LOOPBACK, cut, root_url, serve_app
from sync.destinations.checkpoints import TusCheckpoint
from sync.destinations.tus.registry import TusOptions, TusRegistry
from tests.destination_fakes import MemoryContent, RecordingProgress, a_parcel, tried_again
from tests.waiting import until
from titip.errors import AttemptFailed, DeliveryRejected, DestinationUnavailable, OutcomeUnknown
from titip.evidence import Doubt, Evidence

MIB = 1 << 20
DATA = bytes(range(256)) * (10 * 1024)


class ScriptedTus:
    """Holds uploads in memory; `script` gives the statuses of the next PATCHes, 0 for "do it"."""

    def __init__(self, *script):
        self.script = list(script)
        self.uploads: list[bytearray | None] = []
        self.headers: list[dict[str, str]] = []
        self.takes: int | None = None
        self.takes_whole_every = 0
        self.forgets_every = 0
        self.forgets_with = 204
        self.moves_on = False
        self.created = 201
        self.asked = 200

    def app(self):
        app = web.Application(client_max_size=1 << 30)
        app.router.add_route("OPTIONS", "/files/", self.options)
        app.router.add_post("/files/", self.create)
        app.router.add_route("HEAD", "/files/{n}", self.head)
        app.router.add_patch("/files/{n}", self.patch)
        return app

    async def options(self, request):
        return web.Response(status=204, headers={"Tus-Extension": "creation"})

    async def create(self, request):
        self.uploads.append(bytearray())
        number = len(self.uploads) - 1
        if not self.created:
            return cut(request)
        return web.Response(status=self.created, headers={"Location": f"{number}"})

    async def head(self, request):
        held = self.uploads[int(request.match_info["n"])]
        if self.asked != 200:
            return web.Response(status=self.asked)
        if held is None:
            return web.Response(status=410)
        return web.Response(headers={"Upload-Offset": str(len(held))})

    async def patch(self, request):
        self.headers.append(dict(request.headers))
        number = int(request.match_info["n"])
        held = self.uploads[number] or bytearray()
        body = await request.read()
        await self.has_read()
        status = self.script.pop(0) if self.script else 0
        if status:
            return web.Response(status=status)
        assert int(request.headers["Upload-Offset"]) == len(held)
        every = self.takes_whole_every
        held += body if every and not len(self.headers) % every else body[: self.takes]
        if self.forgets_every and not len(self.headers) % self.forgets_every:
            self.uploads[number] = bytearray()
            told = {"Upload-Offset": "0"} if self.forgets_with == 204 else {}
            return web.Response(status=self.forgets_with, headers=told)
        is_whole = len(held) == len(DATA)
        self.uploads[number] = None if is_whole and self.moves_on else held
        return web.Response(status=204, headers={"Upload-Offset": str(len(held))})

    async def has_read(self):
        """Let a chunk wait for its answer."""


@asynccontextmanager
async def a_registry(*script):
    far = ScriptedTus(*script)
    async with serve_app(far.app(), listen=LOOPBACK) as address:
        near = TusRegistry(TusOptions(url=f"{root_url(address)}/files/", chunk=MIB))
        try:
            yield far, near
        finally:
            await near.close()


async def deliver(near, progress=None, parcel=None):
    return await near.deliver(
        parcel or a_parcel(DATA), MemoryContent(DATA), progress or RecordingProgress()
    )


async def test_a_server_without_lengths_and_checksums_will_do():
    async with a_registry() as (far, near):
        arrival = await deliver(near)

        assert arrival.locator.endswith("/files/0")
        assert arrival.evidence is Evidence.REFERENCE
        assert bytes(far.uploads[0]) == DATA
        assert "Upload-Checksum" not in far.headers[0]


@pytest.mark.parametrize("status", [409, 460])
async def test_another_offset_is_asked_for_and_gone_on_from(status):
    async with a_registry(0, status) as (far, near):
        await deliver(near)

        assert bytes(far.uploads[0]) == DATA


@pytest.mark.parametrize("status", [404, 410])
async def test_an_upload_that_goes_away_is_begun_anew(status):
    async with a_registry(0, status) as (far, near):
        parcel, progress = a_parcel(DATA), RecordingProgress()
        with pytest.raises(AttemptFailed, match="sent anew"):
            await deliver(near, progress)

        arrival = await deliver(near, parcel=tried_again(parcel, progress))

        assert arrival.locator.endswith("/files/1")
        assert bytes(far.uploads[1]) == DATA


@pytest.mark.parametrize(
    ("script", "meant"),
    [
        ((423,), AttemptFailed),
        ((503,), DestinationUnavailable),
        ((500,), DestinationUnavailable),
        ((0, 0, 500), DestinationUnavailable),
        ((0, 0, 200), AttemptFailed),
        ((0, 0, 422), DeliveryRejected),
        ((401,), DestinationUnavailable),
        ((413,), DeliveryRejected),
        ((302,), AttemptFailed),
        ((403,), AttemptFailed),
    ],
)
async def test_each_answer_has_one_owner(script, meant):
    async with a_registry(*script) as (_, near):
        with pytest.raises((AttemptFailed, DeliveryRejected, DestinationUnavailable)) as caught:
            await deliver(near)

        assert type(caught.value) is meant


@pytest.mark.parametrize("takes", [0, 1, 1000])
async def test_a_server_that_takes_less_than_it_is_sent_is_not_sent_to_for_ever(takes):
    async with a_registry() as (far, near):
        far.takes = takes

        with pytest.raises(AttemptFailed, match="less of each chunk") as caught:
            await deliver(near)

        assert caught.value.suspect
        assert len(far.headers) == 8


async def test_a_server_that_takes_little_at_a_time_gets_it_in_such_chunks():
    async with a_registry() as (far, near):
        far.takes = 100_000

        await deliver(near)

        assert bytes(far.uploads[0]) == DATA
        assert sum(int(one["Content-Length"]) for one in far.headers) < len(DATA) + 2 * MIB


async def test_what_a_server_takes_less_now_and_then_is_sent_again():
    async with a_registry() as (far, near):
        far.takes = 700_000
        far.takes_whole_every = 3

        await deliver(near)

        assert bytes(far.uploads[0]) == DATA


@pytest.mark.parametrize("status", [204, 409, 460])
@pytest.mark.parametrize("every", [1, 2, 3])
async def test_a_server_that_goes_back_again_and_again_is_not_sent_to_for_ever(every, status):
    async with a_registry() as (far, near):
        far.forgets_every, far.forgets_with = every, status
        progress = RecordingProgress()

        with pytest.raises(AttemptFailed) as caught:
            await deliver(near, progress)

        assert caught.value.suspect or status != 204
        assert len(far.headers) <= 12
        assert progress.bytes_sent < 4 * len(DATA) + 8 * MIB
        assert not TusCheckpoint.parse(progress.last).closing


async def test_a_server_that_goes_back_often_says_so_as_the_reason():
    async with a_registry() as (far, near):
        far.forgets_every = 2

        with pytest.raises(AttemptFailed, match="goes back behind") as caught:
            await deliver(near)

        assert caught.value.suspect


@pytest.mark.parametrize("status", [204, 409])
async def test_a_server_that_goes_back_once_gets_all_of_the_file(status):
    async with a_registry() as (far, near):
        far.forgets_every, far.forgets_with = 2, status
        progress = RecordingProgress()

        async def has_read():
            if len(far.headers) > 2:
                far.forgets_every = 0

        far.has_read = has_read
        await deliver(near, progress)

        assert bytes(far.uploads[0]) == DATA
        assert progress.bytes_sent == len(DATA) + 2 * MIB
        assert all(int(one["Content-Length"]) >= MIB // 2 for one in far.headers)


async def test_the_rest_of_a_file_that_went_back_behind_its_last_bytes_is_not_said_to_have_left():
    """What is known of an upload over there is committed before each chunk."""
    async with a_registry() as (far, near):
        far.forgets_every = 3
        progress, known = RecordingProgress(), []

        async def has_read():
            if len(far.headers) > 3:
                far.forgets_every = 0
            known.append(TusCheckpoint.parse(progress.last).closing)

        far.has_read = has_read
        await deliver(near, progress)

        assert known == [False, False, True] * 2
        assert progress.bodies == 2


async def test_an_attempt_after_one_that_left_its_last_bytes_in_doubt_begins_before_them():
    """The answer was lost, and the upload is found back at its beginning."""
    async with a_registry(0, 0, 500) as (far, near):
        far.asked = 500
        parcel, progress = a_parcel(DATA), RecordingProgress()
        with pytest.raises(OutcomeUnknown):
            await deliver(near, progress, parcel)
        known = [TusCheckpoint.parse(progress.last).closing]
        far.asked, far.uploads[0] = 200, bytearray()
        reborn = RecordingProgress(checkpoint=progress.last)

        async def has_read():
            known.append(TusCheckpoint.parse(reborn.last).closing)

        far.has_read = has_read
        await deliver(near, reborn, tried_again(parcel, progress))

        assert known == [True, False, False, True]


async def test_an_upload_that_moves_on_once_it_is_whole_has_arrived():
    async with a_registry() as (far, near):
        far.moves_on = True

        arrival = await deliver(near)

        assert arrival.locator.endswith("/files/0")
        assert far.uploads == [None]


async def test_that_the_whole_file_has_left_is_told_before_anything_is_answered():
    async with a_registry() as (far, near):
        progress, too_early = RecordingProgress(), []

        async def has_read():
            if len(far.headers) < 3:
                too_early.append(progress.bodies)
            else:
                await until(lambda: progress.bodies)

        far.has_read = has_read
        await deliver(near, progress)

        assert bytes(far.uploads[0]) == DATA
        assert too_early == [0, 0]


@pytest.mark.parametrize(
    ("status", "left"),
    [
        *((status, Doubt.ANSWERED) for status in (200, 303, 413, 422)),
        *((status, Doubt.UNHEARD) for status in (408, 409, 500, 503)),
    ],
)
async def test_what_the_last_bytes_were_answered_stands_while_nobody_can_be_asked(status, left):
    async with a_registry(0, 0, status) as (far, near):
        far.asked, progress = 500, RecordingProgress()

        with pytest.raises(OutcomeUnknown, match="after the whole file had left"):
            await deliver(near, progress)

        assert progress.doubt is left


async def test_a_creation_whose_answer_was_lost_leaves_no_doubt_about_bytes_that_never_left():
    async with a_registry() as (far, near):
        far.created, progress = 0, RecordingProgress()
        with pytest.raises(DestinationUnavailable) as caught:
            await deliver(near, progress)

        far.created = 201
        again = await deliver(near)

        assert type(caught.value) is DestinationUnavailable
        assert not progress.doubt
        assert again.locator.endswith("/files/1")


async def test_an_empty_file_whose_answer_was_lost_is_not_sent_again():
    async with a_registry() as (far, near):
        far.created = 0
        parcel, progress = a_parcel(b""), RecordingProgress()
        with pytest.raises(OutcomeUnknown):
            await near.deliver(parcel, MemoryContent(b""), progress)

        with pytest.raises(DeliveryRejected, match="needs attention"):
            await near.deliver(tried_again(parcel, progress), MemoryContent(b""), progress)

    assert len(far.uploads) == 1


@pytest.mark.parametrize("status", [200, 202, 303, 401, 404, 409, 500, 503])
async def test_an_empty_file_is_created_once_whatever_is_answered(status):
    async with a_registry() as (far, near):
        far.created = status
        parcel, progress = a_parcel(b""), RecordingProgress()
        for _ in range(2):
            with pytest.raises(DeliveryRejected, match="needs attention"):
                await near.deliver(parcel, MemoryContent(b""), progress)
            parcel = tried_again(parcel, progress)

    assert len(far.uploads) == 1

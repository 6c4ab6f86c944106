"""Answers that no registry should give, and what Titip makes of them."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from aiohttp import web

from standin.server import LOOPBACK, root_url, serve_app
from sync.registry import HttpRegistry, RegistryOptions
from tests.destination_fakes import (
    EndlessContent,
    MemoryContent,
    RecordingProgress,
    a_parcel,
    a_parcel_of,
    tried_again,
)
from titip.errors import DeliveryFault, Faltered, Unavailable

DATA = b"a supporter's statement"


@asynccontextmanager
async def a_registry(take, look=None, **options):
    """Serve these two handlers as a registry."""
    app = web.Application(client_max_size=1 << 30)
    app.router.add_route("*", "/intake", take)
    app.router.add_get("/intake/{key}", look or take)
    async with serve_app(app, listen=LOOPBACK) as address:
        url = root_url(address)
        near = HttpRegistry(
            RegistryOptions(
                **{
                    "url": f"{url}/intake",
                    "reference": "/id",
                    "lookup": f"{url}/intake/{{upload_id}}" if look else "",
                    "answer_within": timedelta(seconds=5),
                    **options,
                }
            )
        )
        try:
            yield near
        finally:
            await near.close()


async def attempt(near, parcel=None, content=None):
    return await near.deliver(
        parcel or a_parcel(DATA), content or MemoryContent(DATA), RecordingProgress()
    )


async def fault_of(near, **how):
    with pytest.raises(DeliveryFault) as caught:
        await attempt(near, **how)
    return caught.value


def answering(*args, **kwargs):
    async def answer(request):
        await request.read()
        return web.json_response(*args, **kwargs)

    return answer


async def test_an_acceptance_before_the_last_byte_is_none():
    large = EndlessContent(64 << 20)

    async def hasty(request):
        return web.json_response({"id": "1"}, status=201)

    async with a_registry(hasty) as near:
        fault = await fault_of(near, parcel=a_parcel_of(large.size, "0" * 64), content=large)

    assert type(fault) is Faltered
    assert "before it had all of it" in fault.reason


async def test_a_redirect_is_not_followed_and_is_nothing_of_the_files():
    asked: list[str] = []

    async def moved(request):
        asked.append(request.method)
        await request.read()
        raise web.HTTPFound("/login")

    async with a_registry(moved) as near:
        fault = await fault_of(near)

    assert type(fault) is Unavailable
    assert "registry.url" in fault.reason
    assert asked == ["POST"]


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_a_connection_that_is_cut_is_never_taken_up_again_unasked(method):
    asked: list[str] = []

    async def cut(request):
        asked.append(request.method)
        await request.read()
        request.transport.close()
        return web.Response()

    async with a_registry(cut, method=method) as near:
        await fault_of(near)

    assert asked == [method]


@pytest.mark.parametrize(
    ("document", "reference"),
    [
        ({"id": 77}, "77"),
        ({"id": "x" * 600}, "x" * 500),
        ({"id": None}, ""),
        ({"id": {"deep": 1}}, ""),
        (["id"], ""),
        ("id", ""),
    ],
    ids=str,
)
async def test_an_odd_reference_does_not_undo_an_acceptance(document, reference):
    async with a_registry(answering(document, status=201)) as near:
        assert (await attempt(near)).locator == reference


async def test_a_reference_that_the_answer_lacks_is_looked_up():
    async with a_registry(answering({}, status=201), answering({"id": "R-7"})) as near:
        assert (await attempt(near)).locator == "R-7"


async def test_a_reference_that_the_lookup_lacks_is_the_answers():
    look = answering({"sha256": a_parcel(DATA).upload.sha256})
    take = answering({"id": "R-7"}, status=201)
    async with a_registry(take, look, lookup_sha256="/sha256") as near:
        arrival = await attempt(near)

    assert (arrival.locator, arrival.sha256) == ("R-7", a_parcel(DATA).upload.sha256)


async def test_a_lookup_that_answers_with_a_page_is_no_verdict():
    async def page(request):
        return web.Response(text="<html>maintenance</html>")

    doubtful = tried_again(a_parcel(DATA), RecordingProgress())
    async with a_registry(answering({}, status=201), page) as near:
        fault = await fault_of(near, parcel=doubtful)

    assert type(fault) is Unavailable
    assert "JSON" in fault.reason


@pytest.mark.parametrize("status", [302, 400, 401, 422, 429, 500, 503])
async def test_a_lookup_without_a_verdict_is_the_registrys_trouble(status):
    doubtful = tried_again(a_parcel(DATA), RecordingProgress())
    look = answering({}, status=status)
    async with a_registry(answering({}, status=201), look) as near:
        fault = await fault_of(near, parcel=doubtful)

    assert type(fault) is Unavailable
    assert "the lookup" in fault.reason


async def test_a_duplicate_is_looked_up_for_its_reference():
    async with a_registry(answering({}, status=409), answering({"id": "R-7"})) as near:
        assert (await attempt(near)).locator == "R-7"


async def test_an_answer_that_breaks_off_has_told_its_status():
    async def breaking(request):
        await request.read()
        response = web.StreamResponse(status=201, headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b'{"id": ')
        request.transport.close()
        return response

    async with a_registry(breaking) as near:
        assert (await attempt(near)).locator == ""


async def test_an_endless_answer_is_read_no_further_than_it_is_of_use():
    async def endless(request):
        await request.read()
        response = web.StreamResponse(status=201)
        await response.prepare(request)
        try:
            while True:
                await response.write(b" " * 65536)
        except ConnectionError:
            return response

    async with a_registry(endless) as near:
        async with asyncio.timeout(3):
            assert (await attempt(near)).locator == ""

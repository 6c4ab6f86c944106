"""A real browser hands files in, from a page of another origin, over a line that is cut."""

import asyncio
import json
from urllib.error import HTTPError

import pytest

from tests.e2e.clients.chromium import CHROMIUM
from tests.e2e.clients.fixtures import AT_MOST, MATRIX, SIZE, as_json, needs_node
from tests.fault_proxy import Stall
from tests.waiting import until

pytestmark = [
    *MATRIX,
    needs_node,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not here"),
]

REPEATS = 2.5
"""Most that may go up for a page, in sizes of its file.

Chromium repeats by itself a request whose kept connection broke, from the request's first byte,
before the page hears of it. Its offset has passed: 409, read only when all of the body has gone.
"""


@pytest.mark.holds("titip:client-tus-js-browser", "titip:client-uppy")
@pytest.mark.parametrize("client", ["tus", "uppy"])
async def test_a_page_goes_on_where_the_line_was_cut(trial, pages, browser, client):
    trial.cut()

    async with browser.page(f"{pages.url}/{client}.html") as page:
        await _begin(page, trial)
        told = await _end(page)

    await trial.expect_sealed(told["url"], most=REPEATS)


@pytest.mark.holds("titip:client-tus-js-browser", "titip:client-uppy")
@pytest.mark.parametrize("client", ["tus", "uppy"])
async def test_a_page_loaded_anew_goes_on_where_the_old_one_was(trial, pages, browser, client):
    trial.line.plan(Stall(count=SIZE // 2))

    async with browser.page(f"{pages.url}/{client}.html") as page:
        await _begin(page, trial)
        await until(lambda: trial.line.struck)
        await page.reload()
        await _begin(page, trial)
        told = await _end(page)

    assert told.get("earlier", 1) == 1
    await trial.expect_sealed(told["url"], struck=1)


@pytest.mark.holds("titip:client-tus-js-browser", "titip:client-uppy")
@pytest.mark.parametrize("client", ["tus", "uppy"])
async def test_a_page_goes_on_although_its_login_has_ended(trial, pages, browser, client):
    trial.line.plan(*2 * [Stall(count=SIZE // 2)])  # what it asks without cookies goes apart
    made = await trial.scene.run("token", "create", "--role", "lo", "--submitter", "p", "--json")
    token = json.loads(made.stdout)
    login = {
        "headers": {"Authorization": f"Bearer {token['token']}"},
        "withCredentials": True,
    }

    async with browser.page(f"{pages.url}/{client}.html") as page:
        await _begin(page, trial, **login)
        await until(lambda: trial.line.struck)
        await trial.scene.run("token", "revoke", token["id"])
        await until(lambda: _is_refused(trial, token["token"]), glance=0.1)
        await page.reload()
        await _begin(page, trial, **login)
        told = await _end(page)

    await trial.expect_sealed(told["url"], struck=1)


@pytest.mark.holds("titip:client-tus-js-browser")
async def test_a_page_hands_in_parts_that_are_joined(trial, pages, browser):
    trial.cut(AT_MOST / 2)

    async with browser.page(f"{pages.url}/tus.html") as page:
        await _begin(page, trial, parallelUploads=2)
        told = await _end(page)

    await trial.expect_sealed(told["url"], most=REPEATS)


@pytest.mark.holds("titip:client-tus-js-browser")
async def test_a_page_speaks_the_draft(trial, pages, browser):
    trial.cut()

    async with browser.page(f"{pages.url}/tus.html") as page:
        await _begin(page, trial, protocol="ietf-draft-05")
        told = await _end(page)

    await trial.expect_sealed(told["url"], most=REPEATS)


async def test_a_page_of_an_origin_that_was_not_named_cannot_hand_in(trial, pages, browser):
    async with browser.page(f"{pages.elsewhere}/tus.html") as page:
        await _begin(page, trial, retryDelays=[])
        with pytest.raises(AssertionError, match="failed to create upload"):
            await _end(page)

    uploads = (await trial.ask("/api/uploads"))["uploads"]
    assert trial.paper.name not in {one["filename"] for one in uploads}


async def _is_refused(trial, token):
    try:
        await asyncio.to_thread(trial.scene.ask, "/api/uploads", token=token)
    except HTTPError as refused:
        refused.close()
        return refused.code == 401
    return False


async def _begin(page, trial, **options):
    await page.choose(trial.paper)
    told = as_json(**{"endpoint": trial.endpoint, "headers": trial.headers, **options})
    await page.run(f"handIn({told})")


async def _end(page):
    """Wait until the page was told how it went, and give that."""

    async def ended():
        told = await page.run("told")
        return told if told["url"] or told["error"] else None

    told = await until(ended, within=30, glance=0.05)
    assert told["error"] is None, told["error"]
    return told

"""Answers that no registry should give, and what Titip makes of them."""

import asyncio
import base64
import socket
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from standin.server import LOOPBACK, root_url, serve_app
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
from titip.errors import (
    AttemptFailed,
    DeliveryFault,
    DeliveryRejected,
    DestinationUnavailable,
    OutcomeUnknown,
)
from titip.evidence import Evidence

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

    assert type(fault) is DeliveryRejected
    assert fault.reason.startswith("gave an answer that tells nothing of the file (201 Created)")


async def test_a_redirect_is_not_followed_and_proves_nothing():
    asked: list[str] = []

    async def moved(request):
        asked.append(request.method)
        await request.read()
        raise web.HTTPFound("/login")

    async with a_registry(moved) as near:
        fault = await fault_of(near)

    assert type(fault) is DeliveryRejected
    assert type(fault.besides) is DestinationUnavailable
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


async def test_a_reference_too_long_to_keep_is_not_cut_to_one_of_something_else():
    async with a_registry(answering({"id": "x" * 1001}, status=201)) as near:
        with pytest.raises(DeliveryRejected, match="nothing at registry"):
            await attempt(near)


async def test_one_reference_for_different_files_is_told():
    async with a_registry(answering({"id": 7}, status=201)) as near:
        with capture_logs() as logged:
            await attempt(near)
            await attempt(near)
            assert logged == []
            other = a_parcel(b"another", upload="u2222222222222222")
            await attempt(near, other, MemoryContent(b"another"))

    assert [one["event"] for one in logged] == ["registry.reference_twice"]


async def test_a_registry_that_was_never_reached_did_not_stop_reading():
    """A name server that is silent, a proxy that never lets through, a handshake that hangs."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(8)
        options = RegistryOptions(
            url=f"https://127.0.0.1:{listening.getsockname()[1]}/intake",
            connect_within=timedelta(milliseconds=100),
            stalled_after=timedelta(milliseconds=200),
        )
        near = HttpRegistry(options)
        try:
            fault = await fault_of(near)
        finally:
            await near.close()

    assert type(fault) is DestinationUnavailable
    assert "stopped reading" not in fault.reason
    assert "in time" in fault.reason


SECRETS = ["S3cretBearer", "k3y-in-a-header", "s3cret-in-a-file"]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("spoken", ["words", "header"])
async def test_a_secret_that_a_registry_says_back_is_shown_to_nobody(secret, spoken, tmp_path):
    held = tmp_path / "key"
    held.write_text(SECRETS[2], "ascii")

    async def take(request):
        await request.read()
        if spoken == "header":
            return web.json_response({}, status=201, headers={"Location": f"/x?k={secret}"})
        return web.json_response({"message": f"token Bearer {secret} is unknown"}, status=422)

    options = {
        "bearer": SECRETS[0],
        "headers": {"X-Api-Key": SECRETS[1], "X-Signed": f"Token file:{held}"},
        "reference": "header:Location",
    }
    async with a_registry(take, **options) as near:
        try:
            told = (await attempt(near)).locator
        except DeliveryFault as fault:
            told = fault.reason + fault.detail

    assert told
    assert secret not in told


@pytest.mark.parametrize(
    ("document", "reference"),
    [
        ({"id": 77}, "77"),
        ({"id": "x" * 1000}, "x" * 1000),
        ({"id": "SILON-\ud83d"}, "SILON-?"),
    ],
    ids=ascii,
)
async def test_a_reference_is_kept_as_far_as_it_can_be(document, reference):
    async with a_registry(answering(document, status=201)) as near:
        arrival = await attempt(near)

    assert (arrival.locator, arrival.evidence) == (reference, Evidence.REFERENCE)


@pytest.mark.parametrize(
    "document",
    [{"id": None}, {"id": {"deep": 1}}, {"id": 417.0}, {"success": False}, ["id"], "id"],
    ids=str,
)
@pytest.mark.parametrize("status", [200, 201, 202, 204, 303, 409])
async def test_without_a_reference_and_a_look_up_nothing_is_a_delivery(status, document):
    async with a_registry(answering(document, status=status)) as near:
        fault = await fault_of(near)

    assert type(fault) is DeliveryRejected
    assert "needs attention" in fault.reason


async def test_a_status_alone_is_believed_where_the_operator_says_so_and_told_as_such():
    async with a_registry(answering({"success": True}), trust_status=True) as near:
        assert (await attempt(near)).evidence is Evidence.STATUS


@pytest.mark.parametrize("status", [200, 503])
async def test_a_login_page_is_an_outage_and_no_delivery(status):
    async def page(request):
        await request.read()
        return web.Response(text="<html>Login", content_type="text/html", status=status)

    async with a_registry(page, trust_status=True) as near:
        fault = await fault_of(near)

    assert type(fault) is DeliveryRejected
    assert isinstance(fault.besides, DestinationUnavailable)
    assert fault.besides.outage


@pytest.mark.parametrize("wrapped", ["sha256:{}", "SHA-256={}", "{}", ":{}:", "sha-256=:{}:"])
@pytest.mark.parametrize("spelling", ["hex", "base64", "base64url"])
async def test_a_digest_counts_however_it_is_written(wrapped, spelling):
    raw = bytes.fromhex(a_parcel(DATA).upload.sha256)
    spelt = {
        "hex": raw.hex().upper(),
        "base64": base64.b64encode(raw).decode(),
        "base64url": base64.urlsafe_b64encode(raw).decode().rstrip("="),
    }
    look = answering({"sha256": wrapped.format(spelt[spelling])})
    async with a_registry(answering({}, status=201), look, lookup_sha256="/sha256") as near:
        assert (await attempt(near)).evidence is Evidence.DIGEST


@pytest.mark.parametrize("odd", [None, [], {"a": 1}, "", 7, "none", "0" * 40], ids=repr)
async def test_a_digest_that_is_not_told_proves_nothing_and_sends_nothing_again(odd):
    take, look = answering({"id": "R-7"}, status=201), answering({"id": "R-7", "sha256": odd})
    async with a_registry(take, look, lookup_sha256="/sha256") as near:
        fault = await fault_of(near)

    assert type(fault) is OutcomeUnknown


@pytest.mark.parametrize(
    ("absent", "document"),
    [
        ("[]", []),
        ("/results", {"results": []}),
        ("/count", {"count": 0}),
        ("/found", {"found": None}),
    ],
)
async def test_a_search_says_not_there_in_its_own_way(absent, document):
    in_doubt = tried_again(a_parcel(DATA), RecordingProgress())
    look = answering(document)
    async with a_registry(answering({"id": "1"}, status=201), look, lookup_absent=absent) as near:
        assert (await attempt(near, parcel=in_doubt)).locator == "1"


@pytest.mark.parametrize(("absent", "document"), [("", []), ("/results", {"error": "busy"})])
async def test_a_look_up_of_another_kind_says_neither_there_nor_not(absent, document):
    in_doubt = tried_again(a_parcel(DATA), RecordingProgress())
    look = answering(document)
    async with a_registry(answering({"id": "1"}, status=201), look, lookup_absent=absent) as near:
        fault = await fault_of(near, parcel=in_doubt)

    assert type(fault) is OutcomeUnknown


@pytest.mark.parametrize("status", [400, 422, 451])
async def test_a_refusal_is_looked_up_first_since_the_whole_file_had_left(status):
    async with a_registry(answering({}, status=status), answering({"id": "R-7"})) as near:
        assert (await attempt(near)).locator == "R-7"


@pytest.mark.parametrize("status", [401, 408, 409, 429, 500, 503])
async def test_what_the_operator_vouches_for_may_be_sent_again_without_a_look_up(status):
    progress = RecordingProgress()
    async with a_registry(answering({}, status=status), not_stored=[status]) as near:
        with pytest.raises((AttemptFailed, DestinationUnavailable)):
            await near.deliver(a_parcel(DATA), MemoryContent(DATA), progress)

    assert not progress.doubt


async def test_a_key_is_repeated_only_within_the_time_that_the_operator_named():
    key = {"Idempotency-Key": "{delivery_id}"}
    parcel = tried_again(a_parcel(DATA), RecordingProgress())
    take = answering({"id": "1"}, status=201)
    async with a_registry(take, headers=key, key_lifetime=timedelta(days=36500)) as near:
        assert (await attempt(near, parcel=parcel)).locator == "1"
    async with a_registry(take, headers=key, key_lifetime=timedelta(seconds=1)) as near:
        assert type(await fault_of(near, parcel=parcel)) is DeliveryRejected
    async with a_registry(take, headers=key) as near:
        assert type(await fault_of(near, parcel=parcel)) is DeliveryRejected


async def test_an_answer_that_would_come_again_is_not_asked_for_under_a_key():
    key = {"Idempotency-Key": "{delivery_id}"}
    take = answering({}, status=202)
    async with a_registry(take, headers=key, key_lifetime=timedelta(days=36500)) as near:
        assert type(await fault_of(near)) is DeliveryRejected


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

    in_doubt = tried_again(a_parcel(DATA), RecordingProgress())
    async with a_registry(answering({}, status=201), page) as near:
        fault = await fault_of(near, parcel=in_doubt)

    assert type(fault) is OutcomeUnknown
    assert "JSON" in fault.reason


@pytest.mark.parametrize(
    ("status", "trouble"),
    [
        (429, DestinationUnavailable),
        (503, DestinationUnavailable),
        *[(status, AttemptFailed) for status in (302, 400, 401, 422, 500)],
    ],
)
async def test_a_lookup_without_a_verdict_is_the_registrys_trouble_where_it_asks_for_time(
    status, trouble
):
    in_doubt = tried_again(a_parcel(DATA), RecordingProgress())
    look = answering({}, status=status)
    async with a_registry(answering({}, status=201), look) as near:
        fault = await fault_of(near, parcel=in_doubt)

    assert type(fault) is OutcomeUnknown
    assert type(fault.besides) is trouble
    assert "the look-up" in fault.reason


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
        assert type(await fault_of(near)) is DeliveryRejected


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
            assert type(await fault_of(near)) is DeliveryRejected

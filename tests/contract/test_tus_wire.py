"""The wire of registries of kind "tus" keeps the contract."""

from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from sync.destinations.checkpoints import TusCheckpoint
from sync.destinations.tus.registry import TusOptions, TusRegistry
from tests.blackbox.hostile_server import Say, hostile_server
from tests.contract.wire_contract import (
    SECRET,
    WireContract,
    authority,
    plain_environment,
)
from tests.destination_fakes import MemoryContent, RecordingProgress, a_parcel, tried_again
from titip.errors import DeliveryFault, DeliveryRejected, DestinationUnavailable

__all__ = ["authority", "plain_environment"]

DATA = b"a scan"


class TestTusWire(WireContract):
    @asynccontextmanager
    async def wire(self, url, answer_within):
        near = TusRegistry(
            TusOptions(
                url=f"{url}/files/?key={SECRET}",
                bearer="configured",
                connect_within=timedelta(seconds=1),
                answer_within=answer_within,
            )
        )
        try:
            yield lambda: near.deliver(a_parcel(DATA), MemoryContent(DATA), RecordingProgress())
        finally:
            await near.close()


def creating(location, status=201):
    """Script a server that offers tus and creates uploads at this location."""

    def script(asked):
        match asked.method:
            case "POST":
                return Say(status, headers={"Location": location})
            case "HEAD":
                return Say(200, headers={"Upload-Offset": str(len(DATA))})
            case "PATCH":
                return Say(204, headers={"Upload-Offset": str(len(DATA))})
            case _:
                return Say(204)

    return script


@asynccontextmanager
async def a_registry(url, **options):
    near = TusRegistry(TusOptions(**{"url": f"{url}/files/", "bearer": "configured", **options}))
    try:
        yield near
    finally:
        await near.close()


async def deliver(near, parcel=None):
    progress = RecordingProgress()
    return await near.deliver(parcel or a_parcel(DATA), MemoryContent(DATA), progress)


async def test_neither_token_nor_bytes_go_where_a_location_points_on_another_host():
    with hostile_server(lambda asked: Say(204), host="127.0.0.2") as other:
        with hostile_server(creating(f"{other.url}/1?{SECRET}")) as far:
            async with a_registry(far.url) as near:
                with pytest.raises(DestinationUnavailable, match=r"registry\.origins") as caught:
                    await deliver(near)

        assert other.url in caught.value.reason
        assert SECRET not in caught.value.reason
        assert not other.asked


async def test_uploads_may_lie_on_an_origin_that_is_listed():
    with hostile_server(creating(""), host="127.0.0.2") as other:
        with hostile_server(creating(f"{other.url}/1")) as far:
            async with a_registry(far.url, origins=[other.url]) as near:
                arrival = await deliver(near)

        assert arrival.locator == f"{other.url}/1"
        assert other.count("PATCH") == 1


async def test_another_scheme_or_port_of_the_same_host_is_the_configured_one():
    with (
        capture_logs() as logs,
        hostile_server(creating("https://127.0.0.1:1/files/7?a=b")) as far,
    ):
        async with a_registry(far.url) as near:
            arrival = await deliver(near)
            await deliver(near)

    assert arrival.locator == f"{far.url}/files/7?a=b"
    assert far.paths("PATCH") == ["/files/7?a=b"] * 2
    assert [one["event"] for one in logs].count("destination.location_rewritten") == 1


@pytest.mark.parametrize("location", ["http://a..b/", "javascript:1", "http://u:p@127.0.0.1/1"])
async def test_a_location_that_is_no_address_is_refused(location):
    with hostile_server(creating(location)) as far:
        async with a_registry(far.url) as near:
            with pytest.raises(DestinationUnavailable, match="Location"):
                await deliver(near)

    assert not far.count("PATCH")


async def test_an_upload_at_an_address_that_is_configured_no_more_is_begun_anew():
    with hostile_server(lambda asked: Say(204), host="127.0.0.2") as old:
        progress = RecordingProgress(checkpoint=TusCheckpoint(f"{old.url}/files/1").text)
        with hostile_server(creating("1")) as far:
            async with a_registry(far.url) as near:
                arrival = await deliver(near, tried_again(a_parcel(DATA), progress))

        assert arrival.locator == f"{far.url}/files/1"
        assert not old.asked


async def test_one_whose_last_bytes_may_have_arrived_there_needs_a_person():
    known = TusCheckpoint("http://127.0.0.2:1/files/1", closing=True)
    progress = RecordingProgress(checkpoint=known.text)
    with hostile_server(creating("1")) as far:
        async with a_registry(far.url) as near:
            with pytest.raises(DeliveryRejected, match="needs attention"):
                await deliver(near, tried_again(a_parcel(DATA), progress))

    assert not far.count("POST", "PATCH")


async def test_a_user_in_the_address_is_sent_and_never_kept():
    with hostile_server(creating("/files/1")) as far:
        url = far.url.replace("://", f"://somebody:{SECRET}@")
        async with a_registry(url, bearer="") as near:
            arrival = await deliver(near)

    assert SECRET not in arrival.locator
    assert {one.headers["authorization"] for one in far.asked} == {"Basic c29tZWJvZHk6czNjcmV0"}


async def test_a_renewed_secret_is_taken_without_a_start(tmp_path):
    secret = tmp_path / "bearer"
    secret.write_text("old\n", "utf-8")

    def script(asked):
        if asked.headers.get("authorization") != "Bearer new":
            return Say(401)
        return creating("1")(asked)

    with hostile_server(script) as far:
        headers = {"X-Api-Key": f"file:{secret}", "Idempotency-Key": "{delivery_id}"}
        async with a_registry(far.url, bearer=f"file:{secret}", headers=headers) as near:
            with pytest.raises(DestinationUnavailable, match=r"registry\.bearer"):
                await deliver(near)
            secret.write_text("new\n", "utf-8")
            await deliver(near)
            assert await near.probe()

    assert far.asked[-1].headers["x-api-key"] == "new"
    assert "idempotency-key" not in far.asked[-1].headers


async def test_no_request_goes_out_without_its_credential_and_it_heals_by_itself(tmp_path):
    secret = tmp_path / "bearer"
    secret.write_text("", "utf-8")
    with hostile_server(creating("1")) as far:
        async with a_registry(far.url, bearer=f"file:{secret}") as near:
            for attempt in (lambda: deliver(near), near.probe):
                with pytest.raises(
                    DestinationUnavailable, match=r"^registry\.bearer: .* is empty$"
                ):
                    await attempt()
            assert not far.asked

            secret.write_text("new", "utf-8")
            assert await near.probe()
            await deliver(near)

    assert {one.headers["authorization"] for one in far.asked} == {"Bearer new"}


async def test_counts_that_are_no_counts_are_no_offsets():
    def script(asked):
        if asked.method == "PATCH":
            return Say(204, headers={"Upload-Offset": "9" * 5000})
        return creating("1")(asked)

    with hostile_server(script) as far:
        async with a_registry(far.url) as near:
            with pytest.raises(DeliveryFault):
                await deliver(near)

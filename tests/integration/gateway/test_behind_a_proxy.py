"""The address of a new upload, as its sender sees it through a proxy."""

from ipaddress import ip_network

import pytest

from gateway.options import GatewayOptions
from tests.gateway_fixtures import gateway

SAID = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "titip.example"}


@pytest.mark.holds("titip:location-forwarded")
@pytest.mark.parametrize(
    ("trusted", "base"), [("127.0.0.0/8", "https://titip.example"), ("10.0.0.0/8", "")]
)
async def test_the_location_is_the_one_a_trusted_proxy_tells(tmp_path, trusted, base):
    async with gateway(tmp_path, GatewayOptions(trusted_proxies=(ip_network(trusted),))) as gate:
        sent = {"Upload-Length": "1", **SAID}
        async with gate.ask("POST", "/files/", sent) as answer:
            assert answer.status == 201

    assert answer.headers["Location"].startswith(f"{base or gate.url}/files/")


@pytest.mark.holds("titip:location-forwarded")
@pytest.mark.parametrize("host", ["a@b", "a b", "a/b", "", "x" * 300])
async def test_a_host_that_is_none_is_not_repeated(tmp_path, host):
    async with gateway(tmp_path) as gate:
        line = await gate.dial()

        await line.say("POST", "/files/", {"Upload-Length": "1", "Host": host})

        status, headers = await line.answer()
        assert status in {201, 400}
        if status == 201:
            assert headers["Location"].startswith("/files/")

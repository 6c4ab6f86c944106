"""The secret of one upload: it goes on when the login is over, and opens nothing else."""

from http.cookies import SimpleCookie

import pytest

from gateway.options import Auth, GatewayOptions
from tests.gateway_fixtures import BYTES, gateway, id_of
from titip.access import digest_of

EXPIRED = {"Authorization": "Bearer titip_gone_gone"}


async def begun(titip, length=6, **more):
    async with titip.ask("POST", "/files/", {"Upload-Length": str(length)}, **more) as answer:
        path = answer.headers["Location"].removeprefix(titip.url)
        return path, answer.headers


def by_header(headers):
    return {"Upload-Secret": headers["Upload-Secret"]}


def by_cookie(headers):
    cookie = SimpleCookie(headers["Set-Cookie"])["titip-upload"]
    return {"Cookie": f"other=1; titip-upload={cookie.value}"}


WAYS = [by_header, by_cookie]


@pytest.mark.holds("titip:secret-given", "titip:secret-digest")
async def test_a_creation_hands_a_secret_out_and_keeps_its_digest_alone(tmp_path):
    async with gateway(tmp_path) as titip:
        path, headers = await begun(titip)
        cookie = SimpleCookie(headers["Set-Cookie"])["titip-upload"]
        kept = titip.store.uploads[id_of(path)]

        assert len(headers["Upload-Secret"]) >= 43
        assert cookie.value == headers["Upload-Secret"]
        assert (cookie["path"], cookie["samesite"], cookie["httponly"]) == (path, "Strict", True)
        assert headers["Cache-Control"] == "no-store"
        assert kept.secret_digest == digest_of(headers["Upload-Secret"])
        assert headers["Upload-Secret"] not in headers["Location"]


@pytest.mark.holds("titip:secret-opens")
@pytest.mark.parametrize("carried", WAYS)
@pytest.mark.parametrize("login", [EXPIRED, {"Authorization": ""}])
async def test_the_secret_goes_on_when_the_login_is_over(tmp_path, carried, login):
    async with gateway(tmp_path) as titip:
        path, headers = await begun(titip)
        secret = {**carried(headers)}

        async with titip.ask("HEAD", path, secret, of=login) as head:
            pass
        async with titip.append(path, 0, b"surat!", secret, of=login) as patch:
            pass
        async with titip.ask("HEAD", path, secret, of=login) as proof:
            pass

        assert (head.status, patch.status, proof.status) == (200, 204, 200)
        assert "Repr-Digest" in proof.headers
        assert titip.kept(path) == b"surat!"


@pytest.mark.holds("titip:secret-only-that")
@pytest.mark.parametrize("carried", WAYS)
async def test_the_secret_opens_nothing_else(tmp_path, carried):
    async with gateway(tmp_path) as titip:
        path, headers = await begun(titip)
        other, _ = await begun(titip)
        secret = carried(headers)
        length = {"Upload-Length": "1"}

        asked = [
            ("HEAD", other, {}),
            ("PATCH", other, {"Upload-Offset": "0", **BYTES}),
            ("DELETE", path, {}),
            ("GET", path, {}),
            ("POST", "/files/", length),
            ("GET", f"/api/uploads/{id_of(path)}", {}),
            ("GET", f"/api/uploads/{id_of(path)}/receipt", {}),
            ("GET", "/api/uploads", {}),
        ]
        statuses = set()
        for method, where, headers_of in asked:
            async with titip.ask(method, where, {**secret, **headers_of}, of=EXPIRED) as answer:
                statuses.add(answer.status)

        assert statuses == {401}


@pytest.mark.holds("titip:secret-only-that")
@pytest.mark.parametrize("secret", ["wrong", "", "\u00e9", "x" * 5000, '"', "a=b; c"])
async def test_another_secret_opens_nothing(tmp_path, secret):
    async with gateway(tmp_path) as titip:
        path, _ = await begun(titip)

        for name in ("Upload-Secret", "Cookie"):
            value = secret if name == "Upload-Secret" else f"titip-upload={secret}"
            async with titip.ask("HEAD", path, {name: value}, of=EXPIRED) as answer:
                assert answer.status == 401


async def test_a_secret_says_nothing_of_an_upload_that_is_not_there(tmp_path):
    async with gateway(tmp_path) as titip:
        _, headers = await begun(titip)

        async with titip.ask("HEAD", "/files/" + "0" * 32, by_header(headers), of=EXPIRED) as head:
            assert head.status == 401


@pytest.mark.holds("titip:secret-dies")
async def test_the_secret_dies_with_the_upload(tmp_path):
    async with gateway(tmp_path) as titip:
        path, headers = await begun(titip)
        async with titip.ask("DELETE", path):
            pass

        async with titip.ask("HEAD", path, by_header(headers), of=EXPIRED) as answer:
            assert answer.status == 401


@pytest.mark.holds("titip:secret-given")
async def test_what_is_sealed_at_once_gets_no_secret(tmp_path):
    async with gateway(tmp_path) as titip:
        headers = {"Upload-Length": "5", **BYTES}
        async with titip.ask("POST", "/files/", headers, body=b"surat") as answer:
            pass

        (kept,) = titip.store.uploads.values()
        assert not {"Upload-Secret", "Set-Cookie"} & set(answer.headers)
        assert kept.secret_digest == ""


async def test_where_nobody_logs_in_there_is_no_secret(tmp_path):
    async with gateway(tmp_path, GatewayOptions(auth=Auth.NONE)) as titip:
        _, headers = await begun(titip)

        assert "Upload-Secret" not in headers


@pytest.mark.parametrize(
    ("url", "origins", "flags"),
    [
        ("https://titip.example/in", ("*",), {"samesite": "Strict", "secure": True}),
        ("https://titip.example/in", ("https://a.example",), {"samesite": "None", "secure": True}),
        ("http://titip.example/in", ("https://a.example",), {"samesite": "Strict", "secure": ""}),
    ],
)
async def test_the_cookie_goes_no_further_than_it_must(tmp_path, url, origins, flags):
    async with gateway(tmp_path, GatewayOptions(public_url=url, origins=origins)) as titip:
        async with titip.ask("POST", "/files/", {"Upload-Length": "6"}) as answer:
            location = answer.headers["Location"]
        cookie = SimpleCookie(answer.headers["Set-Cookie"])["titip-upload"]

        assert cookie["path"] == location.removeprefix("http://titip.example").removeprefix(
            "https://titip.example"
        )
        assert {name: cookie[name] for name in flags} == flags
        assert int(cookie["max-age"]) == 7 * 86400

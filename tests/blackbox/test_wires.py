"""What `titip serve` sends where, and what it makes of answers without end, from outside."""

import hashlib
import time
from contextlib import suppress

import pytest

from bench.process import memory_of
from tests.blackbox.hostile_server import Say, hostile_server
from tests.blackbox.program import titip
from tests.certificates import DAY, Authority
from tests.ports import free_port
from tests.waiting import wait_for

pytestmark = pytest.mark.e2e

DATA = b"a scan of a paper"
DIGEST = hashlib.sha256(DATA).hexdigest()
MIB = 1 << 20


def tus(location="/files/1", post=None):
    """Script a tus registry that creates uploads at this location."""

    def script(asked):
        if asked.method == "POST":
            return post or Say(201, headers={"Location": location})
        length = asked.headers.get("upload-offset", len(DATA))
        held = {"Upload-Offset": str(int(length) + len(asked.body))}
        return Say(200 if asked.method == "HEAD" else 204, headers=held)

    return script


def registry(**keys):
    """Write the table."""
    return "[registry]\n" + "".join(f"{key} = {value!r}\n" for key, value in keys.items())


def reason_of(served, upload, to="registry", within=15):
    """Give the first reason that is told of a delivery."""
    return wait_for(lambda: served.delivery(upload, to).get("reason") or None, within=within)


def endless(sock, over):
    piece = b"100000\r\n" + b" " * MIB + b"\r\n"
    with suppress(OSError):
        for _ in range(400):
            sock.sendall(piece)


def dripping(sock, over):
    with suppress(OSError):
        while not over.wait(0.2):
            sock.sendall(b"1\r\n \r\n")


CHUNKED = b"HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_a_netrc_does_not_replace_the_bearer_of_a_tus_registry(tmp_path):
    netrc = tmp_path / ".netrc"
    netrc.write_text("default login somebody password else\n", "utf-8")
    netrc.chmod(0o600)
    with hostile_server(tus()) as far:
        table = registry(kind="tus", url=f"{far.url}/files/", bearer="configured")
        with titip(tmp_path, table, HOME=str(tmp_path), NETRC=str(netrc)) as served:
            served.until(served.hand_in(DATA), "delivered")

    assert {one.headers.get("authorization") for one in far.asked} == {"Bearer configured"}


def test_bytes_and_token_go_to_no_host_that_a_location_makes_up(tmp_path):
    with hostile_server(tus(), host="127.0.0.2") as other:
        with hostile_server(tus(f"{other.url}/files/1?key=s3cret")) as far:
            table = registry(kind="tus", url=f"{far.url}/files/", bearer="configured")
            with titip(tmp_path, table) as served:
                reason = reason_of(served, served.hand_in(DATA))

        assert not other.asked
    assert "registry.origins" in reason
    assert other.url in reason
    assert "s3cret" not in reason


def test_a_location_with_the_scheme_and_port_of_an_inner_server_is_rewritten(tmp_path):
    with hostile_server(tus("https://127.0.0.1:1/files/1")) as far:
        table = registry(kind="tus", url=f"{far.url}/files/", bearer="configured")
        with titip(tmp_path, table) as served:
            delivered = served.until(served.hand_in(DATA), "delivered")

    assert delivered["locator"] == f"{far.url}/files/1"


def test_an_endless_answer_of_a_tus_registry_takes_no_memory(tmp_path):
    with (
        hostile_server(tus(post=Say(raw=CHUNKED, drip=endless))) as far,
        titip(tmp_path, registry(kind="tus", url=f"{far.url}/files/")) as served,
    ):
        before = resident(served)
        served.hand_in(DATA)
        wait_for(lambda: far.count("POST"), within=15)
        peak = highest(served, seconds=2)

    assert peak - before < 100 * MIB


def test_a_dripping_answer_of_a_tus_registry_is_none(tmp_path):
    with (
        hostile_server(tus(post=Say(raw=CHUNKED, drip=dripping))) as far,
        titip(tmp_path, registry(kind="tus", url=f"{far.url}/files/")) as served,
    ):
        reason = reason_of(served, served.hand_in(DATA))

    assert "did not answer in time" in reason


def test_a_page_in_the_place_of_drive_ends_nothing(tmp_path):
    with (
        hostile_server(lambda asked: Say(200, "<html>maintenance</html>")) as far,
        titip(tmp_path, drive(far.url)) as served,
    ):
        upload = served.hand_in(DATA)
        wait_for(lambda: not served.alive or len(far.asked) >= 8, within=20)

        assert served.alive, served.logged[-500:]
        assert "not Drive's" in reason_of(served, upload, to="mirror")


def test_a_configured_folder_in_the_trash_is_told_and_gets_nothing(tmp_path):
    folder = {"id": "1Configured-folder", "trashed": True, "files": [], "ids": ["1Reserved-id-0"]}
    with (
        hostile_server(lambda asked: Say(200, folder)) as far,
        titip(tmp_path, drive(far.url, folder=folder["id"])) as served,
    ):
        reason = reason_of(served, served.hand_in(DATA), to="mirror")

    assert "restore it from the trash" in reason
    assert not far.count("POST", "PUT")


def test_a_registry_that_wants_a_key_is_asked_with_it_and_a_new_one_is_taken(tmp_path):
    key, bearer = tmp_path / "key", tmp_path / "bearer"
    key.write_text("old key", "utf-8")
    bearer.write_text("old bearer", "utf-8")

    def script(asked):
        named = asked.headers.get("x-key"), asked.headers.get("authorization")
        if named != ("new key", "Bearer new bearer"):
            return Say(401)
        return Say(201 if asked.method == "POST" else 200, {"id": "R-1", "sha256": DIGEST})

    with hostile_server(script) as far:
        table = registry(
            kind="http",
            url=f"{far.url}/intake",
            bearer=f"file:{bearer}",
            lookup=f"{far.url}/intake/{{upload_id}}",
            lookup_sha256="/sha256",
        )
        table += f'[registry.headers]\nX-Key = "file:{key}"\nIdempotency-Key = "{{delivery_id}}"\n'
        with titip(tmp_path, table) as served:
            upload = served.hand_in(DATA)
            wait_for(lambda: far.count("POST"), within=15)
            key.write_text("new key", "utf-8")
            bearer.write_text("new bearer", "utf-8")
            served.until(upload, "delivered")

            assert "new key" not in served.logged
    assert far.asked[-1].method == "GET"
    assert "idempotency-key" not in far.asked[-1].headers


def test_a_lookup_is_read_in_the_charset_that_it_names(tmp_path):
    document = f'{{"name": "caf\u00e9", "id": "R-1", "sha256": "{DIGEST}"}}'.encode("latin-1")
    kind = {"Content-Type": "application/json; charset=ISO-8859-1"}

    def script(asked):
        return Say(201, {"id": "R-1"}) if asked.method == "POST" else Say(200, document, kind)

    with hostile_server(script) as far:
        table = registry(
            kind="http",
            url=f"{far.url}/intake",
            lookup=f"{far.url}/intake/{{upload_id}}",
            lookup_sha256="/sha256",
        )
        with titip(tmp_path, table) as served:
            served.until(served.hand_in(DATA), "delivered", within=15)


@pytest.mark.parametrize("kind", ["http", "tus"])
def test_a_registry_behind_the_proxy_of_the_environment_is_reached(tmp_path, kind):
    def script(asked):
        if kind == "tus":
            return tus()(asked)
        return Say(201, {"id": "R-1"})

    with hostile_server(script) as proxy:
        table = registry(kind=kind, url="http://registry.invalid/files/")
        with titip(tmp_path, table, HTTP_PROXY=proxy.url) as served:
            served.until(served.hand_in(DATA), "delivered", within=15)

    assert proxy.asked[0].path == "http://registry.invalid/files/"


def test_reasons_name_cause_and_address(tmp_path):
    port = free_port()
    with titip(tmp_path, registry(kind="tus", url=f"http://127.0.0.1:{port}/i?k=s3cret")) as served:
        reason = reason_of(served, served.hand_in(DATA))

    assert f"nobody listens at 127.0.0.1:{port}" in reason
    assert "s3cret" not in reason


def test_an_expired_certificate_is_told_and_a_private_authority_is_trusted(tmp_path):
    authority = Authority(tmp_path)
    with hostile_server(tus(), tls=authority.server(until=-DAY)) as far:
        table = registry(kind="tus", url=f"{far.url}/files/")
        with titip(tmp_path, table, SSL_CERT_FILE=str(authority.path)) as served:
            reason = reason_of(served, served.hand_in(DATA))

    assert f"certificate has expired ({far.url})" in reason


def drive(url, folder=""):
    return (
        '[mirror]\nkind = "drive"\nwhen = "always"\n'
        f'[mirror.drive]\nendpoint = "{url}"\nfolder = "{folder}"\n'
    )


def resident(served):
    return memory_of(served.process.pid, "VmRSS") or 0


def highest(served, seconds):
    """Give the most memory that it had at once, looked at for a while."""
    end, most = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        most = max(most, resident(served))
        time.sleep(0.02)
    return most

"""Credentials whose file is missing or of no use: files are taken in, and one destination waits."""

from __future__ import annotations

import json

import pytest

from tests.blackbox.hostile_server import Say, hostile_server
from tests.blackbox.program import titip
from tests.waiting import wait_for

pytestmark = pytest.mark.e2e

SECRET = "s3cret-of-the-registry"
DATA = b"a scan"


def registry_settings(url, kind, bearer):
    path = "files/" if kind == "tus" else "intake"
    return f'[registry]\nkind = "{kind}"\nurl = "{url}/{path}"\nbearer = "file:{bearer}"\n'


def answer(asked):
    """Take a file in, over tus as well as in one request."""
    match asked.method:
        case "POST":
            return Say(201, {"id": "R-1"}, {"Location": "/files/1"})
        case "HEAD":
            return Say(200, headers={"Upload-Offset": "0"})
        case "PATCH":
            return Say(204, headers={"Upload-Offset": str(len(DATA))})
        case _:
            return Say(204)


def ill_with(served, destination, *words):
    """Wait until the status tells of that destination with these words."""

    def told():
        assert served.alive, served.logged[-3000:]
        said = served.run("status", check=False).stdout
        return f"The {destination}" in said and all(word in said for word in words)

    wait_for(told, within=30)


@pytest.mark.parametrize("kind", ["http", "tus"])
def test_a_bearer_that_is_not_there_yet_keeps_nobody_from_handing_in(tmp_path, kind):
    bearer = tmp_path / "bearer"
    with hostile_server(answer) as registry:
        settings = registry_settings(registry.url, kind, bearer)
        with titip(tmp_path, settings) as served:
            assert "destination.without_credentials" in served.logged
            upload = served.hand_in(DATA)
            ill_with(served, "registry", "registry.bearer", "No such file or directory")
            assert json.loads(served.run("uploads", "--json").stdout)
            checked = served.run("check", check=False)
            assert checked.returncode == 1
            assert "registry.bearer: the file of this secret cannot be read" in checked.stdout
            assert not registry.asked

            bearer.write_text(SECRET + "\n", "utf-8")

            served.until(upload, "delivered")
            assert SECRET not in served.logged
    assert {one.headers["authorization"] for one in registry.asked} == {f"Bearer {SECRET}"}


@pytest.mark.parametrize("content", [None, "", "no JSON", '{"type": "service_account"}'])
def test_a_drive_without_credentials_holds_neither_intake_nor_the_registry_up(tmp_path, content):
    credentials, bearer = tmp_path / "drive.json", tmp_path / "bearer"
    bearer.write_text(SECRET, "utf-8")
    if content is not None:
        credentials.write_text(content, "utf-8")
    with hostile_server(answer) as registry, hostile_server(lambda asked: Say(503)) as drive:
        settings = registry_settings(registry.url, "http", bearer)
        settings += '[mirror]\nkind = "drive"\nwhen = "always"\n'
        settings += f'[mirror.drive]\ncredentials = "{credentials}"\n'
        if content is not None:  # another endpoint may do without a file
            settings += f'endpoint = "{drive.url}/"\n'
        with titip(tmp_path, settings) as served:
            served.until(served.hand_in(DATA), "delivered")
            ill_with(served, "mirror", "mirror.drive.credentials")
            assert not drive.asked
            if content is None:
                return

            named = {"client_id": "c", "client_secret": "s", "refresh_token": "r"}
            named["token_uri"] = f"{drive.url}/token"
            credentials.write_text(json.dumps({"type": "authorized_user", **named}), "utf-8")

            wait_for(lambda: drive.asked, within=30)

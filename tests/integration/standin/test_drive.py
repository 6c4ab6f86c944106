"""The Drive that stands in: who may ask, what is made, found, changed, fetched and remembered."""

import asyncio
import base64
import json

import pytest

from standin import remote_control
from standin.drive.server import DriveOptions, drive_app, serve_drive, write_credentials
from tests.integration.standin.drive_fixtures import UNIT, Asker, digest

FOLDER = "application/vnd.google-apps.folder"
SHARED = "0AStandinSharedDrive"


@pytest.fixture
async def asker(http):
    async with serve_drive(DriveOptions(is_open=True, shared_drive=SHARED)) as drive:
        yield Asker(http, drive)


def jwt(**claims):
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return {
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "assertion": f"e30.{payload}.c2ln",
    }


# Who may ask


async def test_without_a_live_token_the_answer_is_401(http):
    now = [1000.0]
    async with serve_drive(DriveOptions(clock=lambda: now[0])) as drive:
        asker = Asker(http, drive)
        without = await asker.ask("GET", "/drive/v3/files")
        await asker.sign_in()
        fresh = await asker.ask("GET", "/drive/v3/files")
        now[0] += 3601
        stale = await asker.ask("GET", "/drive/v3/files")

        assert (without.status, without.reason) == (401, "authError")
        assert fresh.status == 200
        assert stale.status == 401


async def test_a_revoked_grant_gives_no_token(http):
    async with serve_drive() as drive:
        asker = Asker(http, drive)
        await asker.sign_in()
        drive.set_fault("revoked")

        form = {"grant_type": "refresh_token", "refresh_token": "r"}
        answer = await asker.ask("POST", "/token", data=form)
        listing = await asker.ask("GET", "/drive/v3/files")

        assert (answer.status, answer.json["error"]) == (400, "invalid_grant")
        assert listing.status == 401


@pytest.mark.parametrize(
    "form",
    [
        {"grant_type": "password"},
        {"grant_type": "refresh_token"},
        {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": "x"},
    ],
)
async def test_a_grant_that_is_none_gives_no_token(http, form):
    async with serve_drive() as drive:
        assert (await Asker(http, drive).ask("POST", "/token", data=form)).status == 400


async def test_a_bare_service_account_owns_no_storage_but_may_fill_a_shared_drive(http):
    async with serve_drive(DriveOptions(shared_drive=SHARED)) as drive:
        asker = Asker(http, drive)
        await asker.sign_in(**jwt(iss="robot@standin.example"))
        own = await asker.create(name="x")
        shared = await asker.create(query="?supportsAllDrives=true", name="x", parents=[SHARED])

        assert (own.status, own.reason) == (403, "storageQuotaExceeded")
        assert shared.status == 200


async def test_a_service_account_that_speaks_for_a_person_has_the_persons_storage(http):
    async with serve_drive() as drive:
        asker = Asker(http, drive)
        await asker.sign_in(**jwt(iss="robot@standin.example", sub="clerk@standin.example"))

        assert (await asker.create(name="x")).status == 200


def test_credentials_are_private_and_name_the_stand_in(tmp_path):
    path = tmp_path / "drive.json"

    write_credentials(path, drive_url="http://127.0.0.1:9/")

    assert json.loads(path.read_text())["token_uri"] == "http://127.0.0.1:9/token"
    assert path.stat().st_mode & 0o777 == 0o600


# What is made


async def test_ids_are_reserved_for_one_caller_and_used_once(http):
    async with serve_drive() as drive:
        asker = Asker(http, drive)
        await asker.sign_in()
        reserved = await asker.reserve()
        other = Asker(http, drive)
        await other.sign_in(**jwt(iss="a@standin.example", sub="b@standin.example"))

        stolen = await other.create(name="x", id=reserved)
        made = await asker.create(name="x", id=reserved, mimeType=FOLDER)
        again = await asker.create(name="x", id=reserved, mimeType=FOLDER)
        invented = await asker.create(name="x", id="1inventedInventedInvented")

        assert stolen.status == 400
        assert (made.status, made.json["id"]) == (200, reserved)
        assert again.status == 409
        assert (invented.status, invented.reason) == (400, "invalid")


@pytest.mark.parametrize("query", ["count=0", "count=1001", "count=x", "type=shortcuts"])
async def test_ids_come_in_numbers_that_drive_gives(asker, query):
    assert (await asker.ask("GET", f"/drive/v3/files/generateIds?{query}")).status == 400
    ten = await asker.ask("GET", "/drive/v3/files/generateIds")
    assert len(set(ten.json["ids"])) == 10


@pytest.mark.parametrize(
    ("metadata", "status"),
    [
        ({"parents": ["nowhere"]}, 404),
        ({"parents": ["root", "root"]}, 400),
        ({"name": 5}, 400),
        ({"starred": "yes"}, 400),
        ({"modifiedTime": "yesterday"}, 400),
        ({"mimeType": "application/vnd.google-apps.document"}, 400),
        ({"appProperties": {"k": "v" * 124}}, 400),
        ({"appProperties": {"k": 5}}, 400),
        ({"appProperties": ["k"]}, 400),
        ({"appProperties": {f"k{n}": "v" for n in range(31)}}, 400),
        ({"size": "5"}, 403),
    ],
)
async def test_metadata_that_drive_refuses_is_refused(asker, metadata, status):
    assert (await asker.create(**metadata)).status == status


@pytest.mark.parametrize("body", [b"{", b"[]"])
async def test_metadata_that_is_no_json_object_is_a_parse_error(asker, body):
    answer = await asker.ask("POST", "/drive/v3/files", data=body)

    assert (answer.status, answer.reason) == (400, "parseError")


async def test_times_are_kept_to_the_millisecond(asker):
    made = await asker.create(
        query="?fields=modifiedTime", modifiedTime="2026-11-24T01:02:03.456789Z"
    )

    assert made.json == {"modifiedTime": "2026-11-24T01:02:03.456Z"}


async def test_a_file_cannot_be_a_parent(asker):
    made = await asker.create(name="x")

    assert (await asker.create(parents=[made.json["id"]])).status == 404


# What is shown


async def test_fields_are_honoured_and_unknown_ones_refused(asker):
    made = await asker.create(name="x", appProperties={"a": "1", "b": "2"})
    path = f"/drive/v3/files/{made.json['id']}"

    default = await asker.ask("GET", path)
    chosen = await asker.ask("GET", f"{path}?fields=name,appProperties(a),size")
    everything = await asker.ask("GET", f"{path}?fields=*")
    unknown = await asker.ask("GET", f"{path}?fields=id,colour")

    assert set(default.json) == {"kind", "id", "name", "mimeType"}
    assert chosen.json == {"name": "x", "appProperties": {"a": "1"}, "size": "0"}
    assert everything.json["sha256Checksum"] == digest(b"")
    assert (unknown.status, unknown.reason) == (400, "invalidParameter")


async def test_about_needs_fields_and_tells_the_quota(http):
    async with serve_drive(DriveOptions(is_open=True, quota_bytes=1000)) as drive:
        asker = Asker(http, drive)
        bare = await asker.ask("GET", "/drive/v3/about")
        asked = await asker.ask("GET", "/drive/v3/about?fields=storageQuota(limit,usage),user")
        too_much = await asker.start(size=1001)

        assert (bare.status, bare.reason) == (400, "required")
        assert asked.json["storageQuota"] == {"limit": "1000", "usage": "0"}
        assert (too_much.status, too_much.reason) == (403, "storageQuotaExceeded")


async def test_files_are_found_by_what_is_asked(asker):
    folder = await asker.folder()
    await asker.create(name="O'Hara", parents=[folder], appProperties={"upload": "u1"})
    await asker.create(name="other", parents=[folder], appProperties={"upload": "u2"})

    async def names(query):
        answer = await asker.ask("GET", "/drive/v3/files", params={"q": query})
        return [file["name"] for file in answer.json["files"]]

    assert await names("appProperties has { key='upload' and value='u2' }") == ["other"]
    assert await names(f"'{folder}' in parents and name = 'o\\'hara'") == ["O'Hara"]
    assert await names("'root' in parents and trashed = false") == ["f"]
    assert await names(f"mimeType = '{FOLDER}'") == ["f"]


async def test_a_list_comes_in_pages_and_in_order(asker):
    for number in range(5):
        await asker.create(name=f"n{number}")

    params = {"pageSize": "2", "orderBy": "name desc"}
    first = (await asker.ask("GET", "/drive/v3/files", params=params)).json
    params["pageToken"] = first["nextPageToken"]
    second = (await asker.ask("GET", "/drive/v3/files", params=params)).json

    assert [file["name"] for file in first["files"] + second["files"]] == ["n4", "n3", "n2", "n1"]
    assert "nextPageToken" in second


@pytest.mark.parametrize(
    "params",
    [
        {"q": "colour = 'red'"},
        {"pageSize": "0"},
        {"pageToken": "x"},
        {"orderBy": "size"},
        {"corpora": "drive"},
        {"includeItemsFromAllDrives": "true"},
        {"fields": "files(colour)"},
    ],
)
async def test_a_list_that_drive_refuses_is_refused(asker, params):
    assert (await asker.ask("GET", "/drive/v3/files", params=params)).status == 400


async def test_a_shared_drive_is_invisible_to_who_does_not_say_that_it_knows_them(asker):
    made = await asker.create(query="?supportsAllDrives=true", name="x", parents=[SHARED])
    path = f"/drive/v3/files/{made.json['id']}"
    params = {"supportsAllDrives": "true", "includeItemsFromAllDrives": "true"}
    params |= {"corpora": "drive", "driveId": SHARED}

    blind = await asker.create(name="y", parents=[SHARED])
    listing = await asker.ask("GET", "/drive/v3/files")
    seeing = await asker.ask("GET", "/drive/v3/files", params=params)

    assert blind.status == 404
    assert (await asker.ask("GET", path)).reason == "notFound"
    assert (await asker.ask("GET", f"{path}?supportsAllDrives=true")).json["driveId"] == SHARED
    assert listing.json["files"] == []
    assert [file["name"] for file in seeing.json["files"]] == ["x"]


async def test_young_files_are_missing_from_a_list_that_lags(asker):
    made = await asker.create(name="x")
    asker.drive.set_fault("list_lag", seconds=60)

    assert (await asker.ask("GET", "/drive/v3/files")).json["files"] == []
    assert (await asker.ask("GET", f"/drive/v3/files/{made.json['id']}")).status == 200


# What is changed, fetched and deleted


async def test_a_patch_merges_properties_and_null_clears(asker):
    made = await asker.create(name="x", appProperties={"a": "1", "b": "2"})
    path = f"/drive/v3/files/{made.json['id']}?fields=name,appProperties,version"

    answer = await asker.ask(
        "PATCH", path, json={"name": "y", "appProperties": {"a": None, "c": "3"}}
    )
    moved = await asker.ask("PATCH", path, json={"parents": ["root"]})

    assert answer.json == {"name": "y", "appProperties": {"b": "2", "c": "3"}, "version": "2"}
    assert moved.status == 403


async def test_a_file_moves_by_its_parents_parameter(asker):
    folder = await asker.folder()
    made = await asker.create(name="x")

    path = f"/drive/v3/files/{made.json['id']}?addParents={folder}&fields=parents"
    answer = await asker.ask("PATCH", path, json={})

    assert answer.json == {"parents": [folder]}


async def test_what_lies_in_a_trashed_folder_is_in_the_trash_until_that_is_emptied(asker):
    folder = await asker.folder()
    made = await asker.create(name="x", parents=[folder])
    path = f"/drive/v3/files/{made.json['id']}"

    await asker.ask("PATCH", f"/drive/v3/files/{folder}", json={"trashed": True})
    shown = await asker.ask("GET", f"{path}?fields=trashed,explicitlyTrashed")
    emptied = await asker.ask("DELETE", "/drive/v3/files/trash")

    assert shown.json == {"trashed": True, "explicitlyTrashed": False}
    assert emptied.status == 204
    assert (await asker.ask("GET", path)).status == 404


async def test_a_deleted_file_is_gone_and_a_root_cannot_be_deleted(asker):
    made = await asker.create(name="x")
    path = f"/drive/v3/files/{made.json['id']}"

    assert (await asker.ask("DELETE", path)).status == 204
    assert (await asker.ask("GET", path)).status == 404
    assert (await asker.ask("DELETE", "/drive/v3/files/root")).status == 403


async def test_bytes_are_fetched_whole_or_by_range(asker):
    body = bytes(range(256)) * 2048
    file_id = (await asker.upload(body, name="x")).json["id"]
    path = f"/drive/v3/files/{file_id}?alt=media"

    whole = await asker.ask("GET", path)
    part = await asker.ask("GET", path, headers={"Range": "bytes=10-19"})
    folder = await asker.ask("GET", f"/drive/v3/files/{await asker.folder()}?alt=media")

    assert whole.body == body
    assert (part.status, part.body) == (206, body[10:20])
    assert (folder.status, folder.reason) == (403, "fileNotDownloadable")


# What is remembered and counted


async def test_a_restart_keeps_files_folders_ids_and_sessions(http, tmp_path):
    body = b"z" * (2 * UNIT + 5)
    options = DriveOptions(folder=tmp_path, is_open=True)
    async with serve_drive(options) as drive:
        asker = Asker(http, drive)
        folder = await asker.folder()
        reserved = await asker.reserve()
        kept = (await asker.upload(b"kept", parents=[folder])).json["id"]
        gone = (await asker.upload(b"gone")).json["id"]
        await asker.ask("DELETE", f"/drive/v3/files/{gone}")
        session = await asker.session(len(body), id=reserved, parents=[folder])
        await asker.put(session, body[:UNIT], total=len(body))

    async with serve_drive(options, listen=("127.0.0.1", drive.port)) as drive:
        asker = Asker(http, drive)
        content = await asker.ask("GET", f"/drive/v3/files/{kept}?alt=media")
        asked = await asker.query(session, len(body))
        rest = await asker.put(session, body[UNIT:], at=UNIT, total=len(body))

        assert content.body == b"kept"
        assert (await asker.ask("GET", f"/drive/v3/files/{gone}")).status == 404
        assert (asked.status, asked.headers["Range"]) == (308, f"bytes=0-{UNIT - 1}")
        assert rest.json["id"] == reserved
        assert rest.json["sha256Checksum"] == digest(body)
        assert len(list(tmp_path.glob("sessions/*"))) == 0


async def test_a_judge_sees_files_bytes_and_duplicates(asker):
    folder = await asker.folder()
    for content in (b"one", b"one", b"two"):
        properties = {"upload": content.decode(), "submitter": "p"}
        await asker.upload(content, parents=[folder], appProperties=properties)

    stats = asker.drive.stats()
    entries = [entry for entry in asker.drive.entries() if entry["path"]]

    assert (stats["files"], stats["folders"], stats["bytes"]) == (3, 1, 9)
    assert stats["same_appproperty_duplicates"] == 1
    assert stats["repeats_by_appproperty"] == {"upload": 1, "submitter": 2}
    assert stats["sessions"] == {"opened": 3, "completed": 3, "expired": 0, "active": 0}
    assert stats["requests"] == {"create": 1, "start": 3, "chunk": 3}
    assert entries[2]["sha256"] == digest(b"two")
    assert (await asker.ask("GET", "/standin/stats")).json == stats
    assert (await asker.ask("GET", "/standin/entries")).json == asker.drive.entries()


async def test_faults_are_switched_over_http_and_listed(asker):
    on = await asker.ask("POST", "/standin/faults", json={"name": "slow", "seconds": 2})
    off = await asker.ask("DELETE", "/standin/faults")

    assert on.json["faults"][0]["name"] == "slow"
    assert off.json == {"faults": []}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"name": "tired"}, "rate_limit"),
        ({"name": "slow", "speed": 1}, "seconds"),
        ({"name": "slow", "on": "lunch"}, "chunk"),
        ({"name": "slow", "seconds": -1}, "negative"),
        ({"name": "slow", "seconds": "x"}, "type float"),
        ([], "object"),
    ],
)
async def test_a_fault_there_is_not_is_refused_with_those_there_are(asker, document, words):
    answer = await asker.ask("POST", "/standin/faults", json=document)

    assert answer.status == 400
    assert words in answer.json["error"]


async def test_a_fault_is_switched_by_a_plain_program(asker):
    answer = await asyncio.to_thread(remote_control.set_fault, asker.drive.url, "down", times=1)

    assert answer["faults"][0]["name"] == "down"


def test_a_drive_that_is_set_up_wrongly_says_so(tmp_path):
    with pytest.raises(ValueError, match="ten or more"):
        drive_app(DriveOptions(shared_drive="x"), tmp_path)

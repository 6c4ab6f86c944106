"""Google's own client against the Drive that stands in: the judge of its protocol."""

import asyncio
import io
import json
from importlib import resources

import httplib2
import pytest
from google.auth.credentials import AnonymousCredentials
from google.oauth2.credentials import Credentials
from google_auth_httplib2 import AuthorizedHttp
from googleapiclient import discovery, discovery_cache
from googleapiclient.errors import HttpError
from googleapiclient.http import MediaInMemoryUpload, MediaIoBaseDownload

from standin.drive.server import DriveOptions, serve_drive, write_credentials
from tests.integration.standin.drive_fixtures import UNIT, digest

BODY = bytes(range(251)) * 4000
FIELDS = "id,size,md5Checksum,sha256Checksum,parents,appProperties"
FOLDER = "application/vnd.google-apps.folder"


class BytesUpload(MediaInMemoryUpload):
    """Hand chunks over as bytes: the client cannot send a stream twice, and would hang."""

    def has_stream(self):
        return False


def plain_http():
    http = httplib2.Http(timeout=5)
    http.redirect_codes = http.redirect_codes - {308}
    return http


class Service:
    """Google's client, talking to the stand-in."""

    def __init__(self, url, credentials):
        text = resources.files(discovery_cache).joinpath("documents/drive.v3.json").read_text()
        document = {**json.loads(text), "rootUrl": f"{url}/"}
        self.http = AuthorizedHttp(credentials, http=plain_http())
        self.api = discovery.build_from_document(  # type: ignore[attr-defined]
            document, http=self.http
        )
        self.files = self.api.files()

    def close(self):
        self.http.close()

    def create(self, body=BODY, **metadata):
        media = BytesUpload(body, chunksize=UNIT, resumable=True)
        return self.files.create(body=metadata, media_body=media, fields=FIELDS)


@pytest.fixture
async def drive():
    async with serve_drive(DriveOptions(is_open=True)) as running:
        yield running


@pytest.fixture
async def service(drive):
    service = Service(drive.url, AnonymousCredentials())
    yield service
    service.close()


async def test_a_folder_a_reserved_id_and_a_chunked_upload(drive, service):
    def story():
        folder = service.files.create(body={"name": "f", "mimeType": FOLDER}).execute()
        reserved = service.files.generateIds(count=1).execute()["ids"][0]
        request = service.create(
            name="x", id=reserved, parents=[folder["id"]], appProperties={"upload": "u1"}
        )
        made = request.execute()
        found = service.files.list(q="appProperties has { key='upload' and value='u1' }").execute()
        return folder, reserved, made, found

    folder, reserved, made, found = await asyncio.to_thread(story)

    assert made["id"] == reserved
    assert made["parents"] == [folder["id"]]
    assert made["sha256Checksum"] == digest(BODY)
    assert [file["id"] for file in found["files"]] == [reserved]
    assert drive.stats()["requests"]["chunk"] == 4


async def test_an_empty_file(service):
    made = await asyncio.to_thread(lambda: service.create(body=b"", name="empty").execute())

    assert (made["size"], made["sha256Checksum"]) == ("0", digest(b""))


async def test_after_a_fault_the_client_asks_the_session_and_goes_on(drive, service):
    def story():
        request = service.create(name="x")
        request.next_chunk()
        drive.set_fault("server_error")
        with pytest.raises(HttpError) as caught:
            request.next_chunk()
        while True:
            _, made = request.next_chunk()
            if made:
                return caught.value.status_code, made

    status, made = await asyncio.to_thread(story)

    assert status == 503
    assert made["sha256Checksum"] == digest(BODY)
    assert drive.stats()["requests"]["query"] == 1


async def test_the_clients_own_retry_reads_the_throttling(drive, service):
    drive.set_fault("rate_limit", on="list")

    answer = await asyncio.to_thread(lambda: service.files.list().execute(num_retries=1))

    assert answer["files"] == []
    assert drive.stats()["requests"]["list"] == 2


async def test_conflicts_and_missing_files_are_the_clients_errors(service):
    def status_of(call):
        with pytest.raises(HttpError) as caught:
            call.execute()
        reason = json.loads(caught.value.content)["error"]["errors"][0]["reason"]
        return caught.value.status_code, reason

    def story():
        reserved = service.files.generateIds(count=1).execute()["ids"][0]
        body = {"id": reserved, "name": "x", "mimeType": FOLDER}
        service.files.create(body=body).execute()
        return (
            status_of(service.files.create(body=body)),
            status_of(service.files.get(fileId="1nowhereNowhereNowhere")),
            status_of(service.files.create(body={**body, "id": "1inventedInvented"})),
        )

    conflict, missing, invented = await asyncio.to_thread(story)

    assert conflict == (409, "fileIdInUse")
    assert missing == (404, "notFound")
    assert invented == (400, "invalid")


async def test_a_download_in_parts(service):
    def story():
        made = service.create(name="x").execute()
        sink = io.BytesIO()
        request = service.files.get_media(fileId=made["id"])
        download = MediaIoBaseDownload(sink, request, chunksize=UNIT)
        done = False
        while not done:
            _, done = download.next_chunk()
        return sink.getvalue()

    assert await asyncio.to_thread(story) == BODY


async def test_credentials_from_the_written_file_are_refreshed_when_refused(tmp_path):
    path = tmp_path / "drive.json"
    async with serve_drive() as drive:
        write_credentials(path, drive_url=drive.url)
        info = json.loads(path.read_text())
        credentials = Credentials.from_authorized_user_info(info)
        service = Service(drive.url, credentials.with_token_uri(info["token_uri"]))
        drive.set_fault("unauthorized", on="chunk")

        made = await asyncio.to_thread(lambda: service.create(name="x").execute())
        service.close()

        assert made["sha256Checksum"] == digest(BODY)
        assert drive.stats()["requests"]["token"] == 2

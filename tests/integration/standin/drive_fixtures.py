"""Speak to the Drive that stands in, over a real socket, step by step."""

import hashlib
import json
from dataclasses import dataclass, field

import aiohttp

from standin.drive.server import RunningDrive

UNIT = 256 * 1024


def one_try_a_request():
    """Keep aiohttp from sending a PUT again by itself when its connection is cut."""
    session = aiohttp.ClientSession()
    session._retry_connection = False  # noqa: SLF001  (as aiohttp's own test client does)
    return session


def digest(body):
    return hashlib.sha256(body).hexdigest()


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def reason(self):
        return self.json["error"]["errors"][0]["reason"]


CUT = Answer(0, {}, b"")


@dataclass
class Asker:
    """One party that talks to the Drive, with a token or without."""

    http: aiohttp.ClientSession
    drive: RunningDrive
    headers: dict[str, str] = field(default_factory=dict)

    async def ask(self, method, path, **kwargs):
        """Ask; CUT stands for a connection that was cut."""
        url = path if path.startswith("http") else f"{self.drive.url}{path}"
        headers = {**self.headers, **kwargs.pop("headers", {})}
        try:
            async with self.http.request(method, url, headers=headers, **kwargs) as response:
                return Answer(response.status, dict(response.headers), await response.read())
        except aiohttp.ClientError:
            return CUT

    async def sign_in(self, **form):
        form = form or {"grant_type": "refresh_token", "refresh_token": "r"}
        answer = await self.ask("POST", "/token", data=form)
        self.headers["Authorization"] = f"Bearer {answer.json['access_token']}"

    async def reserve(self):
        answer = await self.ask("GET", "/drive/v3/files/generateIds?count=1")
        return answer.json["ids"][0]

    async def create(self, *, query="", **metadata):
        return await self.ask("POST", f"/drive/v3/files{query}", json=metadata)

    async def folder(self, name="f", **metadata):
        answer = await self.create(
            name=name, mimeType="application/vnd.google-apps.folder", **metadata
        )
        return answer.json["id"]

    async def start(self, *, size=None, query="", **metadata):
        headers = {} if size is None else {"X-Upload-Content-Length": str(size)}
        path = f"/upload/drive/v3/files?uploadType=resumable{query}"
        return await self.ask("POST", path, json=metadata, headers=headers)

    async def session(self, size=None, **metadata):
        metadata = {"query": "&fields=id,size,md5Checksum,sha256Checksum", **metadata}
        return (await self.start(size=size, **metadata)).headers["Location"]

    async def put(self, session, body, *, at=0, total=None):
        total = "*" if total is None else total
        headers = {"Content-Range": f"bytes {at}-{at + len(body) - 1}/{total}"}
        return await self.ask("PUT", session, data=body, headers=headers)

    async def query(self, session, total="*"):
        return await self.ask("PUT", session, headers={"Content-Range": f"bytes */{total}"})

    async def upload(self, body, **metadata):
        session = await self.session(len(body), **metadata)
        return await self.put(session, body, total=len(body))

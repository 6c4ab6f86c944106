"""A line that speaks the IETF draft and hears its interim answers."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING

import http_sf

from tests.gateway_fixtures import Line

if TYPE_CHECKING:
    from multidict import CIMultiDict

PATCH_TYPE = {"Content-Type": "application/partial-upload"}


@dataclass
class Heard:
    """The interim answers, and then the final one with its body."""

    interim: list[CIMultiDict[str]] = field(default_factory=list)
    continued: int = 0
    status: int = 0
    headers: CIMultiDict[str] | None = None
    body: bytes = b""


class DraftLine(Line):
    """One connection to a gateway."""

    async def ask(self, method, path, headers, body=b"", *, version=8):
        """Send a request's head, and as much of its body as is given."""
        told = {} if version is None else {"Upload-Draft-Interop-Version": str(version)}
        sent = {"Host": "titip", **self.token, **told, **headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
        await self.send(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body)

    async def hear(self):
        """Read up to the end of the final answer."""
        heard = Heard()
        while True:
            status, headers = await self.answer()
            match status:
                case 100:
                    heard.continued += 1
                case 104:
                    heard.interim.append(headers)
                case _:
                    heard.status, heard.headers = status, headers
                    size = int(headers.get("Content-Length", "0"))
                    with suppress(asyncio.IncompleteReadError):
                        heard.body = await self.reader.readexactly(size)
                    return heard


async def dial(gate):
    """Open such a line; the gateway's room closes it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gate.port)
    line = DraftLine(reader, writer, gate.lo)
    gate.lines.append(line)
    return line


async def speak(gate, method, path, headers=(), *, body=None, version=8, of=None):
    """Ask in the draft's words, without regard to interim answers; give the final one."""
    told = {} if version is None else {"Upload-Draft-Interop-Version": str(version)}
    sent = {**(gate.lo if of is None else of), **told, **dict(headers)}
    url = path if path.startswith("http") else gate.url + path
    streamed = BytesIO(body) if isinstance(body, bytes) else body
    async with gate.session.request(method, url, headers=sent, data=streamed) as answer:
        await answer.read()
    return answer


async def begun(gate, body=b"", *, version=8, complete="?0", **headers):
    """Begin an upload with these bytes, and give its path."""
    told = {"Upload-Complete": complete, **{k.replace("_", "-"): v for k, v in headers.items()}}
    answer = await speak(gate, "POST", "/files/", told, body=body, version=version)
    assert answer.status == 201, await answer.text()
    return answer.headers["Location"].removeprefix(gate.url)


async def append(gate, path, offset, body=b"", *, complete="?0", version=8, headers=()):
    """Send a PATCH, and give its answer."""
    told = {"Upload-Offset": str(offset), "Upload-Complete": complete, **PATCH_TYPE}
    return await speak(gate, "PATCH", path, {**told, **dict(headers)}, body=body, version=version)


def limits(answer):
    """Give what Upload-Limit says."""
    read = http_sf.parse(answer.headers["Upload-Limit"].encode(), tltype="dictionary")
    assert isinstance(read, dict)
    return {name: value[0] for name, value in read.items() if isinstance(value, tuple)}

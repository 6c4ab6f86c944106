"""Answer as nobody should: any status, at any point of a request, with any body, or half of one."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus

from aiohttp import web

from standin.faults import BadParams, TargetedFault
from standin.server import cut, is_gone
from standin.sink import PIECE_BYTES

POINTS = ("before_body", "mid_body", "before_storing", "after_storing")
ENDS = ("complete", "hang", "drip", "cut", "short")
DIGESTS: dict[str, object] = {
    "null_digest": None,
    "list_digest": [{"sha256": "0" * 64}],
    "wrong_digest": "0" * 64,
}
FIXED: dict[str, tuple[bytes, str]] = {
    "html": (b"<!doctype html><title>Sign in</title><p>Please sign in.", "text/html"),
    "empty": (b"", ""),
    "text": (b"thank you", "text/plain"),
    "no_reference": (b'{"status": "ok"}', "application/json"),
    "failure": (b'{"success": false, "error": "not now"}', "application/json"),
    "list": (b"[]", "application/json"),
    "null": (b"null", "application/json"),
    "surrogate": (rb'{"id": "SILON-\ud83d"}', "application/json"),
    "float": (b'{"id": 417.0}', "application/json"),
    "no_utf8": (b'{"id": "SILON-\xff\xfe"}', "application/json"),
}
CODINGS = {"gzip_lie": "gzip", "br_lie": "br"}
REPLY = "reply"
HUGE = "huge"
KINDS = (REPLY, HUGE, "no_digest", *DIGESTS, *FIXED, *CODINGS)

_ENVELOPES = frozenset({204, 205, 304})
_LEAST, _MOST = 100, 599


@dataclass(frozen=True, slots=True, kw_only=True)
class OddAnswer(TargetedFault):
    """Answer `status` with `headers` and a `body`, at a point of the request, and end it so.

    `at`: before_body, mid_body (after about `after_bytes`), before_storing, after_storing.
    `body`: reply (what would have been answered), html, empty, text, no_reference, failure, list,
    null, surrogate, float, huge (`size` bytes), no_utf8, gzip_lie, br_lie, no_digest, null_digest,
    list_digest, wrong_digest; or any JSON, or any other text as it is. `end`: complete, hang
    (never answers), drip (a byte every `seconds`), cut (a reset in place of an answer), short
    (less than it declares, then a reset).
    """

    at: str = "after_storing"
    after_bytes: int = 0
    status: int = 200
    body: object = REPLY
    headers: object = field(default_factory=dict)
    end: str = "complete"
    seconds: float = 0.5
    size: int = 64 << 20

    def __post_init__(self) -> None:
        """Raise BadParams for an answer that cannot be given."""
        TargetedFault.__post_init__(self)
        for name, value, there in (("at", self.at, POINTS), ("end", self.end, ENDS)):
            if value not in there:
                raise BadParams(f"{name} must be one of: {', '.join(there)}")
        if not _LEAST <= self.status <= _MOST:
            raise BadParams(f"status must be between {_LEAST} and {_MOST}")
        if not isinstance(self.headers, dict) or not all(
            isinstance(value, str) and f"{name}{value}".isprintable()
            for name, value in self.headers.items()
        ):
            raise BadParams('headers must be an object of texts, such as {"Retry-After": "5"}')


async def read_until(request: web.Request, point: str, *, after_bytes: int) -> None:
    """Read as much of a request's body as has come at this point of it."""
    read = 0
    while point != "before_body" and (point != "mid_body" or read < after_bytes):
        piece = await request.content.read(PIECE_BYTES)
        if not piece:
            return
        read += len(piece)


async def give(
    request: web.Request,
    answer: OddAnswer,
    *,
    own: web.Response | None = None,
    hang: Callable[[web.Request], Awaitable[web.Response]] | None = None,
) -> web.StreamResponse:
    """Give the answer; `own` is the one that is replaced, `hang` waits until the mode ends."""
    if answer.end == "hang" and hang is not None:
        return await hang(request)
    if answer.end == "cut":
        return cut(request)
    data, headers = _payload(answer, own)
    size = answer.size if answer.body == HUGE else len(data)
    response = web.StreamResponse(status=answer.status, headers=headers)
    is_bare = answer.status in _ENVELOPES or answer.status < HTTPStatus.OK
    if not is_bare:
        response.content_length = size + 1 if answer.end == "short" else size
    response.force_close()
    await response.prepare(request)
    if not is_bare:
        pieces = _huge(size) if answer.body == HUGE else iter([data])
        await _write(request, response, pieces, answer)
    return cut(request) if answer.end == "short" else response


async def _write(
    request: web.Request, response: web.StreamResponse, pieces: Iterator[bytes], answer: OddAnswer
) -> None:
    for piece in pieces:
        step = 1 if answer.end == "drip" else max(len(piece), 1)
        for at in range(0, len(piece), step):
            if is_gone(request):
                return
            await response.write(piece[at : at + step])
            if answer.end == "drip":
                await asyncio.sleep(answer.seconds)


def _payload(answer: OddAnswer, own: web.Response | None) -> tuple[bytes, dict[str, str]]:
    named, kind, coding = answer.headers, "application/json", ""
    body = answer.body if isinstance(answer.body, str) else ""
    if not isinstance(answer.body, str):
        data = json.dumps(answer.body).encode()
    elif body in FIXED:
        data, kind = FIXED[body]
    elif body in CODINGS:
        data, coding = _own(own), CODINGS[body]
    elif body in KINDS:
        data = _own(own, digest=body)
    else:
        data, kind = body.encode("utf-8", "surrogatepass"), "text/plain"
    headers = {"Content-Type": kind} if kind else {}
    if coding:
        headers["Content-Encoding"] = coding
    return data, {**headers, **(named if isinstance(named, dict) else {})}


def _own(own: web.Response | None, *, digest: str = REPLY) -> bytes:
    """Give what would have been answered, with another digest where one is named."""
    data = own.body if own is not None and isinstance(own.body, bytes) else b"{}"
    if digest not in {"no_digest", *DIGESTS}:
        return data
    document = json.loads(data)
    if isinstance(document, dict):
        for name in [name for name in document if name.lower().startswith("sha256")]:
            if digest == "no_digest":
                del document[name]
            else:
                document[name] = DIGESTS[digest]
    return json.dumps(document).encode()


def _huge(size: int) -> Iterator[bytes]:
    """Write JSON of this size, a piece at a time: a reference stands at its end."""
    head, tail = b'{"pad": "', b'", "id": "SILON-HUGE"}'
    left = max(size - len(head) - len(tail), 0)
    yield head
    while left:
        count = min(left, PIECE_BYTES)
        yield b"x" * count
        left -= count
    yield tail

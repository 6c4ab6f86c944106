"""Registries that answer anything, file by file and drawn from a seed, and remember what they did.

They are odd, not lying: none says "not there" of what it has, and none says that it has what it
has not. What one answers depends on the file's name alone and on how often it came.
"""

from __future__ import annotations

import base64
import hashlib
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any, Final

from tests.blackbox.hostile_server import CUT, HANG, Asked, Say

if TYPE_CHECKING:
    from collections.abc import Mapping

LISTED: Final = (
    *(200, 201, 202, 204, 206, 226, 300, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405),
    *(
        408,
        409,
        410,
        411,
        413,
        414,
        415,
        419,
        422,
        423,
        425,
        429,
        451,
        500,
        502,
        503,
        504,
        520,
        599,
    ),
)
REJECTIONS: Final = frozenset({400, 411, 413, 414, 415, 422, 451})
JSON: Final = {"Content-Type": "application/json"}
BODIES: Final[tuple[tuple[bytes, Mapping[str, str]], ...]] = (
    (b"", {}),
    (b"<!doctype html><title>Sign in</title>", {}),
    (b'{"success": false}', JSON),
    (b'{"status": "ok"}', JSON),
    (b"[]", JSON),
    (b"null", JSON),
    (b'{"id": null}', JSON),
    (b'{"id": 417.0}', JSON),
    (b'{"id": ["x"]}', JSON),
    (b'{"id": "  "}', JSON),
    (b"\xff\xfe\x00", JSON),
    (b"[" * 5000, JSON),
    (b'{"pad": "' + b"x" * (2 << 20), JSON),
    (b"no gzip", {"Content-Encoding": "gzip"}),
    (b"{}", {"Content-Type": "application/json; charset=no-such"}),
    (b'{"id": "S', {**JSON, "Content-Length": "4000"}),
)
SOON: Final = ("0", "1", "-1", "soon", "Thu, 01 Jan 1970 00:00:00 GMT")
LONG: Final = ("3600", "9" * 40, "Mon, 99999999999999999999 Jan 2026 0:0:0 GMT", "1e9")
RAW: Final = (
    b"\x00\x01 nonsense\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
    b"HTTP/1.1 999999 OK\r\n\r\n",
    b"HTTP/1.1 201 Created\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
    b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
)
EMPTY_SHARE: Final = 0.15


@dataclass(frozen=True)
class Deed:
    """What is done with one request: what is said, when, and whether the file is stored first."""

    say: Say
    early: bool = False
    stores: bool = False


def a_say(rng: Random, *, without: frozenset[int] = frozenset(), bare: bool = False) -> Say:
    """Draw an answer."""
    turn = rng.random()
    if turn < 0.06:
        return HANG
    if turn < 0.14:
        return CUT
    if turn < 0.2 and not bare:
        return Say(raw=rng.choice(RAW))
    while (
        status := rng.choice(LISTED) if rng.random() < 0.75 else rng.randint(100, 599)
    ) in without:
        continue
    body, named = (b"", {}) if bare else rng.choice(BODIES)
    headers = dict(named)
    if rng.random() < 0.3:
        headers["Retry-After"] = rng.choice((*SOON, *(LONG if status in REJECTIONS else ())))
    if status in range(300, 400):
        headers["Location"] = rng.choice(("/login", "http://127.0.0.1:1/login", "http://[::1"))
    return Say(status, body, headers)


@dataclass
class OddRegistry:
    """Takes files at /intake/NAME, and tells of them at /look/NAME."""

    seed: str
    healed: threading.Event = field(default_factory=threading.Event)
    events: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    references: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    digests: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def early(self, asked: Asked) -> Say | None:
        """Answer before the body is read, or not."""
        if asked.method != "POST":
            return None
        with self._lock:
            deed = self._deed(asked)
            if deed is None or not deed.early:
                return None
            self.events[named(asked)].append("early")
            return deed.say

    def __call__(self, asked: Asked) -> Say:
        """Answer a whole request."""
        with self._lock:
            return self._looked_up(asked) if asked.method == "GET" else self._handed_in(asked)

    def stored(self, name: str) -> int:
        """Count how often a file was stored."""
        return self.events[name].count("stored")

    def _handed_in(self, asked: Asked) -> Say:
        name, deed = named(asked), self._deed(asked)
        self.events[name].append("whole")
        if deed is None or deed.stores:
            self.events[name].append("stored")
            self.digests[name] = _digest_in(asked)
        if deed is not None:
            return deed.say
        self.references[name].add(f"SILON-{name}")
        return Say(201, {"id": f"SILON-{name}"})

    def _looked_up(self, asked: Asked) -> Say:
        name = named(asked)
        rng = self._rng(name, "look", self.events[name].count("odd look"))
        if not self.healed.is_set() and rng.random() < 0.5:
            self.events[name].append("odd look")
            return a_say(rng, without=frozenset({404}))
        if not self.stored(name):
            self.events[name].append("absent")
            return Say(404, {"error": "none"})
        spelt = rng.choice((self.digests[name], f"sha256:{self.digests[name]}"))
        odd = not self.healed.is_set() and rng.random() < 0.3
        shown: Any = rng.choice((None, [spelt], "0" * 64, 7)) if odd else spelt
        return Say(200, {"id": f"SILON-{name}", "sha256": shown})

    def _deed(self, asked: Asked) -> Deed | None:
        """Give what is done with this hand-in; None: it is taken as it should be."""
        name = named(asked)
        turn = sum(one in {"early", "whole"} for one in self.events[name])
        rng = self._rng(name, "deed", turn)
        if self.healed.is_set() or not name.startswith("odd") or rng.random() < 0.15:
            return None
        early = rng.random() < 0.25
        return Deed(a_say(rng), early, not early and rng.random() < 0.6)

    def _rng(self, *words: object) -> Random:
        return Random("/".join(map(str, (self.seed, *words))))


@dataclass
class _Upload:
    name: str
    length: int
    held: int = 0


@dataclass
class OddTusRegistry:
    """Speaks tus below /files/, as far as a client needs it, and oddly."""

    seed: str
    healed: threading.Event = field(default_factory=threading.Event)
    uploads: list[_Upload] = field(default_factory=list)
    _turns: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def early(self, asked: Asked) -> Say | None:
        """Answer before the body is read, or not."""
        if asked.method != "PATCH":
            return None
        with self._lock:
            deed = self._deed(asked, step=0)
            if deed is None or not deed.early:
                return None
            self._deed(asked, step=1)
            return deed.say

    def __call__(self, asked: Asked) -> Say:
        """Answer a whole request."""
        with self._lock:
            deed = self._deed(asked, step=1)
            own = self._done(asked) if deed is None or deed.stores else Say(500)
            return own if deed is None else deed.say

    def whole(self, name: str) -> list[str]:
        """Give the paths of the uploads of this file that are complete."""
        return [
            f"/files/{number}"
            for number, one in enumerate(self.uploads)
            if one.name == name and one.held == one.length
        ]

    def _done(self, asked: Asked) -> Say:
        if asked.method == "OPTIONS":
            return Say(204, headers={"Tus-Version": "1.0.0"})
        if asked.method == "POST":
            length = int(asked.headers["upload-length"])
            self.uploads.append(_Upload(_name_in(asked), length))
            return Say(201, headers={"Location": f"/files/{len(self.uploads) - 1}"})
        upload = self._upload(asked)
        if upload is None:
            return Say(404)
        if asked.method == "PATCH":
            if int(asked.headers["upload-offset"]) != upload.held:
                return Say(409)
            upload.held += len(asked.body)
        held = {"Upload-Offset": str(upload.held), "Upload-Length": str(upload.length)}
        return Say(200 if asked.method == "HEAD" else 204, headers=held)

    def _deed(self, asked: Asked, *, step: int) -> Deed | None:
        """Give what is done with a request, `step` turns on; None: as it should be."""
        upload = self._upload(asked)
        name = _name_in(asked) if asked.method == "POST" else upload.name if upload else ""
        if not name.startswith("odd") or self.healed.is_set():
            return None
        turn = self._turns[name]
        self._turns[name] += step
        rng = Random(f"{self.seed}/{name}/{turn}")
        if rng.random() < 0.5:
            return None
        asks = asked.method == "HEAD"
        early = asked.method == "PATCH" and rng.random() < 0.3
        say = a_say(rng, without=frozenset({404, 410}) if asks else frozenset(), bare=asks)
        return Deed(say, early, not early and rng.random() < 0.6)

    def _upload(self, asked: Asked) -> _Upload | None:
        number = named(asked)
        known = number.isdecimal() and int(number) < len(self.uploads)
        return self.uploads[int(number)] if known else None


def named(asked: Asked) -> str:
    """Give the last part of a path: the file's name."""
    return asked.path.rpartition("/")[2]


def data_of(seed: str, name: str) -> bytes:
    """Make the bytes of a file: a few, some, many, or none."""
    rng = Random(f"{seed}/{name}/data")
    size = 0 if rng.random() < EMPTY_SHARE else rng.choice((40, 3000, 200_000, 3 << 20))
    return rng.randbytes(size)


def _name_in(asked: Asked) -> str:
    pairs = dict(pair.split(" ", 1) for pair in asked.headers["upload-metadata"].split(","))
    return base64.b64decode(pairs["filename"]).decode()


def _digest_in(asked: Asked) -> str:
    """Give the digest of the bytes that came, as a raw body."""
    return hashlib.sha256(asked.body).hexdigest()

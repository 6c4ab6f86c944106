"""What is done to the gateway while its disk is recorded: senders of every kind, over sockets.

Three lives of the gateway: the first is killed with bodies in flight, the second mends that and is
stopped, the third only starts and takes one more file.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aiohttp import ClientError, ClientSession, ClientTimeout

from config.settings import Settings
from config.wiring.storage import open_journal, open_spool
from storage.clock import utc_now
from tests.gateway_fixtures import BYTES, TUS, Line
from tests.powercut.mutant import QUICK, Mutant
from tests.powercut.program import data_folder, started
from tests.powercut.promises import Kind, Ledger, content
from tests.waiting import until
from titip.access import Role, split

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path
    from random import Random

    from tests.powercut.disks import Recording
    from tests.powercut.program import Gateway

SIZES = (0, 1, 511, 4096, 4097, 30_000, 100_000)
CUT_OFF = (ClientError, ConnectionError, TimeoutError, asyncio.IncompleteReadError)
"""How the end of a killed gateway looks to its senders."""


@dataclass
class Sender:
    """Speaks tus, and writes every answer into the ledger the moment it came."""

    session: ClientSession
    url: str
    token: str
    ledger: Ledger
    rng: Random
    ids: dict[str, str] = field(default_factory=dict)
    """The upload of each file."""

    def named(self, size: int) -> str:
        return f"file-{self.rng.getrandbits(32):08x}-{size}"

    def ask(self, method, path, headers, body=None):
        auth = {"Authorization": f"Bearer {self.token}"}
        return self.session.request(
            method, self.url + path, headers={**TUS, **auth, **headers}, data=body
        )

    async def create(self, name: str, first: bytes | None = None, *, part: bool = False) -> int:
        headers = {"Upload-Length": str(len(content(name))), **_named(name)}
        if first is not None:
            headers |= BYTES
        if part:
            headers |= {"Upload-Concat": "partial"}
        async with self.ask("POST", "/files/", headers, first) as answer:
            assert answer.status == 201, await answer.text()
            self.ids[name] = answer.headers["Location"].rpartition("/")[2]
            return self.told(name, int(answer.headers.get("Upload-Offset", 0)), seals=not part)

    async def join(self, parts: list[str]) -> None:
        """Have parts joined, and wait until the gateway says that they are."""
        name = "+".join(parts)
        headers = {"Upload-Concat": "final;" + " ".join(map(self._path, parts)), **_named(name)}
        async with self.ask("POST", "/files/", headers) as answer:
            assert answer.status == 201, await answer.text()
            self.ids[name] = answer.headers["Location"].rpartition("/")[2]
            self.ledger.note(Kind.KEPT, name, self.ids[name], number=0)

        async def is_joined() -> bool:
            async with self.ask("HEAD", self._path(name), {}) as answer:
                assert answer.status == 200, answer.status
                offset = answer.headers.get("Upload-Offset")
                return offset is not None and self.told(name, int(offset)) > 0

        await until(is_joined)

    async def append(
        self, name: str, offset: int, body: bytes, *, checked: bool = False
    ) -> int | None:
        """Send a PATCH; give the new offset, None when the gateway holds another one."""
        headers = {**BYTES, "Upload-Offset": str(offset)}
        if checked:
            fit = base64.b64encode(hashlib.sha256(body).digest()).decode()
            headers["Upload-Checksum"] = f"sha256 {fit}"
        async with self.ask("PATCH", self._path(name), headers, body) as answer:
            if answer.status == 409:
                return None
            assert answer.status == 204, await answer.text()
            return self.told(name, int(answer.headers["Upload-Offset"]))

    async def spoil(self, name: str, offset: int, size: int) -> None:
        """Send bytes that do not fit their checksum: none of them may ever count."""
        fit = base64.b64encode(hashlib.sha256(b"other bytes").digest()).decode()
        told = {**BYTES, "Upload-Offset": str(offset), "Upload-Checksum": f"sha256 {fit}"}
        async with self.ask("PATCH", self._path(name), told, bytes(size)) as answer:
            assert answer.status == 460, await answer.text()

    async def head(self, name: str) -> int:
        async with self.ask("HEAD", self._path(name), {}) as answer:
            assert answer.status == 200, answer.status
            return self.told(name, int(answer.headers["Upload-Offset"]))

    async def end(self, name: str) -> None:
        self.ledger.note(Kind.LEAVING, name)
        async with self.ask("DELETE", self._path(name), {}) as answer:
            assert answer.status == 204, await answer.text()
        self.ledger.note(Kind.ENDED, name)

    @asynccontextmanager
    async def half(self, name: str, upto: int) -> AsyncIterator[Line]:
        """Begin a PATCH with the whole file, send so much of it, and break the line at the end."""
        data = content(name)
        place = urlsplit(self.url)
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        line = Line(reader, writer, {"Authorization": f"Bearer {self.token}"})
        told = {"Upload-Offset": "0", "Content-Length": str(len(data))}
        try:
            await line.say("PATCH", self._path(name), {**BYTES, **told}, data[:upto])
            yield line
        finally:
            with suppress(*CUT_OFF):
                await line.cut()

    def _path(self, name: str) -> str:
        return f"/files/{self.ids[name]}"

    def told(self, name: str, offset: int, *, seals: bool = True) -> int:
        self.ledger.note(Kind.KEPT, name, self.ids[name], number=offset)
        if seals and offset == len(content(name)):
            self.ledger.note(Kind.SEALED, name)
        return offset


def _named(name: str) -> dict[str, str]:
    return {"Upload-Metadata": f"filename {base64.b64encode(name.encode()).decode()}"}


async def whole(sender: Sender) -> None:
    """A file in one request."""
    name = sender.named(sender.rng.choice(SIZES))
    await sender.create(name, content(name))


async def in_pieces(sender: Sender) -> None:
    """A file in several, some checked, one of them spoilt."""
    name = sender.named(sender.rng.choice(SIZES[2:]))
    data = content(name)
    offset = await sender.create(name)
    while offset < len(data):
        size = sender.rng.randint(1, max(1, len(data) // 2))
        body = data[offset : offset + size]
        if sender.rng.random() < 0.3:
            await sender.spoil(name, offset, len(body))
        kept = await sender.append(name, offset, body, checked=sender.rng.random() < 0.5)
        assert kept is not None
        offset = kept


async def ended(sender: Sender) -> None:
    """A file that its sender takes back."""
    name = sender.named(30_000)
    data = content(name)
    await sender.create(name, data[:10_000])
    await sender.append(name, 10_000, data[10_000:20_000])
    await sender.end(name)


async def cut(sender: Sender) -> None:
    """A file whose line breaks in a body, and that goes on where HEAD says."""
    name = sender.named(100_000)
    data = content(name)
    await sender.create(name)
    async with sender.half(name, 60_000):
        pass
    kept: int | None = None
    while kept is None:  # what the cut left may be saved between the question and the answer
        offset = await sender.head(name)
        kept = await sender.append(name, offset, data[offset:])


async def long(sender: Sender) -> None:
    """A file in one long body, committed on its way; HEAD looks in from another line."""
    name = sender.named(5 * QUICK)
    data = content(name)
    await sender.create(name)
    step = QUICK // 4
    looking = asyncio.create_task(sender.head(name))
    try:
        async with sender.half(name, 0) as line:
            for start in range(0, len(data), step):
                await line.send(data[start : start + step])
            status, headers = await line.answer()
    finally:
        await asyncio.gather(looking, return_exceptions=True)
    assert status == 204
    await looking
    sender.told(name, int(headers["Upload-Offset"]))


async def joined(sender: Sender) -> None:
    """A file joined from parts, which are taken back then; two of them begin at a block."""
    parts = [sender.named(size) for size in (8192, 4097, sender.rng.choice(SIZES[1:]))]
    for name in parts:
        await sender.create(name, content(name), part=True)
    await sender.join(parts)
    for name in parts:
        await sender.end(name)


KINDS = (whole, whole, in_pieces, in_pieces, ended, cut, long, joined)


async def story(
    recording: Recording,
    top: Path,
    *,
    ledger: Ledger,
    rng: Random,
    rounds: int = 3,
    mutant: Mutant = Mutant.NONE,
) -> None:
    """Play all three lives."""
    room = recording.folder / "room"
    teller = Teller(top, ledger)
    with started(top, room, shown=teller.shown, mutant=mutant) as program:
        sender = await teller.sender(program, rng)
        async with sender.session:
            await _rounds(sender, rounds)
            await teller.tokens()
            forgotten, *left = await _left_open(sender, teller)
            await _killed_midway(sender, program)
    await teller.expire(forgotten)
    with started(top, room, shown=teller.shown, mutant=mutant) as program:
        again = await teller.sender(program, rng)
        async with again.session:
            again.ids |= sender.ids
            for name in left:
                offset = await again.head(name)
                await again.append(name, offset, content(name)[offset:])
            await _rounds(again, 1)
        program.stop()
    with started(top, room, shown=teller.shown, mutant=mutant) as program:
        last = await teller.sender(program, rng)
        async with last.session:
            await whole(last)


async def short_story(
    recording: Recording, top: Path, *, ledger: Ledger, rng: Random, mutant: Mutant
) -> None:
    """Play just enough for a missing care to show."""
    teller = Teller(top, ledger)
    with started(top, recording.folder / "room", shown=teller.shown, mutant=mutant) as program:
        sender = await teller.sender(program, rng)
        async with sender.session:
            joins = mutant is Mutant.JOIN_UNSYNCED
            for play in (joined, joined) if joins else (whole, in_pieces, in_pieces, whole):
                await play(sender)


async def _rounds(sender: Sender, rounds: int) -> None:
    for _ in range(rounds):
        await asyncio.gather(*(play(sender) for play in KINDS))


async def _left_open(sender: Sender, teller: Teller) -> list[str]:
    names = [sender.named(50_000) for _ in range(3)]
    for name in names:
        await sender.create(name, content(name)[: sender.rng.randint(1, 40_000)])
        if name is names[0]:
            teller.forgotten_until = utc_now() + timedelta(milliseconds=1)
            await until(lambda: utc_now() > teller.forgotten_until)
    return names


async def _killed_midway(sender: Sender, program: Gateway) -> None:
    async def busy() -> None:
        with suppress(*CUT_OFF):
            while True:
                await sender.rng.choice(KINDS)(sender)

    tasks = [asyncio.create_task(busy()) for _ in range(4)]
    name = sender.named(3 * QUICK)
    await sender.create(name)
    async with sender.half(name, 2 * QUICK):
        for _ in range(3):
            await whole(sender)
        program.kill()
        await asyncio.gather(*tasks)


class Teller:
    """Everything that does not come through the gateway: tokens, and the janitor."""

    def __init__(self, top: Path, ledger: Ledger) -> None:
        self._settings = settings_for(top)
        self._ledger = ledger
        self.forgotten_until = utc_now()

    def shown(self, text: str) -> None:
        named = split(text)
        assert named is not None
        self._ledger.note(Kind.TOKEN, named[0], text)

    async def sender(self, program: Gateway, rng: Random) -> Sender:
        """Issue a token as `titip token create` does, beside the running gateway."""
        with open_journal(self._settings) as books:
            _, text = await books.tokens.issue(Role.LO, "pair-1", now=utc_now())
        self.shown(text)
        session = ClientSession(timeout=ClientTimeout(total=30))
        return Sender(session, program.url, text, self._ledger, rng)

    async def tokens(self) -> None:
        with open_journal(self._settings) as books:
            token, text = await books.tokens.issue(Role.LO, "pair-2", now=utc_now())
            self.shown(text)
            self._ledger.note(Kind.REVOKING, token.id)
            await books.tokens.revoke(token.id, now=utc_now())
            self._ledger.note(Kind.REVOKED, token.id)

    async def expire(self, name: str) -> None:
        """End what was left alone until then, as the janitor of `titip sync` does."""
        self._ledger.note(Kind.LEAVING, name)
        with open_journal(self._settings) as books, open_spool(self._settings, books) as vault:
            assert await vault.store.expire(idle_since=self.forgotten_until) == 1
        self._ledger.note(Kind.ENDED, name)


def settings_for(top: Path) -> Settings:
    """Give the settings of a data folder below this top, whatever the environment says."""
    return Settings.model_validate({"storage": {"path": data_folder(top), "reserve": 0}})

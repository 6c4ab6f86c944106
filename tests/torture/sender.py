"""A sender that does everything a bad line, a bad client and a bad day can do."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tests.torture.ledger import Ledger, Paper, Promise
from tests.torture.rig import SUBMITTERS
from tests.torture.wire import Answer, Ending, LineLost, Request, Wire

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping
    from random import Random

BODY = "application/offset+octet-stream"
PATIENCE = 0.05
"""Before asking a server again that did not answer."""


@dataclass(slots=True)
class Sender:
    """One of many. What it decides comes from its seed alone; when that happens does not."""

    name: str
    rng: Random
    wire: Wire
    ledger: Ledger
    tokens: Mapping[str, str]
    done: Counter[str]

    async def run(self, stopping: asyncio.Event) -> None:
        """Hand in one paper after another until told to stop."""
        number = 0
        while not stopping.is_set():
            number += 1
            await self._hand_in(self._paper(number), stopping)
            await asyncio.sleep(self.rng.uniform(0, 0.5))

    def _paper(self, number: int) -> Paper:
        seed = f"{self.name}/{number}/{self.rng.random()}"
        rng = self.rng
        sizes = (0, rng.randint(1, 2000), rng.randint(2000, 300_000), rng.randint(1, 3 << 20))
        length = rng.choices(sizes, (2, 45, 43, 10))[0]
        key = f"{self.name}.{number}" if self.rng.random() < 0.5 else ""
        submitter = self.rng.choice(SUBMITTERS)
        return Paper.make(seed, submitter=submitter, length=length, key=key)

    async def _hand_in(self, paper: Paper, stopping: asyncio.Event) -> None:
        self.ledger.handing_in(paper)
        promise = await self._create(paper, stopping)
        if promise is None:
            return
        offset: int | None = None
        while not (promise.sealed or promise.withdrawn):
            if stopping.is_set() or self.rng.random() < 0.02:
                self.done["abandoned"] += 1
                return
            if self.rng.random() < 0.03:
                await self._withdraw(promise)
            elif offset is None or self.rng.random() < 0.1:
                offset = await self._head(promise)
            else:
                offset = await self._patch(promise, offset)
            if self.rng.random() < 0.05:
                await self._as_stranger(promise)
        await self._afterwards(promise)

    # ------------------------------------------------------------------------------ creation

    async def _create(self, paper: Paper, stopping: asyncio.Event) -> Promise | None:
        while not stopping.is_set():
            request = self._creation(paper)
            twins = 2 if self.rng.random() < 0.1 else 1
            if twins == 2:
                self.done["twins"] += 1
            answers = await asyncio.gather(*(self._ask(request) for _ in range(twins)))
            promises = [self._created(a, paper) for a in answers if a is not None]
            known = [promise for promise in promises if promise is not None]
            if paper.key and len({promise.upload for promise in known}) > 1:
                self.ledger.complain("doubled", f"two uploads under the key {paper.key}")
            if known:
                return known[0]
            await asyncio.sleep(PATIENCE)
        return None

    def _creation(self, paper: Paper) -> Request:
        name = base64.b64encode(f"{paper.sha256[:12]}.pdf".encode()).decode()
        headers = {**self._as(paper.submitter), "Upload-Length": str(paper.length)}
        headers["Upload-Metadata"] = f"filename {name}"
        if paper.key:
            headers["Idempotency-Key"] = f'"{paper.key}"'
        request = Request("POST", "/files/", headers)
        if paper.length == 0 or self.rng.random() < 0.5:
            return request
        most = paper.length if self.rng.random() < 0.5 else self.rng.randint(1, paper.length)
        self.done["creations with bytes"] += 1
        return self._with_body(request, paper.content[:most])

    def _created(self, answer: Answer, paper: Paper) -> Promise | None:
        self._judge(answer, {201, 409, 423, 460, 503})
        if answer.status != 201:
            return None
        promise = self.ledger.begun(answer.headers["location"].rpartition("/")[2], paper)
        if answer.offset is not None:
            self._covered(promise, answer, "creations with bytes")
        return promise

    # ------------------------------------------------------------------------------- one step

    async def _patch(self, promise: Promise, offset: int) -> int | None:
        paper = promise.paper
        most = paper.length - offset
        size = most if self.rng.random() < 0.4 else self.rng.randint(0, most)
        body = paper.content[offset : offset + size]
        headers = {**self._as(paper.submitter), "Upload-Offset": str(offset)}
        request = self._with_body(Request("PATCH", self._path(promise), headers), body)
        twins = 2 if self.rng.random() < 0.08 else 1
        if twins == 2:
            self.done["twins"] += 1
        floor = promise.offset
        answers = await asyncio.gather(*(self._ask(request) for _ in range(twins)))
        heard = [answer for answer in answers if answer is not None]
        for answer in heard:
            self._patched(promise, answer, floor=floor)
        offsets = [answer.offset for answer in heard if answer.offset is not None]
        return max(offsets) if offsets else None

    def _patched(self, promise: Promise, answer: Answer, *, floor: int) -> None:
        withdrawn = {404, 410} if promise.maybe_withdrawn else set()
        self._judge(answer, {204, 400, 409, 423, 460, 503, *withdrawn})
        if answer.status in withdrawn:
            promise.withdrawn = True
        if answer.status == 204:
            self._covered(promise, answer, "patches")
        elif answer.offset is not None:
            self.ledger.asked(promise, answer.offset, floor=floor)

    async def _head(self, promise: Promise) -> int | None:
        floor = promise.offset
        answer = await self._ask(
            Request("HEAD", self._path(promise), self._as(promise.paper.submitter))
        )
        if answer is None:
            await asyncio.sleep(PATIENCE)
            return None
        gone = {404, 410} if promise.withdrawn or promise.maybe_withdrawn else set()
        self._judge(answer, {423, *(gone if promise.withdrawn else {200, *gone})})
        if answer.status in gone:
            promise.withdrawn = True
        if answer.status != 200 or answer.offset is None:
            return None
        self.ledger.asked(promise, answer.offset, floor=floor)
        promise.maybe_withdrawn = False
        self._covered(promise, answer, "heads")
        return answer.offset

    async def _withdraw(self, promise: Promise) -> None:
        promise.maybe_withdrawn = True
        answer = await self._ask(
            Request("DELETE", self._path(promise), self._as(promise.paper.submitter))
        )
        if answer is None:
            return
        self._judge(answer, {204, 403, 404, 410, 423, 503})
        if answer.status == 204:
            self.ledger.withdrawn(promise)
        elif answer.status in {404, 410}:
            promise.withdrawn = True
        else:
            promise.maybe_withdrawn = False

    # ------------------------------------------------------------------------------ afterwards

    async def _afterwards(self, promise: Promise) -> None:
        if self.rng.random() < 0.3:
            await self._head(promise)
        if self.rng.random() < 0.05:
            await self._as_stranger(promise)
        if not promise.sealed:
            return
        if self.rng.random() < 0.15:
            await self._get(promise)
        if self.rng.random() < 0.1:
            await self._refused_in_custody(promise)
        if promise.paper.key and self.rng.random() < 0.3:
            answer = await self._ask(self._creation(promise.paper))
            again = None if answer is None else self._created(answer, promise.paper)
            if again is not None and again.upload != promise.upload:
                self.ledger.complain("doubled", f"{promise.upload} was begun anew under its key")

    async def _get(self, promise: Promise) -> None:
        answer = await self._ask(
            Request("GET", self._path(promise), self._as(promise.paper.submitter))
        )
        if answer is None:
            return
        self._judge(answer, {200, 410, 503})
        if answer.status == 200:
            self.ledger.acknowledged["files given back"] += 1
            if hashlib.sha256(answer.body).hexdigest() != promise.paper.sha256:
                self.ledger.complain("lost", f"{promise.upload}: other bytes were given back")

    async def _refused_in_custody(self, promise: Promise) -> None:
        answer = await self._ask(
            Request("DELETE", self._path(promise), self._as(promise.paper.submitter))
        )
        if answer is not None:
            self._judge(answer, {403, 423, 503})

    async def _as_stranger(self, promise: Promise) -> None:
        others = [name for name in SUBMITTERS if name != promise.paper.submitter]
        headers = self._as(self.rng.choice(others))
        method = self.rng.choice(("HEAD", "GET", "PATCH", "DELETE"))
        if method == "PATCH":
            headers |= {"Upload-Offset": str(promise.offset), "Content-Type": BODY}
        answer = await self._ask(Request(method, self._path(promise), headers))
        self.done["strangers"] += 1
        allowed = {404, 423} if method == "HEAD" else {404, 503}
        if answer is not None and answer.status not in allowed:
            what = f"{promise.upload}: a stranger's {method} was answered {answer.status}"
            self.ledger.complain("visible", what)

    # ------------------------------------------------------------------------------- the means

    async def _ask(self, request: Request) -> Answer | None:
        if request.ending is not Ending.WHOLE:
            self.done["cuts" if request.ending is Ending.CUT else "left half open"] += 1
        try:
            return await self.wire.ask(request)
        except LineLost:
            self.done["lost answers"] += 1
            await asyncio.sleep(PATIENCE)
            return None

    def _with_body(self, request: Request, body: bytes) -> Request:
        headers = {**request.headers, "Content-Type": BODY}
        chance = self.rng.random()
        if chance < 0.3:
            algorithm = self.rng.choice(("sha1", "sha256", "sha512", "md5"))
            digest = base64.b64encode(hashlib.new(algorithm, body).digest()).decode()
            headers["Upload-Checksum"] = f"{algorithm} {digest}"
            if chance < 0.12 and body:  # what arrives is not what was meant
                at = self.rng.randrange(len(body))
                body = body[:at] + bytes([body[at] ^ 0xFF]) + body[at + 1 :]
                self.done["spoilt bodies"] += 1
        slices = tuple(self.rng.choice((7, 999, 4096, 65_536, 300_000)) for _ in range(5))
        if len(body) > 100_000:
            slices = tuple(max(one, 4096) for one in slices)
        ending = self.rng.choices((Ending.WHOLE, Ending.CUT, Ending.LEFT), (76, 18, 6))[0]
        return replace(
            request,
            headers=headers,
            body=body,
            slices=slices,
            chunked=self.rng.random() < 0.15,
            ending=ending,
            stop_after=self.rng.randint(0, len(body)),
        )

    def _covered(self, promise: Promise, answer: Answer, what: str) -> None:
        digest = answer.headers.get("repr-digest")
        self.ledger.covers(promise, answer.offset or 0, digest=digest, what=what)

    def _judge(self, answer: Answer, allowed: set[int]) -> None:
        if answer.status not in allowed:
            told = answer.body[:300].decode("utf-8", "replace")
            self.ledger.complain("answered", f"{answer.status}, expected {sorted(allowed)}: {told}")

    def _path(self, promise: Promise) -> str:
        return f"/files/{promise.upload}"

    def _as(self, submitter: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[submitter]}", "Tus-Resumable": "1.0.0"}

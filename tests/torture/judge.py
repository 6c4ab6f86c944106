"""The end: everything is healed, and what was acknowledged is compared with what there is."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.torture.comparison import Comparison
from tests.torture.far import Kind
from tests.torture.rig import SUBMITTERS
from tests.torture.wire import Answer, LineLost, Request

if TYPE_CHECKING:
    from tests.torture.ledger import Ledger
    from tests.torture.rig import Rig

PAGE = 1000
GLANCE = 0.2
LOOKS_EVERY = 5.0
"""Seconds between two looks of the operator."""


@dataclass(slots=True)
class Judge:
    """Brings it all to an end, and asks the programs what they say of it."""

    rig: Rig
    ledger: Ledger
    drained_in: float = 0.0
    sealed: dict[str, dict[str, Any]] = field(default_factory=dict)
    evidence: Counter[str] = field(default_factory=Counter)
    operators: Counter[str] = field(default_factory=Counter)
    by_hand: set[str] = field(default_factory=set)
    _again: set[str] = field(default_factory=set)

    @property
    def unheard(self) -> int:
        """Count the seals whose acknowledgement never reached the sender."""
        promises = self.ledger.promises
        return sum(1 for one in self.sealed if one not in promises or not promises[one].sealed)

    async def heal(self) -> None:
        """Make everything well, in one process."""
        await self.rig.far.mode("healthy")
        await self.rig.fault("none")
        self.rig.wire.hang_up()
        if self.rig.roles != ["serve"]:
            for role in self.rig.roles:
                self.rig.kill(role)
            self.rig.start("serve")
        await self.rig.ready()

    async def drain(self, *, within: float) -> None:
        """Wait until nothing is owed any more; what stays owed is a complaint.

        An operator looks on: what is parked is sent again, and what waits need not.
        """
        begun = time.monotonic()
        owed: dict[str, dict[str, int]] = {}
        looked = begun
        while time.monotonic() < begun + within:
            self.rig.check()
            owed = await self._owed()
            if not any(owed.values()):
                self.drained_in = time.monotonic() - begun
                return
            if time.monotonic() >= looked:
                looked = time.monotonic() + LOOKS_EVERY
                await self._operated()
            await asyncio.sleep(GLANCE)
        self.ledger.complain("lost", f"still owed after {within:.0f} s: {owed}")
        for one in await self._list("/api/deliveries", state="parked,queued,deferred,active"):
            told = f"{one['state']}: {one['id']}: {one['reason']} {one['detail']}"
            self.ledger.complain("lost", told)

    async def _owed(self) -> dict[str, dict[str, int]]:
        document = (await self._ask("/api/status")).document
        return {one["name"]: _owed(one["counts"]) for one in document["destinations"]}

    async def _operated(self) -> None:
        """Do what an operator does; a file that only a person can find, a person looks for."""
        if self.rig.kind is Kind.TUS:
            await self._looked_up()
        for which in ("--parked", "--all"):
            said = json.loads(await self.rig.operate("resync", which, "--json"))
            self.operators[f"resync {which}"] += int(said["requeued"])

    async def _looked_up(self) -> None:
        """Look into the registry for what was sent again already and is parked again."""
        parked = await self._list("/api/deliveries", state="parked", destination="registry")
        again = [one for one in parked if one["id"] in self._again]
        self._again |= {str(one["id"]) for one in parked}
        if not again:
            return
        held = {str(one["key"]): str(one["id"]) for one in await self.rig.far.entries()}
        for upload in (str(one["upload"]) for one in again):
            if upload in held:
                await self.rig.operate("delivered", upload, "--reference", held[upload])
                self.by_hand.add(upload)
                self.operators["found there by a person"] += 1
            else:
                await self.rig.operate("resync", upload, "--not-there", "--to", "registry")
                self.operators["not found there by a person"] += 1

    async def compare(self) -> None:
        """Look at every place."""
        self.sealed = {one["id"]: one for one in await self._list("/api/uploads", state="sealed")}
        registry = await self.rig.far.entries()
        drive = await self.rig.mirrored()
        deliveries = await self._list("/api/deliveries", state="delivered")
        self.evidence.update(
            str(one["evidence"]) for one in deliveries if one["destination"] == "registry"
        )
        places = Comparison(self.rig.root, self.ledger, self.sealed, self.rig.far, self.by_hand)
        await asyncio.to_thread(
            places.compare, registry=registry, drive=drive, deliveries=deliveries
        )
        await self._receipts()
        await self._submitters()

    async def _receipts(self) -> None:
        for upload, row in self.sealed.items():
            answer = await self._ask(f"/api/uploads/{upload}/receipt", row["submitter"])
            if answer.status != 200:
                self.ledger.complain("lost", f"{upload} has no receipt: {answer.status}")
                continue
            receipt = answer.document
            told = (receipt["sha256"], receipt["length"], receipt["submitter"])
            if told != (row["sha256"], row["length"], row["submitter"]):
                self.ledger.complain("lost", f"the receipt of {upload} tells something else")
            for delivery in receipt["deliveries"]:
                if delivery["state"] != "delivered":
                    self.ledger.complain("lost", f"{upload}: {delivery['destination']} is owed")

    async def _submitters(self) -> None:
        for submitter in SUBMITTERS:
            rows = await self._list("/api/uploads", submitter)
            strange = [one["id"] for one in rows if one["submitter"] != submitter]
            if strange:
                self.ledger.complain("visible", f"{submitter} sees {len(strange)} of others")

    # ------------------------------------------------------------------------------- the means

    async def _list(self, path: str, who: str = "operator", **params: str) -> list[dict[str, Any]]:
        key = path.rpartition("/")[2]
        found: list[dict[str, Any]] = []
        after = ""
        while True:
            query = "&".join(f"{name}={value}" for name, value in params.items())
            page = await self._ask(f"{path}?limit={PAGE}&{query}{after}".replace("&&", "&"), who)
            found += page.document[key]
            if not page.document["next"]:
                return found
            after = f"&after={page.document['next']}"

    async def _ask(self, path: str, who: str = "operator") -> Answer:
        headers = {"Authorization": f"Bearer {self.rig.tokens[who]}"}
        for _ in range(5):
            try:
                return await self.rig.wire.ask(Request("GET", path.rstrip("&"), headers))
            except LineLost:
                await asyncio.sleep(GLANCE)
        raise LineLost(f"{path} was not answered five times")


def _owed(counts: dict[str, int]) -> dict[str, int]:
    return {state: n for state, n in counts.items() if n and state not in {"delivered", "skipped"}}

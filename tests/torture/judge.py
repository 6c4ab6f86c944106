"""The end: everything is healed, and what was acknowledged is compared with what there is."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.torture.comparison import Comparison
from tests.torture.rig import SUBMITTERS
from tests.torture.wire import Answer, LineLost, Request

if TYPE_CHECKING:
    from tests.torture.ledger import Ledger
    from tests.torture.rig import Rig

PAGE = 1000
GLANCE = 0.2


@dataclass(slots=True)
class Judge:
    """Brings it all to an end, and asks the programs what they say of it."""

    rig: Rig
    ledger: Ledger
    drained_in: float = 0.0
    sealed: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def unheard(self) -> int:
        """Count the seals whose acknowledgement never reached the sender."""
        promises = self.ledger.promises
        return sum(1 for one in self.sealed if one not in promises or not promises[one].sealed)

    async def heal(self) -> None:
        """Make everything well, in one process."""
        await self.rig.mode("healthy")
        await self.rig.fault("none")
        self.rig.wire.hang_up()
        if self.rig.roles != ["serve"]:
            for role in self.rig.roles:
                self.rig.kill(role)
            self.rig.start("serve")
        await self.rig.ready()

    async def drain(self, *, within: float) -> None:
        """Wait until nothing is owed any more; what stays owed is a complaint."""
        begun = time.monotonic()
        owed: dict[str, dict[str, int]] = {}
        while time.monotonic() < begun + within:
            self.rig.check()
            document = (await self._ask("/api/status")).document
            owed = {one["name"]: _owed(one["counts"]) for one in document["destinations"]}
            if not any(owed.values()):
                self.drained_in = time.monotonic() - begun
                return
            await asyncio.sleep(GLANCE)
        self.ledger.complain("lost", f"still owed after {within:.0f} s: {owed}")
        for one in await self._list("/api/deliveries", state="parked"):
            self.ledger.complain("lost", f"parked: {one['id']}: {one['reason']}")

    async def compare(self) -> None:
        """Look at every place."""
        self.sealed = {one["id"]: one for one in await self._list("/api/uploads", state="sealed")}
        registry = await self.rig.entries(self.rig.registry)
        drive = await self.rig.entries(self.rig.drive)
        places = Comparison(self.rig.root, self.ledger, self.sealed)
        await asyncio.to_thread(places.compare, registry=registry, drive=drive)
        await self._receipts({str(one["key"]): str(one["id"]) for one in registry})
        await self._submitters()

    async def _receipts(self, references: dict[str, str]) -> None:
        for upload, row in self.sealed.items():
            answer = await self._ask(f"/api/uploads/{upload}/receipt", row["submitter"])
            if answer.status != 200:
                self.ledger.complain("lost", f"{upload} has no receipt: {answer.status}")
                continue
            receipt = answer.document
            told = (receipt["sha256"], receipt["length"], receipt["submitter"])
            if told != (row["sha256"], row["length"], row["submitter"]):
                self.ledger.complain("lost", f"the receipt of {upload} tells something else")
            for passage in receipt["passages"]:
                if passage["state"] != "delivered":
                    self.ledger.complain("lost", f"{upload}: {passage['destination']} is owed")
                elif passage["destination"] == "registry" and (
                    passage["locator"] != references.get(upload)
                ):
                    self.ledger.complain("lost", f"{upload}: its receipt names another reference")

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

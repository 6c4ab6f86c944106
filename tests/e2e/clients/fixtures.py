"""What each trial of a stock client has: the gateway, a bad line, a file, and a verdict."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import pytest

from tests.fault_proxy import CutAfter, FaultProxy
from tests.waiting import until

if TYPE_CHECKING:
    from tests.e2e.outage import Outage

MATRIX: Final = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]
"""What every test here is: all of them share a gateway, and so a loop."""

NODE: Final = Path(__file__).parents[1] / "node"
MODULES: Final = NODE / "node_modules"

SIZE: Final = (6 << 20) + 12345
CUTS: Final = 100
"""More than any client here needs."""

AT_MOST: Final = 0.4
"""Share of the file that one connection carries before it is cut: twice, for who goes on."""

WENT_ON: Final = 1.1
"""Most that may have gone up, in sizes of the file, by who goes on where the cut was."""

NODE_IS_HERE: Final = shutil.which("node") is not None and (MODULES / ".installed").exists()

needs_node = pytest.mark.skipif(
    not NODE_IS_HERE, reason="node is not here, or `make node` was not run"
)
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not here")


@dataclass(frozen=True, slots=True)
class Trial:
    """One client's way in."""

    scene: Outage
    line: FaultProxy
    paper: Path

    @property
    def endpoint(self) -> str:
        """Give the address that the client is told: the bad line's."""
        return self.line.url + "/files/"

    @property
    def headers(self) -> dict[str, str]:
        """Give the headers that the client is told."""
        return {"Authorization": f"Bearer {self.scene.lo}"}

    def cut(self, share: float = AT_MOST) -> None:
        """Let no connection carry more than that share of the file: who begins anew never ends."""
        self.line.plan(*[CutAfter(count=int(share * SIZE))] * CUTS)

    async def expect_sealed(self, location: str, *, struck: int = 2, most: float = WENT_ON) -> None:
        """Fail unless the file was taken in whole, once, over a line with so many faults or more.

        `most` is what may have gone up for it, in sizes of the file.
        """
        digest = hashlib.sha256(self.paper.read_bytes()).hexdigest()

        async def joined() -> Any:
            one = await self.ask(f"/api/uploads/{location.rpartition('/')[2]}")
            return one if one["state"] != "open" else None

        one = await until(joined, within=10)
        uploads = (await self.ask("/api/uploads"))["uploads"]

        assert (one["state"], one["sha256"]) == ("sealed", digest)
        assert one["filename"] == self.paper.name
        assert [each["id"] for each in uploads if each["sha256"] == digest] == [one["id"]]
        assert self.line.struck >= struck, [one.up for one in self.line.crossings]
        assert self.line.up / SIZE < most, [one.up for one in self.line.crossings]

    async def ask(self, path: str) -> Any:
        """Ask the gateway's own interface, past the bad line."""
        return await asyncio.to_thread(self.scene.ask, path)


async def output_of(*args: str, check: bool = True, stdin: IO[bytes] | None = None) -> str:
    """Run a client to its end and give what it wrote."""
    process = await asyncio.create_subprocess_exec(
        *args,
        stdin=stdin or asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0 or not check, out.decode() + err.decode()
    return out.decode()


def as_json(**options: object) -> str:
    """Write options as a script reads them."""
    return json.dumps(options)

"""The registry that is tortured with: a stand-in over plain HTTP, or what speaks tus."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from standin.remote_control import read_entries, read_stats, set_mode
from tests.torture import odd
from tests.torture.processes import run_standin

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from cli.demo.processes import Program


class Kind(StrEnum):
    """What is believed of the registry."""

    DIGEST = "digest"
    """Plain HTTP: a look-up that shows the digest."""
    REFERENCE = "reference"
    """Plain HTTP: a reference, in an answer or in a look-up."""
    TUS = "tus"
    """A second Titip."""


class Far(Protocol):
    """One registry: how Titip is set up for it, how it is made ill, what it holds."""

    @property
    def settings(self) -> str:
        """Give the table [registry]."""

    @property
    def evidence(self) -> str:
        """Give the grade that a delivery to it must have."""

    def draw(self, rng: Random) -> odd.Params:
        """Draw an odd answer."""

    async def mode(self, name: str, **params: object) -> None:
        """Make it ill in this way, or healthy."""

    async def busy(self) -> bool:
        """Tell whether a request is under way."""

    async def asked(self) -> int:
        """Count what it was asked, but for its health."""

    async def entries(self) -> list[dict[str, Any]]:
        """Give what it holds: key, id, path, stored_at."""

    def gave(self, locator: str, references: set[str]) -> bool:
        """Tell whether it may have given this reference for a file that has these."""

    async def close(self) -> None:
        """End it."""


HTTP = """
[registry]
kind = "http"
url = "{url}/intake"
lookup = "{url}/intake/{{upload_id}}"
health = "{url}/health"
"""
DIGEST = 'lookup_sha256 = "/sha256"\n'


@dataclass(slots=True)
class PlainRegistry:
    """The stand-in registry."""

    url: str
    program: Program
    proved: bool

    @property
    def settings(self) -> str:
        return HTTP.format(url=self.url) + (DIGEST if self.proved else "")

    @property
    def evidence(self) -> str:
        return "digest" if self.proved else "reference"

    def draw(self, rng: Random) -> odd.Params:
        return odd.of_http(rng, proved=self.proved)

    async def mode(self, name: str, **params: object) -> None:
        await asyncio.to_thread(set_mode, self.url, name, **params)

    async def busy(self) -> bool:
        return bool((await asyncio.to_thread(read_stats, self.url))["in_flight"])

    async def asked(self) -> int:
        requests = (await asyncio.to_thread(read_stats, self.url))["requests"]
        return sum(count for kind, count in requests.items() if kind != "health")

    async def entries(self) -> list[dict[str, Any]]:
        return await asyncio.to_thread(read_entries, self.url)

    def gave(self, locator: str, references: set[str]) -> bool:
        return locator in references or (not self.proved and odd.believed(locator))

    async def close(self) -> None:
        self.program.kill()

    @classmethod
    async def begin(cls, root: Path, *, proved: bool) -> PlainRegistry:
        """Start it."""
        program, url = await asyncio.to_thread(run_standin, "registry", root)
        return cls(url, program, proved)

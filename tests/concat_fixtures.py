"""A gateway on a real socket over a real store, for what parts are joined in."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientSession, web

from gateway.app import gateway_app, gateway_runner
from gateway.context import AppContext
from gateway.options import GatewayOptions
from storage.recovery import recover
from storage.tokens import JournalTokens
from tests.gateway_fixtures import BYTES, Gateway
from tests.storage_fixtures import House, opened_house
from tests.waiting import until
from titip.access import Role

PART = {"Upload-Concat": "partial"}


@dataclass
class RealDoor(Gateway):
    """A gateway over a real store, and what is asked of it about parts."""

    house: House | None = None

    async def part(self, data, *, length=-1, of=None):
        headers = {**PART, **({"Upload-Defer-Length": "1"} if length is None else {})}
        told = {"Upload-Length": str(len(data) if length == -1 else length)}
        sent = {**headers, **BYTES, **({} if length is None else told)}
        async with self.ask("POST", "/files/", sent, body=data, of=of) as answer:
            assert answer.status == 201, await answer.text()
            return answer.headers["Location"].removeprefix(self.url)

    def join(self, *addresses, of=None, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        told = {"Upload-Concat": "final;" + " ".join(addresses), **named}
        return self.ask("POST", "/files/", told, of=of)

    async def joined(self, *addresses, **headers):
        async with self.join(*addresses, **headers) as answer:
            assert answer.status == 201, await answer.text()
            return answer.headers["Location"].removeprefix(self.url)

    async def head(self, path):
        async with self.ask("HEAD", path) as answer:
            return answer.status, answer.headers

    async def sealed(self, path):
        """Wait for the seal, and give the bytes."""

        async def is_sealed():
            return "Upload-Offset" in (await self.head(path))[1]

        await until(is_sealed)
        async with self.ask("GET", path) as answer:
            assert answer.status == 200
            return await answer.read()


@asynccontextmanager
async def opened_door(root, options=None):
    with opened_house(root) as house:
        await recover(house.spool, house.journal)
        tokens: Any = JournalTokens(house.journal)
        gate = AppContext(
            store=house.store,
            joiner=house.joiner,
            records=house.records,
            operations=house.operations,
            tokens=tokens,
            now=house.clock,
            options=options or GatewayOptions(reserve=0),
        )
        app = gateway_app(gate)
        runner = gateway_runner(app, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        async with ClientSession() as session:
            door = RealDoor(
                store=house.store,
                records=house.records,
                operations=house.operations,
                tokens=tokens,
                app=app,
                session=session,
                url=f"http://127.0.0.1:{port}",
                port=port,
                house=house,
            )
            for name in ("lo", "stranger"):
                _, text = await tokens.issue(Role.LO, f"{name}-pair", now=house.clock())
                getattr(door, name)["Authorization"] = f"Bearer {text}"
            try:
                yield door
            finally:
                await runner.cleanup()

"""Switch the registry's mode from outside, and show a judge what it holds."""

from dataclasses import asdict
from typing import Any

from aiohttp import web

from standin.params import BadParams, read_object
from standin.registry_answers import Premises, problem
from standin.registry_modes import describe_mode, name_of, parse_mode


class Switch:
    """The routes under /standin, which no mode disturbs."""

    def __init__(self, premises: Premises) -> None:
        self._premises = premises

    def routes(self) -> list[web.RouteDef]:
        """Name the routes."""
        return [
            web.get("/standin/mode", self.show_mode),
            web.post("/standin/mode", self.switch),
            web.get("/standin/stats", self.show_stats),
            web.get("/standin/entries", self.show_entries),
        ]

    def stats(self) -> dict[str, Any]:
        """Count everything a judge asks for."""
        premises = self._premises
        return {
            **premises.store.stats(),
            "in_flight": premises.in_flight,
            "waiting": premises.waiting,
            "peak_in_flight": premises.peak_in_flight,
            "requests": dict(premises.by_kind),
            "requests_by_mode": dict(premises.by_mode),
            "mode": name_of(premises.weather.mode),
        }

    def entries(self) -> list[dict[str, Any]]:
        """Give every entry and where its body lies."""
        store = self._premises.store
        return [
            {**asdict(entry), "path": str(store.path_of(entry)), "came": store.came(entry)}
            for entry in store
        ]

    def turn(self, mode: str, **params: object) -> None:
        """Switch the mode, also for requests in flight; raise BadParams for one there is not."""
        self._premises.weather.turn(parse_mode({"mode": mode, **params}))

    async def switch(self, request: web.Request) -> web.StreamResponse:
        """Switch to the mode in the body."""
        try:
            self._premises.weather.turn(parse_mode(read_object(await request.read())))
        except BadParams as error:
            return problem(400, str(error))
        return await self.show_mode(request)

    async def show_mode(self, _: web.Request) -> web.StreamResponse:
        """Tell the mode that is on."""
        return web.json_response(describe_mode(self._premises.weather.mode))

    async def show_stats(self, _: web.Request) -> web.StreamResponse:
        """Show the counts."""
        return web.json_response(self.stats())

    async def show_entries(self, _: web.Request) -> web.StreamResponse:
        """Show every entry."""
        return web.json_response(self.entries())

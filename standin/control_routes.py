"""The routes under /standin: what goes wrong is switched there, and a judge sees what is held."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar

from aiohttp import web

from standin.faults import BadParams, read_object
from standin.server import Listen, root_url


class ControlRoutes(ABC):
    """The control of one stand-in, which nothing that goes wrong disturbs."""

    path: ClassVar[str]
    """Where it is told, and switched, what goes wrong."""

    def routes(self) -> list[web.RouteDef]:
        """Name the routes."""
        return [
            web.get(self.path, _shown(self.state)),
            web.post(self.path, self._post),
            web.get("/standin/stats", _shown(self.stats)),
            web.get("/standin/entries", _shown(self.entries)),
        ]

    @abstractmethod
    def switch(self, document: Mapping[str, object]) -> None:
        """Let go wrong what the document says, also for requests in flight; raise BadParams."""

    @abstractmethod
    def state(self) -> dict[str, object]:
        """Tell what goes wrong now."""

    @abstractmethod
    def stats(self) -> dict[str, Any]:
        """Count everything a judge asks for."""

    @abstractmethod
    def entries(self) -> list[dict[str, Any]]:
        """Give everything that is held, and where its bytes lie."""

    async def _post(self, request: web.Request) -> web.StreamResponse:
        try:
            self.switch(read_object(await request.read()))
        except BadParams as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response(self.state())


class RunningStandin:
    """A stand-in that is being served."""

    def __init__(self, control: ControlRoutes, address: Listen) -> None:
        self.control = control
        self.port = address[1]
        self.url = root_url(address)

    def stats(self) -> dict[str, Any]:
        """Count what it took and how; the same as GET /standin/stats."""
        return self.control.stats()

    def entries(self) -> list[dict[str, Any]]:
        """Give everything that it holds; the same as GET /standin/entries."""
        return self.control.entries()


def _shown(read: Callable[[], object]) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def show(_: web.Request) -> web.StreamResponse:
        return web.json_response(read())

    return show

"""Answer questions about what the registry holds and how it is, as its present mode allows."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from aiohttp import web

from standin.odd_answer import DIGESTS, give
from standin.registry.modes import BadGateway, Down, Expired, Stalled
from standin.registry.responses import ServerState, gateway_failed, no_token, page_expired, problem
from standin.server import cut

MAX_PAGE = 1000

DIGESTED = ("no_digest", *DIGESTS)
"""Bodies that differ from the registry's own in what they tell of the digest alone."""

Answer = Callable[[web.Request], web.Response]
Trouble = Callable[[web.Request], Awaitable[web.Response | None]]
Route = Callable[[web.Request], Awaitable[web.StreamResponse]]


class QueryRoutes:
    """The routes that only tell."""

    def __init__(self, premises: ServerState) -> None:
        self._premises = premises

    def routes(self) -> list[web.RouteDef]:
        """Name the routes."""
        return [
            web.get("/intake", self._route("list", self._listing, self._trouble)),
            web.get("/intake/{key}", self._route("lookup", self._lookup, self._trouble)),
            web.get("/health", self._route("health", _healthy, self._illness)),
        ]

    def _route(self, kind: str, answer: Answer, trouble: Trouble) -> Route:
        """Answer questions of a kind, unless the mode has trouble or an odd answer for them."""

        async def route(request: web.Request) -> web.StreamResponse:
            self._premises.by_kind[kind] += 1
            instead = await trouble(request)
            if instead is not None:
                return instead
            own = answer(request)
            odd = self._premises.weather.odd(kind)
            if odd is None or (odd.body in DIGESTED and own.status != HTTPStatus.OK):
                return own
            return await give(request, odd, own=own, hang=self._premises.outlast)

        return route

    def _lookup(self, request: web.Request) -> web.Response:
        """Tell what is stored under a key, or 404."""
        entries = self._premises.store.find(request.match_info["key"])
        if not entries:
            return problem(404, "nothing is stored under this key")
        return web.json_response({**entries[0].answer, "count": len(entries)})

    def _listing(self, request: web.Request) -> web.Response:
        """List what is stored, a page at a time."""
        try:
            page = max(int(request.query.get("page", "1")), 1)
            per_page = min(max(int(request.query.get("per_page", "100")), 1), MAX_PAGE)
        except ValueError:
            return problem(400, "page and per_page must be whole numbers")
        entries = list(self._premises.store)
        shown = entries[(page - 1) * per_page : page * per_page]
        return web.json_response(
            {
                "items": [{"key": entry.key, **entry.answer} for entry in shown],
                "page": page,
                "pages": -(-len(entries) // per_page),
                "total": len(entries),
            }
        )

    async def _illness(self, request: web.Request) -> web.Response | None:
        """Answer a question for its health with 503, or hang, or let it lie, as the mode has it."""
        match self._premises.weather.mode:
            case Stalled(health_lies=False, health_hangs=True):
                return await self._premises.outlast(request)
            case Stalled(health_lies=False):
                return problem(503, "stalled")
            case Down():
                return cut(request)
            case BadGateway(times=0, every=1, health_lies=False):
                return gateway_failed()
            case Expired(times=0, every=1, health_lies=False):
                return page_expired()
            case _:
                return None

    async def _trouble(self, request: web.Request) -> web.Response | None:
        """Answer the way a registry in this mode does, unless it is well enough to tell."""
        match self._premises.weather.mode:
            case Down():
                return cut(request)
            case Stalled(lookup_works=False):
                return await self._premises.outlast(request)
            case BadGateway(times=0, every=1):
                return gateway_failed()
            case Expired(times=0, every=1):
                return page_expired()
            case _ if not self._premises.may_enter(request):
                return no_token()
            case _:
                return None


def _healthy(_: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})

"""Answer questions about what the registry holds and how it is, as its present mode allows."""

from http import HTTPStatus

from aiohttp import web

from standin.odd_answer import DIGESTS, give
from standin.registry_answers import Premises, gateway_failed, no_token, page_expired, problem
from standin.registry_modes import BadGateway, Down, Expired, Stalled
from standin.server import cut

MAX_PAGE = 1000

DIGESTED = ("no_digest", *DIGESTS)
"""Bodies that differ from the registry's own in what they tell of the digest alone."""


class Questions:
    """The routes that only tell."""

    def __init__(self, premises: Premises) -> None:
        self._premises = premises

    def routes(self) -> list[web.RouteDef]:
        """Name the routes."""
        return [
            web.get("/intake", self.listing),
            web.get("/intake/{key}", self.lookup),
            web.get("/health", self.health),
        ]

    async def lookup(self, request: web.Request) -> web.StreamResponse:
        """Tell what is stored under a key, or 404."""
        self._premises.by_kind["lookup"] += 1
        trouble = await self._trouble(request)
        if trouble is not None:
            return trouble
        entries = self._premises.store.find(request.match_info["key"])
        if not entries:
            return await self._told(
                request, "lookup", problem(404, "nothing is stored under this key")
            )
        answer = web.json_response({**entries[0].answer, "count": len(entries)})
        return await self._told(request, "lookup", answer)

    async def listing(self, request: web.Request) -> web.StreamResponse:
        """List what is stored, a page at a time."""
        self._premises.by_kind["list"] += 1
        trouble = await self._trouble(request)
        if trouble is not None:
            return trouble
        try:
            page = max(int(request.query.get("page", "1")), 1)
            per_page = min(max(int(request.query.get("per_page", "100")), 1), MAX_PAGE)
        except ValueError:
            return problem(400, "page and per_page must be whole numbers")
        entries = list(self._premises.store)
        shown = entries[(page - 1) * per_page : page * per_page]
        answer = web.json_response(
            {
                "items": [{"key": entry.key, **entry.answer} for entry in shown],
                "page": page,
                "pages": -(-len(entries) // per_page),
                "total": len(entries),
            }
        )
        return await self._told(request, "list", answer)

    async def health(self, request: web.Request) -> web.StreamResponse:
        """Say 200 or 503, hang, or lie, as the mode has it."""
        self._premises.by_kind["health"] += 1
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
                return await self._told(request, "health", web.json_response({"status": "ok"}))

    async def _told(self, request: web.Request, kind: str, own: web.Response) -> web.StreamResponse:
        """Give the answer, or the odd one that the mode has in its place."""
        odd = self._premises.weather.odd(kind)
        if odd is None or (odd.body in DIGESTED and own.status != HTTPStatus.OK):
            return own
        return await give(request, odd, own=own, hang=self._premises.outlast)

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

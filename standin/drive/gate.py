"""Let each request to the Drive through its gate: counted, struck by faults, and told who asks."""

from collections import Counter
from collections.abc import Awaitable, Callable

from aiohttp import web

from standin.drive.auth import Caller, Tokens, unauthorized
from standin.drive.errors import CutOff, DriveRefusal
from standin.drive.faults import (
    Answering,
    Down,
    Faults,
    Kind,
    RateLimit,
    ServerError,
    Slow,
    StorageFull,
    Unauthorized,
)
from standin.odd_answer import give, read_until
from standin.server import cut
from standin.sink import PIECE_BYTES

Work = Callable[[web.Request, Caller], Awaitable[web.StreamResponse]]
Route = Callable[[web.Request], Awaitable[web.StreamResponse]]
Sorting = Callable[[web.Request], Kind]


class Front:
    """The gate before every route."""

    def __init__(self, faults: Faults, tokens: Tokens) -> None:
        self._faults = faults
        self._tokens = tokens
        self.requests: Counter[str] = Counter()

    def admit(self, work: Work, kind: Kind | Sorting) -> Route:
        """Make a route of `work`, whose requests are of one kind or are sorted by looking."""

        async def route(request: web.Request) -> web.StreamResponse:
            sort = kind if isinstance(kind, Kind) else kind(request)
            self.requests[sort] += 1
            try:
                await self._befall(sort)
                odd = self._faults.take(Answering, sort)
                if odd is not None:
                    return await self._answer_oddly(request, odd, work=work, kind=sort)
                return await work(request, self._identify(request, sort))
            except DriveRefusal as refusal:
                return await self._refuse(request, refusal)
            except (CutOff, ConnectionError):
                return cut(request)

        return route

    async def _answer_oddly(
        self, request: web.Request, odd: Answering, *, work: Work, kind: Kind
    ) -> web.StreamResponse:
        own: web.StreamResponse | None = None
        if odd.at == "after_storing":
            try:
                own = await work(request, self._identify(request, kind))
            except DriveRefusal as refusal:
                own = await self._refuse(request, refusal)
        else:
            await read_until(request, odd.at, after_bytes=odd.after_bytes)
        replaced = own if isinstance(own, web.Response) else None
        return await give(request, odd, own=replaced, hang=self._faults.change.outlast)

    def _identify(self, request: web.Request, kind: Kind) -> Caller:
        if kind is Kind.TOKEN:
            return Caller("")
        caller = self._tokens.identify(request, kind)
        self._strike(kind)
        return caller

    async def _befall(self, kind: Kind) -> None:
        """Do what happens before anybody looks at the request."""
        if self._faults.take(Down, kind) is not None:
            raise CutOff
        slow = self._faults.take(Slow, kind)
        if slow is not None:
            await self._faults.change.wait(slow.seconds)

    def _strike(self, kind: Kind) -> None:
        """Raise the refusal that the faults have in store for a request that may come in."""
        if self._faults.take(Unauthorized, kind) is not None:
            raise unauthorized()
        limit = self._faults.take(RateLimit, kind)
        if limit is not None:
            message = "The rate of requests is too high."
            raise DriveRefusal(limit.status, limit.reason, message, retry_after=limit.retry_after)
        error = self._faults.take(ServerError, kind)
        if error is not None:
            raise DriveRefusal(error.status, "backendError", "An internal error happened.")
        if self._faults.take(StorageFull, kind) is not None:
            raise storage_full()

    async def _refuse(self, request: web.Request, refusal: DriveRefusal) -> web.Response:
        """Read the body to its end before the answer, as Google's front end does."""
        try:
            while await request.content.read(PIECE_BYTES):
                pass
        except ConnectionError:
            return cut(request)
        return refusal.response()


def storage_full() -> DriveRefusal:
    """Say that there is no room for another file."""
    message = "The owner of the files has no storage quota left."
    return DriveRefusal(403, "storageQuotaExceeded", message)

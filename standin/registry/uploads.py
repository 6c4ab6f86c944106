"""Take a file into the registry, as its present mode allows."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from aiohttp import web

from standin.odd_answer import give, read_until
from standin.registry.body import BadBody, receive
from standin.registry.modes import (
    BadGateway,
    Capacity,
    Down,
    Expired,
    LostAnswer,
    Mode,
    ReadStall,
    Refusing,
    Slow,
    Stalled,
    Throttled,
    name_of,
)
from standin.registry.responses import (
    ServerState,
    Throttle,
    gateway_failed,
    later,
    no_token,
    page_expired,
    problem,
)
from standin.registry.store import Parcel, Repeat
from standin.server import LOOK_SECONDS, cut, is_gone


class Intake:
    """The route that takes files in."""

    def __init__(self, premises: ServerState) -> None:
        self._premises = premises
        self._weather = premises.weather
        self._throttle = Throttle()

    def routes(self) -> list[web.RouteDef]:
        """Name the routes."""
        return [web.post("/intake", self.take), web.put("/intake", self.take)]

    async def take(self, request: web.Request) -> web.StreamResponse:
        """Take one file in, or do what the mode says instead."""
        self._premises.by_kind["intake"] += 1
        self._premises.by_mode[name_of(self._weather.mode)] += 1
        with self._counted():
            refusal = self._at_the_door(request)
            if refusal is not None:
                return refusal
            early = self._weather.odd("intake", early=True)
            if early is not None:
                await read_until(request, early.at, after_bytes=early.after_bytes)
                return await give(request, early, hang=self._premises.outlast)
            pace = partial(self._hold_up, request)
            try:
                parcel = await receive(request, self._premises.store, pace=pace)
            except BadBody as error:
                return problem(400, str(error))
            except ConnectionError:
                return cut(request)
            self._premises.store.note(parcel)
            try:
                return await self._settle(request, parcel)
            finally:
                parcel.path.unlink(missing_ok=True)

    def _at_the_door(self, request: web.Request) -> web.Response | None:
        """Refuse before the body is read, if the mode or the token says so."""
        mode = self._weather.mode
        if isinstance(mode, Down):
            return cut(request)
        if not self._premises.may_enter(request):
            return no_token()
        if isinstance(mode, Throttled) and self._throttle.is_over(mode.per_second):
            return later(mode.status, mode.retry_after)
        if isinstance(mode, Capacity) and not mode.slows and self._is_crowded(mode):
            return later(503, mode.retry_after)
        return None

    async def _settle(self, request: web.Request, parcel: Parcel) -> web.StreamResponse:
        """End a hand-in whose body is here; follow the mode if it changes meanwhile."""
        kept: web.Response | None = None
        odd = self._weather.odd("intake")
        if odd is not None:
            own = self._keep(parcel) if odd.at == "after_storing" else None
            return await give(request, odd, own=own, hang=self._premises.outlast)
        while True:
            mode = self._weather.mode
            if isinstance(mode, Stalled):
                return await self._premises.outlast(request, cuts=mode.cuts)
            wait = self._delay(mode)
            if not wait:
                return self._end(mode, request, parcel=parcel, kept=kept)
            if kept is None and isinstance(mode, Slow) and not mode.store_late:
                kept = self._keep(parcel)
            if not await self._premises.wait(wait):
                return kept or self._keep(parcel)

    def _delay(self, mode: Mode) -> float:
        """Give the seconds between the last byte of a body and the answer."""
        match mode:
            case Slow():
                return mode.seconds
            case Capacity() if mode.slows and self._is_crowded(mode):
                load = self._premises.in_flight / max(mode.limit, 1)
                return mode.seconds * load * load
            case _:
                return 0

    def _end(
        self, mode: Mode, request: web.Request, *, parcel: Parcel, kept: web.Response | None
    ) -> web.Response:
        match mode:
            case Down():
                return cut(request)
            case BadGateway() if self._weather.strikes():
                return gateway_failed()
            case Expired() if self._weather.strikes():
                return page_expired()
            case Refusing() if self._weather.strikes():
                return problem(mode.status, "the registry refuses this file")
            case LostAnswer() if self._weather.strikes():
                _ = kept or self._keep(parcel)
                return problem(mode.status, "timed out") if mode.status else cut(request)
            case _:
                return kept or self._keep(parcel)

    def _keep(self, parcel: Parcel) -> web.Response:
        if self._premises.checks_digest and parcel.is_mismatched:
            return problem(422, "the sha256 that was declared is not the one of these bytes")
        verdict = self._premises.store.take(parcel)
        status = 409 if verdict.outcome is Repeat.CONFLICT else 201
        return web.json_response(verdict.entry.answer, status=status)

    def _is_crowded(self, mode: Capacity) -> bool:
        return self._premises.in_flight > mode.limit

    @contextmanager
    def _counted(self) -> Iterator[None]:
        premises = self._premises
        premises.in_flight += 1
        premises.peak_in_flight = max(premises.peak_in_flight, premises.in_flight)
        try:
            yield
        finally:
            premises.in_flight -= 1

    async def _hold_up(self, request: web.Request, read_bytes: int) -> None:
        """Return when the next piece may be read; raise ConnectionError if it must not."""
        while True:
            mode = self._weather.mode
            if isinstance(mode, Down) or is_gone(request):
                raise ConnectionResetError
            if not isinstance(mode, ReadStall) or read_bytes < mode.after_bytes:
                return
            await self._weather.change.wait(LOOK_SECONDS)

"""Word what the registry says when it will not do what it was asked, and hang where it hangs."""

import asyncio
import hmac
from collections import Counter, deque
from dataclasses import dataclass, field

from aiohttp import web

from standin.registry.modes import CurrentMode, Down
from standin.registry.store import RegistryStore
from standin.server import LOOK_SECONDS, cut, is_gone

EXPIRED_STATUS = 419
"""Not a registered status: a well-known web framework's word for a form token that ran out."""


@dataclass(slots=True, kw_only=True)
class ServerState:
    """What every route of one registry shares: its store, its weather, its counts, its token."""

    store: RegistryStore
    weather: CurrentMode
    bearer: str = ""
    checks_digest: bool = False
    in_flight: int = 0
    peak_in_flight: int = 0
    waiting: int = 0
    by_mode: Counter[str] = field(default_factory=Counter)
    by_kind: Counter[str] = field(default_factory=Counter)

    def may_enter(self, request: web.Request) -> bool:
        """Tell whether a request carries the registry's token, if there is one."""
        given = request.headers.get("Authorization", "")
        wanted = f"Bearer {self.bearer}"
        return not self.bearer or hmac.compare_digest(given.encode(), wanted.encode())

    async def wait(self, seconds: float) -> bool:
        """Hold a request up for `seconds`; tell whether the mode changed before."""
        self.waiting += 1
        try:
            return await self.weather.change.wait(seconds)
        finally:
            self.waiting -= 1

    async def outlast(self, request: web.Request, *, cuts: bool = False) -> web.Response:
        """Hang until the mode changes or the sender leaves; then end the request badly."""
        while not is_gone(request) and not await self.wait(LOOK_SECONDS):
            pass
        is_down = isinstance(self.weather.mode, Down)
        return cut(request) if cuts or is_down or is_gone(request) else problem(503, "stalled")


class Throttle:
    """Count what came within the last second."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque()

    def is_over(self, per_second: int) -> bool:
        """Tell whether one more is too many; count it if not."""
        now = asyncio.get_running_loop().time()
        while self._recent and self._recent[0] <= now - 1:
            self._recent.popleft()
        if len(self._recent) >= per_second:
            return True
        self._recent.append(now)
        return False


def problem(status: int, detail: str) -> web.Response:
    """Answer `status` with a sentence for the one who asked."""
    reason = "Page Expired" if status == EXPIRED_STATUS else None
    return web.json_response({"error": detail}, status=status, reason=reason)


def later(status: int, seconds: int) -> web.Response:
    """Ask to come back in `seconds`."""
    response = problem(status, f"too many at once; come back in {seconds} s")
    response.headers["Retry-After"] = str(seconds)
    return response


def gateway_failed() -> web.Response:
    """Answer as a proxy does whose server is dead."""
    return problem(502, "the registry behind this gateway does not answer")


def page_expired() -> web.Response:
    """Answer as a web application does to a form that is too old."""
    return problem(EXPIRED_STATUS, "page expired")


def no_token() -> web.Response:
    """Ask for the token."""
    return problem(401, "send the registry's token: Authorization: Bearer TOKEN")

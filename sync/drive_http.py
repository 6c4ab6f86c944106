"""What Google's libraries take for their HTTP client: our own wire, bound to Drive's origins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import httplib2

from sync.answer_body import MAX_ANSWER
from sync.bound_origin import BoundOrigin
from titip.errors import Unavailable
from titip.origins import origins, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sync.wire import Wire

GOOGLE: Final = "https://www.googleapis.com/"
"""Where Drive's calls and its upload sessions are (Drive's guide)."""

TOKENS: Final = origins(
    ["https://oauth2.googleapis.com", "https://www.googleapis.com", "https://accounts.google.com"]
)
"""Where Google gives tokens, today and in credentials of earlier years."""

_ADVICE: Final = "nothing is sent there; look at what stands between Titip and Drive"


def drive_place(endpoint: str) -> BoundOrigin:
    """Give the place that Drive's answers may lead to: Google's, or the endpoint's own."""
    return BoundOrigin(endpoint or GOOGLE, TOKENS, advice=_ADVICE)


class DriveHttp:
    """One connection, spoken to as httplib2's Http is.

    Raises NoAnswer, and Unavailable for an address to which neither credentials nor bytes may go.
    """

    def __init__(self, wire: Wire, place: BoundOrigin) -> None:
        self._wire = wire
        self._place = place

    def request(  # noqa: PLR0913, PLR0917  (httplib2's own parameters, and two of ours)
        self,
        uri: str,
        method: str = "GET",
        body: bytes | str | Iterable[memoryview] | None = None,
        headers: Mapping[str, str] | None = None,
        redirections: int = 0,  # noqa: ARG002  (none is followed)
        connection_type: object = None,  # noqa: ARG002  (there is one)
        *,
        limit: int = MAX_ANSWER,
        answer_within: float | None = None,
    ) -> tuple[httplib2.Response, bytes]:
        """Make a request and read the answer, at most `limit` bytes of it."""
        if not self._place.is_ours(uri):
            raise Unavailable(f"Drive leads to {shown(uri)}: {_ADVICE}")
        reply = self._wire.ask(
            method,
            uri,
            headers={name.lower(): str(value) for name, value in (headers or {}).items()},
            body=body.encode() if isinstance(body, str) else body,
            limit=limit,
            answer_within=answer_within,
        )
        response = httplib2.Response({**reply.headers, "status": str(reply.status)})
        response.status = reply.status
        return response, reply.body

    def close(self) -> None:
        """Close the connection."""
        self._wire.close()

"""A wire that leads to memory: what the far side does with each request is drawn beforehand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from sync.destinations.transport.wire import NoAnswer, Reply
from tests.destination_fakes import Crash

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class Request:
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Deed:
    """What becomes of one request."""

    takes: float = 1.0
    """The share of the body that arrives; below 1 the far side acts on nothing but an append."""
    acts: bool = True
    odd: Reply | None = None
    """What is answered in place of the truth."""
    silent: bool = False
    dies: bool = False
    """Titip is killed before it hears the answer."""


HONEST = Deed()


def deeds(odd: st.SearchStrategy[Reply]) -> st.SearchStrategy[Deed]:
    """Draw what becomes of a request, with these odd answers."""
    drawn = st.builds(
        Deed,
        takes=st.sampled_from([1.0, 1.0, 1.0, 0.5, 0.0]),
        acts=st.booleans(),
        odd=st.none() | odd,
        silent=st.sampled_from([False, False, True]),
        dies=st.sampled_from([False, False, False, True]),
    )
    return st.just(HONEST) | drawn


@dataclass
class FarSide:
    """Where every wire of a test leads; an honest far side once the drawn deeds are used up.

    `act` is given a request, as much of it as arrived, and answers truthfully; `may_say` makes an
    odd answer one that the far side could give without lying about what it holds.
    """

    act: Callable[[Request, bool], Reply]
    may_say: Callable[[Request, Reply], Reply]
    deeds: list[Deed] = field(default_factory=list)
    asked: list[Request] = field(default_factory=list)

    def answer(self, method: str, url: str, headers: Mapping[str, str], body: object) -> Reply:
        deed = self.deeds.pop(0) if self.deeds else HONEST
        pieces = b"" if body is None else body if isinstance(body, bytes) else _joined(body)
        cut = int(len(pieces) * deed.takes)
        named = {name.lower(): str(value) for name, value in headers.items()}
        request = Request(method, url, named, pieces[:cut])
        self.asked.append(request)
        is_whole = cut == len(pieces)
        told = self.act(request, is_whole) if deed.acts else Reply(503, {})
        if deed.dies:
            raise Crash
        if deed.silent or not is_whole:
            raise NoAnswer("did not answer in time", left=is_whole)
        return told if deed.odd is None else self.may_say(request, deed.odd)


class MemoryWire:
    """Stands where sync.destinations.transport.wire.HttpConnection stands."""

    def __init__(self, far: FarSide) -> None:
        self._far = far

    def ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: object = None,
        **_: Any,
    ) -> Reply:
        return self._far.answer(method, url, headers, body)

    def abort(self) -> None:
        """End a call; none takes time here."""

    def close(self) -> None:
        """Close the connection."""


def _joined(body: Any) -> bytes:
    return b"".join(bytes(piece) for piece in body)

"""Name the ways in which the registry can be ill, and hold the one that is on.

Each mode is a value with its own parameters; `Weather` holds the current one and wakes whoever
waits for it to change.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from standin.odd_answer import OddAnswer, check
from standin.params import BadParams, build, choose
from standin.server import wait_for_change
from standin.tally import Tally

KINDS = ("intake", "lookup", "list", "health")
"""What a request to the registry is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Healthy:
    """Answer at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slow:
    """Answer after `seconds`. The file is stored first, or at the end with `store_late`."""

    seconds: float = 5.0
    store_late: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stalled:
    """Take the body and never answer nor store. When the mode ends: 503, or a cut with `cuts`."""

    health_lies: bool = False
    health_hangs: bool = False
    lookup_works: bool = False
    cuts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Down:
    """Reset every connection at once: as near to "refused" as a running server comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BadGateway:
    """Answer 502 after the body. With `times` or `every`, to some of the hand-ins alone."""

    times: int = 0
    every: int = 1
    health_lies: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """Answer 419 after the body, like a web application whose form token ran out."""

    times: int = 0
    every: int = 1
    health_lies: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttled:
    """Answer `status` with Retry-After to more than `per_second` hand-ins a second."""

    per_second: int = 1
    retry_after: int = 2
    status: int = 429


@dataclass(frozen=True, slots=True, kw_only=True)
class LostAnswer:
    """Store, then cut the connection; with a `status`, answer that instead, like a proxy's 504."""

    times: int = 0
    every: int = 1
    status: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """Bear `limit` hand-ins at once. Refuse more with 503, or let all of them crawl with `slows`.

    Crawling takes `seconds` times the square of the load, as a server that swaps does.
    """

    limit: int = 2
    retry_after: int = 1
    slows: bool = False
    seconds: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadStall:
    """Stop reading a body after `after_bytes`; go on when the mode ends."""

    after_bytes: int = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusing:
    """Answer `status` after the body: this file, for ever."""

    status: int = 422
    times: int = 0
    every: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Answering(OddAnswer):
    """Answer hand-ins, or what `on` names (intake, lookup, list, health), as nobody should."""

    on: str = "intake"

    def __post_init__(self) -> None:
        """Raise BadParams for an answer that cannot be given."""
        check(self, kinds=KINDS)


Mode = (
    Healthy
    | Slow
    | Stalled
    | Down
    | BadGateway
    | Expired
    | Throttled
    | LostAnswer
    | Capacity
    | ReadStall
    | Refusing
    | Answering
)

MODES: dict[str, type[Mode]] = {
    "healthy": Healthy,
    "slow": Slow,
    "stalled": Stalled,
    "down": Down,
    "bad_gateway": BadGateway,
    "expired": Expired,
    "throttled": Throttled,
    "lost_answer": LostAnswer,
    "capacity": Capacity,
    "read_stall": ReadStall,
    "refusing": Refusing,
    "answer": Answering,
}

_NAMES = {kind: name for name, kind in MODES.items()}


def name_of(mode: Mode) -> str:
    """Give the name under which `mode` is switched on."""
    return _NAMES[type(mode)]


def parse_mode(document: Mapping[str, object]) -> Mode:
    """Read `{"mode": name, ...parameters}`; raise BadParams that says what would be right."""
    if "mode" not in document:
        raise BadParams(f'"mode" is missing; choose one of: {", ".join(sorted(MODES))}')
    kind = choose(MODES, document["mode"])
    return build(kind, {name: value for name, value in document.items() if name != "mode"})


def describe_mode(mode: Mode) -> dict[str, object]:
    """Give the document that `parse_mode` reads back as `mode`."""
    return {"mode": name_of(mode), **asdict(mode)}


class Weather:
    """Hold the mode that is on, and let requests wait until it changes."""

    def __init__(self, mode: Mode) -> None:
        """Begin with `mode`."""
        self._changed = asyncio.Event()
        self.turn(mode)

    def turn(self, mode: Mode) -> None:
        """Switch to `mode` and wake everyone who waits for a change."""
        self.mode = mode
        self._tally = Tally(times=getattr(mode, "times", 0), every=getattr(mode, "every", 1))
        self._changed.set()
        self._changed = asyncio.Event()

    def strikes(self) -> bool:
        """Use up one chance of the mode's `times` and `every`; tell whether it strikes."""
        return self._tally.strikes()

    def odd(self, kind: str, *, early: bool = False) -> Answering | None:
        """Give the odd answer to a request of this kind, using up a chance; None for none.

        `early`: one that is given before all of the body is here.
        """
        mode = self.mode
        if not isinstance(mode, Answering) or not mode.concerns(kind):
            return None
        is_early = mode.at in {"before_body", "mid_body"}
        return mode if (is_early is early or kind != "intake") and self.strikes() else None

    async def changes(self, *, within: float) -> bool:
        """Wait at most `within` seconds for another mode; tell whether it came."""
        return await wait_for_change(self._changed, within=within)

"""Name the ways in which the registry can be ill, and hold the one that is on.

Each mode is a value with its own parameters; `CurrentMode` holds the current one and wakes whoever
waits for it to change.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import ClassVar

from standin.faults import CountedFault, Fault, FaultCounter, read_fault
from standin.odd_answer import OddAnswer
from standin.server import Change

KINDS = ("intake", "lookup", "list", "health")
"""What a request to the registry is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Healthy(Fault):
    """Answer at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slow(Fault):
    """Answer after `seconds`. The file is stored first, or at the end with `store_late`."""

    seconds: float = 5.0
    store_late: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stalled(Fault):
    """Take the body and never answer nor store. When the mode ends: 503, or a cut with `cuts`."""

    health_lies: bool = False
    health_hangs: bool = False
    lookup_works: bool = False
    cuts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Down(Fault):
    """Reset every connection at once: as near to "refused" as a running server comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BadGateway(CountedFault):
    """Answer 502 after the body. With `times` or `every`, to some of the hand-ins alone."""

    health_lies: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired(CountedFault):
    """Answer 419 after the body, like a web application whose form token ran out."""

    health_lies: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttled(Fault):
    """Answer `status` with Retry-After to more than `per_second` hand-ins a second."""

    per_second: int = 1
    retry_after: int = 2
    status: int = 429


@dataclass(frozen=True, slots=True, kw_only=True)
class LostAnswer(CountedFault):
    """Store, then cut the connection; with a `status`, answer that instead, like a proxy's 504."""

    status: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity(Fault):
    """Bear `limit` hand-ins at once. Refuse more with 503, or let all of them crawl with `slows`.

    Crawling takes `seconds` times the square of the load, as a server that swaps does.
    """

    limit: int = 2
    retry_after: int = 1
    slows: bool = False
    seconds: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadStall(Fault):
    """Stop reading a body after `after_bytes`; go on when the mode ends."""

    after_bytes: int = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusing(CountedFault):
    """Answer `status` after the body: this file, for ever."""

    status: int = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class Answering(OddAnswer):
    """Answer hand-ins, or what `on` names (intake, lookup, list, health), as nobody should."""

    kinds: ClassVar[tuple[str, ...]] = KINDS

    on: str = "intake"


Mode = Fault

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
    return read_fault(MODES, document, named_by="mode")


def describe_mode(mode: Mode) -> dict[str, object]:
    """Give the document that `parse_mode` reads back as `mode`."""
    return {"mode": name_of(mode), **asdict(mode)}


class CurrentMode:
    """Hold the mode that is on, and let requests wait until it changes."""

    def __init__(self, mode: Mode) -> None:
        """Begin with `mode`."""
        self.change = Change()
        self.turn(mode)

    def turn(self, mode: Mode) -> None:
        """Switch to `mode` and wake everyone who waits for a change."""
        self.mode = mode
        self._counter = FaultCounter(mode)
        self.change.announce()

    def strikes(self) -> bool:
        """Use up one chance of the mode's `times` and `every`; tell whether it strikes."""
        return self._counter.strikes()

    def odd(self, kind: str, *, early: bool = False) -> Answering | None:
        """Give the odd answer to a request of this kind, using up a chance; None for none.

        `early`: one that is given before all of the body is here.
        """
        mode = self.mode
        if not isinstance(mode, Answering) or not mode.concerns(kind):
            return None
        is_early = mode.at in {"before_body", "mid_body"}
        return mode if (is_early is early or kind != "intake") and self.strikes() else None

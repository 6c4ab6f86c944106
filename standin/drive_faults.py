"""Name the faults of the Drive, and hold those that are on.

Each fault strikes every n-th request of the kinds in `on` (comma-separated; empty means all), a
limited number of `times`; zero times means until it is switched off.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TypeVar

from standin.odd_answer import OddAnswer
from standin.params import BadParams, build, choose
from standin.server import wait_for_change
from standin.tally import Tally


class Kind(StrEnum):
    """What a request to the Drive is about."""

    TOKEN = "token"  # noqa: S105  (a name, no secret)
    ABOUT = "about"
    RESERVE = "generate_ids"
    CREATE = "create"
    GET = "get"
    DOWNLOAD = "download"
    LIST = "list"
    UPDATE = "update"
    DELETE = "delete"
    START = "start"
    CHUNK = "chunk"
    QUERY = "query"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unauthorized:
    """Answer 401, as to a token that has just run out."""

    times: int = 1
    every: int = 1
    on: str = "chunk"


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """Answer 403 with a `reason`, or 429; with Retry-After if it is not zero."""

    times: int = 1
    every: int = 1
    on: str = ""
    status: int = 403
    reason: str = "userRateLimitExceeded"
    retry_after: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerError:
    """Answer `status` and keep nothing."""

    times: int = 1
    every: int = 1
    on: str = "chunk"
    status: int = 503


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortAck:
    """Keep and acknowledge `units` of 256 KiB less of a chunk than was sent."""

    times: int = 1
    every: int = 1
    on: str = "chunk"
    units: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class LostLastAnswer:
    """Make the file, then cut the connection."""

    times: int = 1
    every: int = 1
    on: str = "chunk"


@dataclass(frozen=True, slots=True, kw_only=True)
class LostStartAnswer:
    """Open the session (or make the folder), then cut the connection."""

    times: int = 1
    every: int = 1
    on: str = "start"


@dataclass(frozen=True, slots=True, kw_only=True)
class DropMidway:
    """Cut the connection after `after_bytes` of a chunk; whole units of it are kept."""

    times: int = 1
    every: int = 1
    on: str = "chunk"
    after_bytes: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiredSession:
    """Forget the session: 404 now and ever after."""

    times: int = 1
    every: int = 1
    on: str = "chunk,query"


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingSha256:
    """Report no sha256 and no sha1 of files made from now on; md5 remains."""

    times: int = 0
    every: int = 1
    on: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingChecksums:
    """Report no checksum at all of files made from now on."""

    times: int = 0
    every: int = 1
    on: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlipByte:
    """Spoil a byte in the middle of the next file.

    An `honest` Drive reports the checksum of what it holds; another that of what was sent.
    """

    times: int = 1
    every: int = 1
    on: str = ""
    honest: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageFull:
    """Answer 403 storageQuotaExceeded to whatever would make a file."""

    times: int = 0
    every: int = 1
    on: str = "create,start"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slow:
    """Wait `seconds` before a request is looked at."""

    times: int = 0
    every: int = 1
    on: str = ""
    seconds: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Down:
    """Reset every connection."""

    times: int = 0
    every: int = 1
    on: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListLag:
    """Leave files younger than `seconds` out of lists, as an index does that lags behind."""

    times: int = 0
    every: int = 1
    on: str = "list"
    seconds: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    """Answer `invalid_grant` to whoever asks for a token, and 401 to every token there is."""

    times: int = 0
    every: int = 1
    on: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answering(OddAnswer):
    """Answer requests of the kinds in `on` as nobody should; what is stored is stored first."""


Fault = (
    Unauthorized
    | RateLimit
    | ServerError
    | ShortAck
    | LostLastAnswer
    | LostStartAnswer
    | DropMidway
    | ExpiredSession
    | MissingSha256
    | MissingChecksums
    | FlipByte
    | StorageFull
    | Slow
    | Down
    | ListLag
    | Revoked
    | Answering
)
F = TypeVar("F", bound=Fault)

FAULTS: dict[str, type[Fault]] = {
    "unauthorized": Unauthorized,
    "rate_limit": RateLimit,
    "server_error": ServerError,
    "short_ack": ShortAck,
    "lost_last_answer": LostLastAnswer,
    "lost_start_answer": LostStartAnswer,
    "drop_midway": DropMidway,
    "expired_session": ExpiredSession,
    "missing_sha256": MissingSha256,
    "missing_checksums": MissingChecksums,
    "flip_byte": FlipByte,
    "storage_full": StorageFull,
    "slow": Slow,
    "down": Down,
    "list_lag": ListLag,
    "revoked": Revoked,
    "answer": Answering,
}
NONE = "none"
"""The name that switches every fault off."""


class Faults:
    """Hold the faults that are on, by name; a new one replaces the old one of its name."""

    def __init__(self) -> None:
        self._on: dict[str, tuple[Fault, Tally]] = {}
        self._changed = asyncio.Event()

    def switch(self, document: Mapping[str, object]) -> None:
        """Read `{"name": ..., ...parameters}`, "none" for all off; raise BadParams."""
        name = document.get("name")
        if name == NONE:
            self._on.clear()
        else:
            kind = choose({**FAULTS, NONE: Down}, name)
            fault = build(kind, {key: value for key, value in document.items() if key != "name"})
            _check_kinds(fault.on)
            self._on[str(name)] = fault, Tally(times=fault.times, every=fault.every)
        self._changed.set()
        self._changed = asyncio.Event()

    def take(self, wanted: type[F], kind: Kind) -> F | None:
        """Give the fault of this type if it strikes a request of this kind, using up a chance."""
        for fault, tally in self._on.values():
            if isinstance(fault, wanted) and _concerns(fault, kind) and tally.strikes():
                return fault
        return None

    def is_down(self) -> bool:
        """Tell whether connections are being reset, without using up a chance."""
        return any(isinstance(f, Down) and not tally.is_spent for f, tally in self._on.values())

    def describe(self) -> list[dict[str, object]]:
        """Give every fault that is on, with how often it struck."""
        return [
            {"name": name, **asdict(fault), "struck": tally.struck, "spent": tally.is_spent}
            for name, (fault, tally) in self._on.items()
        ]

    async def change(self, *, within: float) -> bool:
        """Wait at most `within` seconds for a switch; tell whether it came."""
        return await wait_for_change(self._changed, within=within)


def _concerns(fault: Fault, kind: Kind) -> bool:
    return not fault.on or kind in _kinds(fault.on)


def _kinds(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _check_kinds(text: str) -> None:
    unknown = sorted(set(_kinds(text)) - set(Kind))
    if unknown:
        raise BadParams(f"on: {', '.join(unknown)} is no kind; there are: {', '.join(Kind)}")

"""Name the faults of the Drive, and hold those that are on."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import ClassVar, TypeVar

from standin.faults import FaultCounter, TargetedFault, read_fault
from standin.odd_answer import OddAnswer
from standin.server import Change


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
class DriveFault(TargetedFault):
    """Strikes one request, unless it is told more."""

    kinds: ClassVar[tuple[str, ...]] = tuple(Kind)

    times: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Unauthorized(DriveFault):
    """Answer 401, as to a token that has just run out."""

    on: str = "chunk"


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit(DriveFault):
    """Answer 403 with a `reason`, or 429; with Retry-After if it is not zero."""

    status: int = 403
    reason: str = "userRateLimitExceeded"
    retry_after: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerError(DriveFault):
    """Answer `status` and keep nothing."""

    on: str = "chunk"
    status: int = 503


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortAck(DriveFault):
    """Keep and acknowledge `units` of 256 KiB less of a chunk than was sent."""

    on: str = "chunk"
    units: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class LostLastAnswer(DriveFault):
    """Make the file, then cut the connection."""

    on: str = "chunk"


@dataclass(frozen=True, slots=True, kw_only=True)
class LostStartAnswer(DriveFault):
    """Open the session (or make the folder), then cut the connection."""

    on: str = "start"


@dataclass(frozen=True, slots=True, kw_only=True)
class DropMidway(DriveFault):
    """Cut the connection after `after_bytes` of a chunk; whole units of it are kept."""

    on: str = "chunk"
    after_bytes: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiredSession(DriveFault):
    """Forget the session: 404 now and ever after."""

    on: str = "chunk,query"


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingSha256(DriveFault):
    """Report no sha256 and no sha1 of files made from now on; md5 remains."""

    times: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingChecksums(DriveFault):
    """Report no checksum at all of files made from now on."""

    times: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FlipByte(DriveFault):
    """Spoil a byte in the middle of the next file.

    An `honest` Drive reports the checksum of what it holds; another that of what was sent.
    """

    honest: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageFull(DriveFault):
    """Answer 403 storageQuotaExceeded to whatever would make a file."""

    times: int = 0
    on: str = "create,start"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slow(DriveFault):
    """Wait `seconds` before a request is looked at."""

    times: int = 0
    seconds: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Down(DriveFault):
    """Reset every connection."""

    times: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ListLag(DriveFault):
    """Leave files younger than `seconds` out of lists, as an index does that lags behind."""

    times: int = 0
    on: str = "list"
    seconds: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked(DriveFault):
    """Answer `invalid_grant` to whoever asks for a token, and 401 to every token there is."""

    times: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answering(OddAnswer):
    """Answer requests of the kinds in `on` as nobody should; what is stored is stored first."""

    kinds: ClassVar[tuple[str, ...]] = tuple(Kind)


F = TypeVar("F", bound=TargetedFault)

NONE = "none"
"""The name that switches every fault off."""

FAULTS: dict[str, type[TargetedFault]] = {
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
    NONE: DriveFault,
}


class Faults:
    """Hold the faults that are on, by name; a new one replaces the old one of its name."""

    def __init__(self) -> None:
        self._on: dict[str, tuple[TargetedFault, FaultCounter]] = {}
        self.change = Change()

    def switch(self, document: Mapping[str, object]) -> None:
        """Read `{"name": ..., ...parameters}`, "none" for all off; raise BadParams."""
        name = document.get("name")
        if name == NONE:
            self._on.clear()
        else:
            fault = read_fault(FAULTS, document, named_by="name")
            self._on[str(name)] = fault, FaultCounter(fault)
        self.change.announce()

    def take(self, wanted: type[F], kind: Kind) -> F | None:
        """Give the fault of this type if it strikes a request of this kind, using up a chance."""
        for fault, counter in self._on.values():
            if isinstance(fault, wanted) and fault.concerns(kind) and counter.strikes():
                return fault
        return None

    def is_down(self) -> bool:
        """Tell whether connections are being reset, without using up a chance."""
        return any(isinstance(one, Down) and not count.is_spent for one, count in self._on.values())

    def describe(self) -> list[dict[str, object]]:
        """Give every fault that is on, with how often it struck."""
        return [
            {"name": name, **asdict(fault), "struck": counter.struck, "spent": counter.is_spent}
            for name, (fault, counter) in self._on.items()
        ]

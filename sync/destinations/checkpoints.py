"""What a delivery must know again after a crash, as each destination has it in the journal."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from typing import Self

_ID: Final = re.compile(r"[A-Za-z0-9_-]{10,}\Z")
"""Guards against words that are endpoints of their own, such as `trash`."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One JSON object; each field has a default that stands for "not known"."""

    @property
    def text(self) -> str:
        """Give the checkpoint as it is committed."""
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a checkpoint; what is missing or makes no sense is not known."""
        told = _object(text)
        return cls(
            **{
                one.name: told[one.name]
                for one in fields(cls)
                if isinstance(told.get(one.name), type(one.default))
            }
        )


@dataclass(frozen=True, slots=True)
class DriveCheckpoint(Checkpoint):
    """The reserved id of the file, the open session, the folder; each empty if there is none.

    The session's address is a secret: whoever has it may write the file. It lives in the journal
    and nowhere else. `repairs` is the upload's when this was committed: see `since_repairs`.
    """

    id: str = ""
    session: str = field(default="", repr=False)
    folder: str = ""
    repairs: int = 0

    def since_repairs(self, repairs: int) -> DriveCheckpoint:
        """Leave a session behind that may hold a part of damaged bytes, which were repaired."""
        return self if repairs == self.repairs else replace(self, session="", repairs=repairs)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a checkpoint; one without an id is as good as none."""
        known = super(DriveCheckpoint, cls).parse(text)
        return known if is_id(known.id) else cls()


@dataclass(frozen=True, slots=True)
class TusCheckpoint(Checkpoint):
    """The upload's address over there; `closing`: its last bytes may have arrived.

    `repairs` is the upload's when this was begun: what went there before a repair may be damaged.
    """

    url: str = ""
    closing: bool = False
    repairs: int = 0


@dataclass(frozen=True, slots=True)
class PendingConfirmation(Checkpoint):
    """What a registry accepted, and no look-up has shown yet; `reference` where it gave one."""

    reference: str = ""

    @classmethod
    def told_by(cls, text: str) -> PendingConfirmation | None:
        """Read a checkpoint; None for one that tells of no acceptance."""
        return cls.parse(text) if isinstance(_object(text).get("reference"), str) else None


def _object(text: str) -> dict[str, object]:
    try:
        found = json.loads(text or "null")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def is_id(text: str) -> bool:
    """Tell whether a text can be the id of a file in Drive."""
    return bool(_ID.match(text))

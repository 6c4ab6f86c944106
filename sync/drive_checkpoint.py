"""What a Drive delivery must know again after a crash.

The session's address is a secret: whoever has it may write the file. It lives in the journal and
nowhere else.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field, replace
from typing import Final

_ID: Final = re.compile(r"[A-Za-z0-9_-]{10,}\Z")
"""Guards against words that are endpoints of their own, such as `trash`."""

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,200}\Z")


@dataclass(frozen=True, slots=True)
class DriveCheckpoint:
    """The reserved id of the file, the open session, the folder; each empty if there is none.

    `repairs` is the upload's when this was committed: see `since_repairs`.
    """

    id: str = ""
    session: str = field(default="", repr=False)
    folder: str = ""
    repairs: int = 0

    def since_repairs(self, repairs: int) -> DriveCheckpoint:
        """Leave a session behind that may hold a part of damaged bytes, which were repaired."""
        return self if repairs == self.repairs else replace(self, session="", repairs=repairs)

    @property
    def text(self) -> str:
        """Give the checkpoint as it is committed."""
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, text: str) -> DriveCheckpoint:
        """Read a checkpoint; one that makes no sense is as good as none."""
        try:
            found = json.loads(text or "null")
        except ValueError:
            return cls()
        if not isinstance(found, dict):
            return cls()
        known = {name: found.get(name, "") for name in ("id", "session", "folder")}
        if not all(isinstance(value, str) for value in known.values()) or not is_id(known["id"]):
            return cls()
        repairs = found.get("repairs")
        return cls(**known, repairs=repairs if isinstance(repairs, int) else 0)


def may_name(told: object) -> bool:
    """Tell whether Drive's word for a file can be kept and asked for again."""
    return isinstance(told, str) and bool(_NAME.match(told))


def is_id(text: str) -> bool:
    """Tell whether a text can be the id of a file."""
    return bool(_ID.match(text))

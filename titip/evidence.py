"""What a delivery is believed for: by grade, kept on the row and shown on receipts."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Final


class Evidence(StrEnum):
    """What shows that the destination has the file."""

    NONE = ""
    """Nothing: delivered by a Titip that kept no evidence."""
    STATUS = "status"
    """The registry said yes, and nobody checked."""
    REFERENCE = "reference"
    """The registry gave a reference of its own at the agreed place."""
    PERSON = "person"
    """An operator entered it by hand, or looked."""
    DIGEST = "digest"
    """The destination shows the digest that was sealed."""

    @property
    def words(self) -> str:
        """Say what shows that the destination has the file."""
        return _WORDS[self]

    @property
    def enough(self) -> bool:
        """Tell whether the bytes may go for it: below a reference, a copy must be kept."""
        return self not in {Evidence.NONE, Evidence.STATUS}


_WORDS: Final = {
    Evidence.NONE: "no evidence was kept",
    Evidence.STATUS: "it said yes; nobody checked",
    Evidence.REFERENCE: "it gave this reference",
    Evidence.PERSON: "entered or looked up by an operator",
    Evidence.DIGEST: "it shows this sha256",
}


class Doubt(IntEnum):
    """Whether an attempt may have had its effect although nothing shows it; the larger wins."""

    NONE = 0
    UNHEARD = 1
    """No answer came, or one that tells nothing (408, 409, 5xx): the same key may be repeated."""
    ANSWERED = 2
    """Another answer came, and would come again: only a look-up or a person ends this."""

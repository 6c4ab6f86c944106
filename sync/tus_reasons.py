"""Why a delivery over tus ended, as operators read it."""

from __future__ import annotations

from typing import Final

RESTORED: Final = (
    "needs attention: a backup was restored, or the registry was changed; the file may have "
    "arrived, and cannot be asked for: look there, then titip delivered, or titip resync "
    "--not-there"
)

TAKEN_IN: Final = (
    "needs attention: the upload is gone there after its last bytes had left; it may have been "
    "taken in: look there, then titip delivered, or titip resync --not-there"
)

EMPTY: Final = (
    "needs attention: an empty file may be there, and cannot be asked for: look there, then titip "
    "delivered, or titip resync --not-there"
)

ELSEWHERE: Final = (
    "needs attention: the upload lies at an address that the settings name no more, and its last "
    "bytes may have arrived there: look there, then titip delivered, or titip resync --not-there"
)

ANOTHER: Final = (
    "needs attention: the registry shows another file at this upload's address, after its last "
    "bytes had left: look there, then titip delivered, or titip resync --not-there"
)

SHORT: Final = "the registry takes less of each chunk than it is sent; does a proxy cut them?"

FELL: Final = "the registry goes back behind what it acknowledged, again and again"

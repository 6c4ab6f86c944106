"""What can go wrong while handing in, each with its owner: the network, one file, or everything.

PushError
├── BadOptions       the command itself cannot work
├── Stopped          somebody asked to stop
├── TransientError   it will pass: wait and try again
│   └── NetworkError the connection was cut or fell silent
├── TooLarge         this body is too big for the gateway, or for something before it
├── Gone             the gateway does not know the upload any more
├── Refused          this file cannot be handed in
│   └── DigestMismatch   the gateway holds other bytes
└── FatalError       no file can succeed
    └── StoreTrouble the resume store is broken
"""

from __future__ import annotations


class PushError(Exception):
    """Say in one sentence what went wrong and what to do about it."""


class BadOptions(PushError):
    """Say which option cannot work."""


class Stopped(PushError):
    """Leave at once: somebody asked to stop."""


class TransientError(PushError):
    """Ask for another try, no sooner than `not_before` seconds from now."""

    def __init__(self, sentence: str, *, not_before: float = 0.0) -> None:
        super().__init__(sentence)
        self.not_before = not_before


class NetworkError(TransientError):
    """Tell that the connection could not be made, was cut, or fell silent."""


class TooLarge(PushError):
    """Tell that the body was too large for whoever answered (413)."""


class Gone(PushError):
    """Tell that the upload address is worth nothing any more (403, 404, 410)."""


class Refused(PushError):
    """Give this file up, for the reason said."""


class DigestMismatch(Refused):
    """Tell that the gateway holds other bytes than this machine does."""


class FatalError(PushError):
    """Stop early: every other file would fail for the same reason."""


class StoreTrouble(FatalError):
    """Tell that the resume store cannot be read or written."""


def unreadable(error: OSError) -> str:
    """Say why a file cannot be read."""
    return f"cannot be read: {error.strerror or type(error).__name__}"


MOST_OF_A_REASON = 200
"""Characters of an error's own words that are repeated to a person."""


def unforeseen(error: BaseException) -> str:
    """Say what nobody foresaw, in the words of the error itself."""
    if isinstance(error, MemoryError):
        return "this machine ran out of memory for it"
    try:
        words = str(error).strip()
    except Exception:  # noqa: BLE001 - even its words may fail
        words = ""
    about = f"{type(error).__name__}: {words}" if words else type(error).__name__
    return f"an error that nobody foresaw, please report it ({about[:MOST_OF_A_REASON]})"

"""Secrets that a configuration gives, in words or as `file:PATH`.

A file is read when the secret is used, and again when it changes, so that a key is renewed while
intake goes on. What is read is never shown: not by `repr`, not in a reason, not in a log.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from sync.destinations.credentials.small_file import read_small, signature
from titip.text import decoded, is_unfilled

if TYPE_CHECKING:
    from collections.abc import Callable

    from sync.destinations.credentials.small_file import Signature

log = structlog.get_logger()

MOST: Final = 64 << 10
"""Bytes of such a file; no header could carry more."""

_FILE: Final = re.compile(r"(?:\A|(?<=\s))file:(\S.*)\Z")


class Unfit(ValueError):
    """A file that holds no secret; the text says why, as a sentence goes on after "the file"."""


class SecretText:
    """A text that may end with a secret in a file, as in `Token file:/run/secrets/key`.

    `named` is the part that names the file, as it stands there; empty where there is none. `fault`
    says what is wrong with what the file holds.
    """

    def __init__(self, text: str, *, fault: Callable[[str], str] = lambda _: "") -> None:
        found = _FILE.search(text)
        self.plain = text[: found.start()] if found else text
        self._path = Path(found[1].strip()) if found else None
        self.named = text[found.start() :] if found else ""
        self._fault = fault
        self._held = ""
        self._why = ""
        self._seen: Signature | None = None

    def __repr__(self) -> str:
        """Show nothing of it."""
        return "SecretText()"

    @property
    def is_unfilled(self) -> bool:
        """Tell whether the file's name wants a shell to fill it, which there is none."""
        return self._path is not None and is_unfilled(str(self._path))

    def problem(self) -> str:
        """Say what is wrong with the file; empty where all is well, or where there is none."""
        if self._path is None:
            return ""
        try:
            self._read(self._path)
        except (OSError, ValueError) as error:
            return _why(error)
        return ""

    def lack(self) -> str:
        """Say why there is no secret to send; empty where there is one, or none is wanted."""
        self._look(again=not self._held)
        return "" if self._held or self._path is None else self._why

    @property
    def value(self) -> str:
        """Give the text as it is now."""
        self._look(again=False)
        return self.plain + self._held

    def secret(self) -> str:
        """Give what the file holds, without the words before it."""
        self._look(again=False)
        return self._held

    def renew(self) -> bool:
        """Read the file again, since the secret was refused; tell whether it is another one."""
        before = self._held
        self._look(again=True)
        return self._held != before

    def _look(self, *, again: bool) -> None:
        """Take over what the file holds; a file that is of no use just now changes nothing."""
        if self._path is None:
            return
        try:
            seen = signature(self._path)
            if seen == self._seen and not again:
                return
            self._held, self._seen = self._read(self._path), seen
        except (OSError, ValueError) as error:
            if self._seen is not None:
                log.warning("secret.not_read", reason=_why(error))
            self._seen, self._why = None, _why(error)

    def _read(self, path: Path) -> str:
        """Give the one line that a file holds; raises OSError, ValueError where it is none."""
        try:
            text = decoded(read_small(path, most=MOST)).strip()
        except UnicodeError:
            raise Unfit("holds no line of printable ASCII") from None
        if not text:
            raise Unfit("is empty")
        if not (text.isascii() and text.isprintable()):
            raise Unfit("holds no line of printable ASCII")
        if fault := self._fault(text):
            raise Unfit(f"holds no token; it {fault}")
        return text


def _why(error: Exception) -> str:
    if isinstance(error, Unfit):
        return f"the file of this secret {error}"
    told = getattr(error, "strerror", None) or type(error).__name__
    return f"the file of this secret cannot be read ({told})"

"""Secrets that a configuration gives, in words or as `file:PATH`.

A file is read again when it changes, so that a key is renewed while intake goes on. What is read is
never shown: not by `repr`, not in a reason, not in a log.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import structlog

log = structlog.get_logger()

_FILE: Final = re.compile(r"(?:\A|(?<=\s))file:(\S.*)\Z")

Signature = tuple[int, int, int]


class SecretText:
    """A text that may end with a secret in a file, as in `Token file:/run/secrets/key`.

    `named` is the part that names the file, as it stands there; empty where there is none.
    """

    def __init__(self, text: str) -> None:
        found = _FILE.search(text)
        self._plain = text[: found.start()] if found else text
        self._path = Path(found[1].strip()) if found else None
        self.named = text[found.start() :] if found else ""
        self._held = ""
        self._seen: Signature | None = None

    def __repr__(self) -> str:
        """Show nothing of it."""
        return "SecretText()"

    def problem(self) -> str:
        """Say what is wrong with the file; empty where all is well, or where there is none."""
        if self._path is None:
            return ""
        try:
            held = _usable(self._path)
        except (OSError, ValueError) as error:
            return f"the file of this secret cannot be read ({_why(error)})"
        return "" if held else "the file of this secret holds no line of printable ASCII"

    @property
    def value(self) -> str:
        """Give the text as it is now."""
        self._look(again=False)
        return self._plain + self._held

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
            seen = _signature(self._path)
            if seen == self._seen and not again:
                return
            held = _usable(self._path)
        except (OSError, ValueError) as error:
            if self._seen is not None:
                log.warning("secret.not_read", reason=_why(error))
                self._seen = None
            return
        self._seen = seen
        if held:
            self._held = held


def _signature(path: Path) -> Signature:
    told = path.stat()
    return told.st_ino, told.st_mtime_ns, told.st_size


def _usable(path: Path) -> str:
    """Give the one line that a file holds; empty where it is none that a header can carry."""
    text = path.read_bytes()[:65536].decode("ascii", "replace").strip()
    return text if text.isascii() and text.isprintable() else ""


def _why(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or type(error).__name__)

"""What a person should know of a run besides the fates of the files, each told once."""

from __future__ import annotations

import threading


class Notes:
    """Sentences in the order in which they were first told. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told: dict[str, None] = {}

    def tell(self, sentence: str) -> None:
        """Keep a sentence, unless it is there."""
        with self._lock:
            self._told.setdefault(sentence)

    def all(self) -> tuple[str, ...]:
        """Give every sentence once."""
        with self._lock:
            return tuple(self._told)

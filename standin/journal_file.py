"""Remember what happened across a restart: a JSON object a line, appended, played back at start."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


class JournalFile:
    """An append-only file of JSON lines. A last line that was cut off is dropped at reading."""

    def __init__(self, path: Path, apply: Callable[[dict[str, Any]], None]) -> None:
        """Open `path`, making the file if it is not there, and apply its records, oldest first."""
        self._apply = apply
        _trim(path)
        self._file = path.open("a+", encoding="utf-8")
        self._file.seek(0)
        for line in self._file:
            apply(json.loads(line))

    def append(self, record: dict[str, Any]) -> None:
        """Apply one record, and write it to the operating system, which outlives this process."""
        self._file.write(json.dumps(record, ensure_ascii=False) + "\n")
        self._file.flush()
        self._apply(record)

    def close(self) -> None:
        """Close the file; may be called twice."""
        self._file.close()


def _trim(path: Path) -> None:
    path.touch()
    with path.open("r+b") as file:
        file.truncate(sum(len(line) for line in file if line.endswith(b"\n")))

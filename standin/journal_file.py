"""Remember records across a restart: one JSON object a line, appended, read back at start."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class JournalFile:
    """An append-only file of JSON lines. A last line that was cut off is dropped at reading."""

    def __init__(self, path: Path) -> None:
        """Open `path`, making the file if it is not there."""
        self._path = path
        self._trim()
        self._file = path.open("a", encoding="utf-8")

    def append(self, record: dict[str, Any]) -> None:
        """Write one record through to the operating system, which outlives this process."""
        self._file.write(json.dumps(record, ensure_ascii=False) + "\n")
        self._file.flush()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Give every record, oldest first."""
        with self._path.open(encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)

    def close(self) -> None:
        """Close the file; may be called twice."""
        self._file.close()

    def _trim(self) -> None:
        if not self._path.exists():
            return
        with self._path.open("r+b") as file:
            whole = 0
            for line in file:
                if line.endswith(b"\n"):
                    whole += len(line)
            file.truncate(whole)

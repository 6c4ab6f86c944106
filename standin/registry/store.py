"""Keep what the registry took, in a folder, so that a restart forgets nothing.

The registry is naive unless told otherwise: what comes twice is stored twice, and counted.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, assert_never
from uuid import uuid4

from standin.journal_file import JournalFile


class Repeat(StrEnum):
    """What happens to a hand-in that was stored before."""

    STORE = "store"
    """Naive: store it again and count a duplicate."""
    DEDUPE = "dedupe"
    """Replay the first answer to the same Idempotency-Key."""
    CONFLICT = "conflict"
    """Answer 409 with the first reference to the same key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A body on disk that is not stored yet, and the fields that came with it."""

    path: Path
    sha256: str
    size: int
    idempotency_key: str
    fields: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Give what tells this hand-in from another: the sender's key, or the content."""
        return self.fields.get("key") or self.idempotency_key or self.sha256

    @property
    def is_mismatched(self) -> bool:
        """Tell whether the sender declared another digest than the one of these bytes."""
        declared = self.fields.get("sha256", "").lower()
        return bool(declared) and declared != self.sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One stored hand-in."""

    id: str
    key: str
    idempotency_key: str
    sha256: str
    size: int
    mismatched: bool
    fields: dict[str, str]
    stored_at: str

    @property
    def answer(self) -> dict[str, Any]:
        """Give what the sender is told about this entry."""
        return {
            "id": self.id,
            "sha256": self.sha256,
            "size": self.size,
            "filename": self.fields.get("filename", ""),
            "submitter": self.fields.get("submitter", ""),
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a parcel: the entry that answers for it, and whether it was new."""

    entry: Entry
    outcome: Repeat


class RegistryStore:
    """Entries in the order they came, found by key; bodies in files named by entry."""

    def __init__(self, folder: Path, *, prefix: str, repeat: Repeat) -> None:
        """Open `folder`, reading back what an earlier run stored there."""
        self._files = folder / "files"
        self._incoming = folder / "incoming"
        self._files.mkdir(parents=True, exist_ok=True)
        self._incoming.mkdir(exist_ok=True)
        self._prefix = prefix
        self._repeat = repeat
        self.outcomes: Counter[str] = Counter()
        self._came: Counter[str] = Counter()
        self._entries: list[Entry] = []
        self._by_key: dict[str, list[Entry]] = {}
        self._by_idempotency: dict[str, Entry] = {}
        self._journal = JournalFile(folder / "index.jsonl", self._apply)

    def new_path(self) -> Path:
        """Give a fresh place for a body that is coming in."""
        return self._incoming / uuid4().hex

    def path_of(self, entry: Entry) -> Path:
        """Give the file that holds the body of `entry`."""
        return self._files / entry.id

    def note(self, parcel: Parcel) -> None:
        """Count a body that came to its end, whatever becomes of it."""
        self._came[parcel.sha256] += 1

    def came(self, entry: Entry) -> int:
        """Tell how often the bytes of `entry` came since the start, stored or not."""
        return self._came[entry.sha256]

    def take(self, parcel: Parcel) -> Verdict:
        """Store `parcel`, or find the entry that answers for it. Its file is used up or left."""
        earlier = self._earlier(parcel)
        if earlier is not None:
            self.outcomes[self._repeat.value] += 1
            return Verdict(earlier, self._repeat)
        entry = Entry(
            id=f"{self._prefix}-{len(self._entries) + 1:06d}",
            key=parcel.key,
            idempotency_key=parcel.idempotency_key,
            sha256=parcel.sha256,
            size=parcel.size,
            mismatched=parcel.is_mismatched,
            fields=parcel.fields,
            stored_at=datetime.now(UTC).isoformat(),
        )
        parcel.path.rename(self.path_of(entry))
        self._journal.append(asdict(entry))
        return Verdict(entry, Repeat.STORE)

    def find(self, key: str) -> list[Entry]:
        """Give every entry stored under `key`, oldest first."""
        return self._by_key.get(key, [])

    def __iter__(self) -> Iterator[Entry]:
        """Give every entry, oldest first."""
        return iter(self._entries)

    def __len__(self) -> int:
        """Count the entries."""
        return len(self._entries)

    def stats(self) -> dict[str, int]:
        """Count what a judge asks for."""
        return {
            "received": len(self._entries),
            "distinct": len(self._by_key),
            "duplicates": len(self._entries) - len(self._by_key),
            "same_digest": len(self._entries) - len({one.sha256 for one in self._entries}),
            "bodies": self._came.total(),
            "same_bodies": self._came.total() - len(self._came),
            "bytes": sum(entry.size for entry in self._entries),
            "mismatched": sum(entry.mismatched for entry in self._entries),
            "replayed": self.outcomes[Repeat.DEDUPE],
            "conflicts": self.outcomes[Repeat.CONFLICT],
        }

    def close(self) -> None:
        """Close the index; may be called twice."""
        self._journal.close()

    def _earlier(self, parcel: Parcel) -> Entry | None:
        match self._repeat:
            case Repeat.STORE:
                return None
            case Repeat.DEDUPE:
                return self._by_idempotency.get(parcel.idempotency_key)
            case Repeat.CONFLICT:
                return next(iter(self.find(parcel.key)), None)
            case _:
                assert_never(self._repeat)

    def _apply(self, record: dict[str, Any]) -> None:
        entry = Entry(**record)
        self._entries.append(entry)
        self._by_key.setdefault(entry.key, []).append(entry)
        if entry.idempotency_key:
            self._by_idempotency.setdefault(entry.idempotency_key, entry)

"""What was acknowledged beside what there is: journal, spool, registry, mirror, logs."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from tests.torture.ledger import Ledger, Promise

BAD_EVENTS = ("delivery.bug", "spool.bytes_missing", "upload.damaged", "request.failed")


ENOUGH = ("digest", "reference", "person")


class Belief(Protocol):
    """What is believed of the registry; see tests.torture.far.Far."""

    @property
    def evidence(self) -> str:
        """Give the grade that a delivery must have."""

    def gave(self, locator: str, references: set[str]) -> bool:
        """Tell whether it may have given this reference for a file that has these."""


@dataclass(slots=True)
class Comparison:
    """Complains to the ledger of all that differs; `sealed` are the rows of `/api/uploads`."""

    root: Path
    ledger: Ledger
    sealed: dict[str, dict[str, Any]]
    belief: Belief
    by_hand: set[str] = field(default_factory=set)
    """Uploads whose delivery an operator recorded."""

    def compare(
        self,
        *,
        registry: list[dict[str, Any]],
        drive: list[dict[str, Any]],
        deliveries: list[dict[str, Any]],
    ) -> None:
        """Look at every place.

        The first lists are what the stand-ins say they hold, `deliveries` what the journal says
        was delivered.
        """
        self.journal()
        self.spool()
        self.registry(registry)
        self.drive(drive)
        self.proofs(deliveries, registry)
        self.freed(deliveries)
        self.logs()

    def journal(self) -> None:
        """Is what was acknowledged sealed there, for the right one, and nothing else?"""
        for promise in self.ledger.promises.values():
            row = self.sealed.get(promise.upload)
            if promise.sealed and row is None:
                self._lost(promise, "was acknowledged as sealed and is not")
            if promise.withdrawn and row is not None:
                self.ledger.complain("doubled", f"{promise.upload} was withdrawn and is sealed")
        for upload, row in self.sealed.items():
            known = self.ledger.promises.get(upload)
            owners = self.ledger.owners.get(row["sha256"], set())
            if not owners or (known is not None and known.paper.sha256 != row["sha256"]):
                self.ledger.complain("lost", f"{upload} is sealed with bytes that nobody sent")
            elif row["submitter"] not in ({known.paper.submitter} if known else owners):
                self.ledger.complain("visible", f"{upload} belongs to another submitter")

    def spool(self) -> None:
        """Are the bytes there, of unfinished uploads too?"""
        for upload, row in self.sealed.items():
            if not row["freed_at"] and _digest(self._path(upload)) != row["sha256"]:
                self.ledger.complain("lost", f"{upload}: the spool holds other bytes")
        for promise in self.ledger.promises.values():
            if promise.sealed or promise.withdrawn or not promise.offset:
                continue
            unheard = self.sealed.get(promise.upload)
            if unheard is not None and unheard["freed_at"]:
                continue  # its sender did not hear of the seal; what was freed is compared far away
            if promise.maybe_withdrawn and not self._path(promise.upload).exists():
                continue
            if not self._has_prefix(promise):
                self._lost(promise, f"lacks some of its {promise.offset} acknowledged bytes")

    def registry(self, entries: list[dict[str, Any]]) -> None:
        """Has the registry each of them once, with its bytes?"""
        held = Counter(str(entry["key"]) for entry in entries)
        for upload, count in held.items():
            if upload not in self.sealed:
                self.ledger.complain("doubled", f"{upload} is in the registry and not sealed here")
            elif count > 1:
                when = [str(one["stored_at"]) for one in entries if one["key"] == upload]
                self.ledger.complain("doubled", f"{upload} is in the registry since {when}")
        for upload in self.sealed.keys() - held.keys():
            self.ledger.complain("lost", f"{upload} is not in the registry")
        for entry in entries:
            row = self.sealed.get(str(entry["key"]))
            if row and _digest(Path(str(entry["path"]))) != row["sha256"]:
                self.ledger.complain("lost", f"{entry['key']}: the registry holds other bytes")

    def drive(self, items: list[dict[str, Any]]) -> None:
        """Has the mirror each of them once, with its bytes?"""
        copies = [one for one in items if one["sha256"] and not one["trashed"]]
        uploads = [_upload_of(one) for one in copies]
        for upload, count in Counter(uploads).items():
            if count > 1:
                self.ledger.complain("doubled", f"{upload} is {count} times on the mirror")
        for upload in self.sealed.keys() - set(uploads):
            self.ledger.complain("lost", f"{upload} is not on the mirror")
        for upload, item in zip(uploads, copies, strict=True):
            row = self.sealed.get(upload)
            if row is None or _digest(Path(str(item["path"]))) != row["sha256"]:
                self.ledger.complain("lost", f"{upload}: the mirror holds other bytes")

    def proofs(self, deliveries: list[dict[str, Any]], entries: list[dict[str, Any]]) -> None:
        """Is everything that is called delivered there, and shown by what it is believed for?"""
        references: dict[str, set[str]] = {}
        for entry in entries:
            references.setdefault(str(entry["key"]), set()).add(str(entry["id"]))
        for row in deliveries:
            name, upload = row["destination"], str(row["upload"])
            grade = row["evidence"]
            if name == "registry":
                there = references.get(upload, set())
                wanted = {self.belief.evidence, *(("person",) if upload in self.by_hand else ())}
                if not there:
                    self._unproven(row, "is not there")
                elif not self.belief.gave(row["locator"], there):
                    self._unproven(row, f"names {row['locator']!r}, of {sorted(there)}")
            else:
                wanted = {"digest"}
            if grade not in wanted:
                self._unproven(row, f"is believed for {grade!r}")

    def freed(self, deliveries: list[dict[str, Any]]) -> None:
        """Were bytes let go only where everything owed was delivered, and proved?"""
        proved = {str(one["id"]) for one in deliveries if one["evidence"] in ENOUGH}
        for upload, row in self.sealed.items():
            if row["freed_at"] and f"{upload}.registry" not in proved:
                self.ledger.complain("freed", f"{upload} was freed and nothing shows where it is")

    def logs(self) -> None:
        """Did the programs complain of themselves?"""
        for log in self.root.glob("*.log"):
            for line in log.read_text("utf-8", "replace").splitlines():
                if any(f'"{event}"' in line for event in BAD_EVENTS):
                    self.ledger.complain("answered", f"{log.name}: {line[:400]}")

    def _unproven(self, row: dict[str, Any], what: str) -> None:
        self.ledger.complain("unproven", f"{row['id']} is called delivered and {what}")

    def _lost(self, promise: Promise, what: str) -> None:
        self.ledger.complain("lost", f"{promise.upload} {what}")

    def _path(self, upload: str) -> Path:
        return self.root / "data" / "spool" / upload[:2] / upload

    def _has_prefix(self, promise: Promise) -> bool:
        path = self._path(promise.upload)
        if not path.exists():
            return False
        with path.open("rb") as file:
            return file.read(promise.offset) == promise.paper.content[: promise.offset]


def _digest(path: Path) -> str:
    if not path.exists():
        return "missing"
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def _upload_of(item: dict[str, Any]) -> str:
    properties = item["appProperties"]
    return str(next((value for key, value in properties.items() if "upload" in key.lower()), ""))

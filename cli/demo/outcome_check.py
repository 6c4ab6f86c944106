"""The judge of the demo: every promise against the bytes themselves, wherever they lie."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.demo.files import Source, digest_of
from standin.remote_control import read_entries
from titip.delivery import MIRROR, REGISTRY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cli.demo.environment import Server, Standins
    from client.report import PushReport

KEPT = "kept: the receipt and the spool have the bytes of the source"
MIRRORED = "mirrored: the Drive holds these very bytes, once"
DELIVERED = "delivered: the registry holds these very bytes, once"
PROMISES = (KEPT, MIRRORED, DELIVERED)


@dataclass(frozen=True, slots=True)
class Breach:
    """A promise that was not kept, and for which file."""

    promise: str
    file: str
    found: str


@dataclass(slots=True)
class Judgement:
    """What the judge found."""

    files: int = 0
    size: int = 0
    attempts: int = 0
    mirrored: int = 0
    delivered: int = 0
    duplicates: int = 0
    breaches: list[Breach] = field(default_factory=list)

    @property
    def verified(self) -> int:
        """Count the files about which every promise was kept."""
        return self.files - len({breach.file for breach in self.breaches})

    def kept(self, promise: str) -> int:
        """Count the files about which this promise was kept."""
        return self.files - len({one.file for one in self.breaches if one.promise == promise})


@dataclass(frozen=True, slots=True)
class _Copy:
    """Something that a destination holds: its name there, whose it says it is, and its bytes."""

    locator: str
    upload: str
    path: Path


def judge(
    sources: Sequence[Source], report: PushReport, *, server: Server, there: Standins
) -> Judgement:
    """Read every copy of every file anew, and compare."""
    proofs = {one.path: one.proof for one in report.outcomes if one.proof is not None}
    registry, drive = _registry_copies(there), _drive_copies(there)
    found = Judgement(files=len(sources), size=sum(source.size for source in sources))
    for source in sources:
        proof = proofs.get(source.path)
        if proof is None:
            found.breaches.append(Breach(KEPT, source.path.name, "there is no proof of it"))
            continue
        receipt = server.ask(f"/api/uploads/{proof.upload}/receipt")
        spool = server.settings.storage.path / "spool" / proof.upload[:2] / proof.upload
        found.breaches += [
            *_kept(source, receipt, digest=proof.sha256, spool=spool),
            *_held(source, receipt, MIRROR, copies=drive, promise=MIRRORED),
            *_held(source, receipt, REGISTRY, copies=registry, promise=DELIVERED),
        ]
        upload = server.ask(f"/api/uploads/{proof.upload}")
        found.attempts += sum(one["attempts"] for one in upload["deliveries"])
    found.mirrored, found.delivered = len(drive), len(registry)
    found.duplicates = _repeats(drive) + _repeats(registry)
    return found


def _kept(source: Source, receipt: Mapping[str, Any], *, digest: str, spool: Path) -> list[Breach]:
    digests = {
        "the client's proof says": digest,
        "the receipt says": receipt["sha256"],
        "the spool holds": digest_of(spool),
    }
    return [
        Breach(
            KEPT, source.path.name, f"{what} sha256 {one[:12]}, the file has {source.sha256[:12]}"
        )
        for what, one in digests.items()
        if one != source.sha256
    ]


def _held(
    source: Source,
    receipt: Mapping[str, Any],
    destination: str,
    *,
    copies: Sequence[_Copy],
    promise: str,
) -> list[Breach]:
    """Compare what a destination holds with the source, and with what the receipt says of it."""
    name = source.path.name
    delivery = next(one for one in receipt["deliveries"] if one["destination"] == destination)
    if delivery["state"] != "delivered":
        return [Breach(promise, name, f"its delivery is {delivery['state']}")]
    mine = [copy for copy in copies if copy.upload == receipt["upload"]]
    if [copy.locator for copy in mine] != [delivery["locator"]]:
        return [Breach(promise, name, f"{len(mine)} copies are there, the receipt names one")]
    digest = digest_of(mine[0].path)
    if digest != source.sha256:
        text = f"it holds sha256 {digest[:12]}, the file has {source.sha256[:12]}"
        return [Breach(promise, name, text)]
    return []


def _registry_copies(there: Standins) -> list[_Copy]:
    return [
        _Copy(entry["id"], entry["key"], Path(entry["path"]))
        for entry in read_entries(there.registry)
    ]


def _drive_copies(there: Standins) -> list[_Copy]:
    return [
        _Copy(entry["id"], entry["appProperties"].get("titip_upload", ""), Path(entry["path"]))
        for entry in read_entries(there.drive)
        if entry["path"] and not entry["trashed"]
    ]


def _repeats(copies: Iterable[_Copy]) -> int:
    uploads = [copy.upload for copy in copies]
    return len(uploads) - len(set(uploads))

"""A run: record once, cut often, and report."""

from __future__ import annotations

import asyncio
import shutil
import time
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING

from tests.powercut.checks import losses_of
from tests.powercut.cuts import Cut
from tests.powercut.disks import HERE, Recording, copy_sparse, memory, recorded, wrecked
from tests.powercut.mutant import Mutant
from tests.powercut.promises import Ledger
from tests.powercut.recording import Word, records
from tests.powercut.workload import short_story, story

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.powercut.disks import Disk


KEPT = HERE / ".powercut"
"""Where the recordings lie in which something was lost."""

STARTED_TWICE = 4
"""After every fourth cut a second start must find nothing more to mend."""


@dataclass(frozen=True, slots=True)
class Point:
    """One cut: where in the log, how much of the cache gets through, and the chance's seed."""

    position: int
    cut: Cut
    seed: int


@dataclass(slots=True)
class Report:
    """What a run came to."""

    disk: Disk
    seed: int
    promises: int = 0
    writes: int = 0
    syncs: int = 0
    images: int = 0
    seconds: float = 0.0
    losses: list[str] = field(default_factory=list)
    again: str = ""
    """The command that cuts a kept recording again."""

    def __str__(self) -> str:
        found = "nothing lost" if not self.losses else f"{len(self.losses)} cuts lost something"
        return (
            f"{self.disk:6}  seed {self.seed}  {self.promises} promises, {self.writes} writes and "
            f"{self.syncs} syncs recorded, {self.images} cuts in {self.seconds:.0f} s: {found}"
        )


def run(
    disk: Disk,
    room: Path,
    *,
    seed: int,
    images: int,
    mutant: Mutant = Mutant.NONE,
    keep: Path | None = None,
) -> Report:
    """Record the story on this disk, cut it at `images` points, and report the losses.

    A mutant gets the short story, and the run ends with its first loss. `keep` is where the
    recording goes when something was lost: the gateway's moves are not repeated by a seed alone.
    """
    begun = time.monotonic()
    with memory(room / "memory") as place:
        ledger, recording = _record(disk, place / "recording", seed=seed, mutant=mutant)
        report = cut_often(
            recording, place, seed=seed, images=images, stop_at_first=mutant is not Mutant.NONE
        )
        if report.losses and keep is not None:
            _keep(recording, keep / f"{disk}-{seed}")
            report.again = (
                f"python -m tests.powercut --disk {disk} --seed {seed} "
                f"--images {images} --recording {keep / f'{disk}-{seed}'}"
            )
    report.promises = len(ledger.promises)
    report.seconds = time.monotonic() - begun
    return report


def _keep(recording: Recording, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for file in (recording.image, recording.log, recording.ledger):
        if file.exists():
            copy_sparse(file, folder / file.name)


def _record(disk: Disk, folder: Path, *, seed: int, mutant: Mutant) -> tuple[Ledger, Recording]:
    rng = Random(seed)
    with recorded(disk, folder) as (recording, top):
        ledger = Ledger(recording.position)
        if mutant is Mutant.NONE:
            asyncio.run(story(recording, top, ledger=ledger, rng=rng))
        else:
            asyncio.run(short_story(recording, top, ledger=ledger, rng=rng, mutant=mutant))
        ledger.save(recording.ledger)
    return ledger, recording


def cut_often(
    recording: Recording, place: Path, *, seed: int, images: int, stop_at_first: bool = False
) -> Report:
    """Cut a recording at `images` points, in the order of the log."""
    ledger = Ledger.load(recording.ledger)
    words = [(one.word, one.end) for one in records(recording.log)]
    syncs = [end for word, end in words if word in {Word.SYNC, Word.SYNC_FOLDER}]
    report = Report(recording.disk, seed, len(ledger.promises), len(words) - len(syncs), len(syncs))
    begun = time.monotonic()
    with wrecked(recording, place / "wreck") as wreck:
        for point in points(ledger, [end for _, end in words], syncs, seed=seed, images=images):
            report.images += 1
            lost: list[str] = []
            try:
                with wreck.after(point.position, point.cut, Random(point.seed)) as top:
                    twice = report.images % STARTED_TWICE == 0
                    owed = ledger.owed_at(point.position)
                    lost = asyncio.run(losses_of(top, owed, twice=twice))
            except OSError as error:
                lost = [f"the disk is unfit: {error}"]
            if lost:
                where = f"{recording.disk}, run {seed}, at {point.position} ({point.cut})"
                report.losses.append(f"{where}: {'; '.join(lost[:5])}")
            if lost and stop_at_first:
                break
    report.seconds = time.monotonic() - begun
    return report


def points(
    ledger: Ledger, ends: list[int], syncs: list[int], *, seed: int, images: int
) -> Iterator[Point]:
    """Choose where to cut: at what was said, around each sync, and anywhere, in rising order."""
    rng = Random(seed)
    said = sorted({one.position for one in ledger.promises})
    last = said[-1]
    anywhere = [end for end in ends if end <= last]
    synced = set(syncs)
    around = [before for before, after in pairwise(anywhere) if before in synced or after in synced]
    sources = (said, around, anywhere)
    chosen = [rng.choice(sources[number % len(sources)]) for number in range(images)]
    for number, position in enumerate(sorted(chosen)):
        yield Point(position, list(Cut)[number % len(Cut)], rng.getrandbits(32))

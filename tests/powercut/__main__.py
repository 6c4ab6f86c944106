"""Cut the power very often: `python -m tests.powercut --images 3000 --seed 7`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from random import SystemRandom

from tests.powercut.campaign import KEPT, Report, cut_often, run
from tests.powercut.disks import Disk, Recording, memory, why_not


def torture(disks: list[Disk], *, images: int, seed: int, per_recording: int = 500) -> list[Report]:
    """Record and cut until there were `images` cuts on each disk; prints a line for each run."""
    reports = []
    for disk in disks:
        if reason := why_not(disk):
            print(f"{disk:6}  skipped: {reason}")
            continue
        for begun in range(0, images, per_recording):
            now, count = seed + begun // per_recording, min(per_recording, images - begun)
            with tempfile.TemporaryDirectory(prefix="titip-powercut-") as room:
                report = run(disk, Path(room), seed=now, images=count, keep=KEPT)
            _tell(report)
            reports.append(report)
    return reports


def again(disk: Disk, folder: Path, *, images: int, seed: int) -> Report:
    """Cut a kept recording again: with its seed and number of images, at the same points."""
    with (
        tempfile.TemporaryDirectory(prefix="titip-powercut-") as room,
        memory(Path(room, "memory")) as place,
    ):
        report = cut_often(Recording(disk, folder), place, seed=seed, images=images)
    _tell(report)
    return report


def _tell(report: Report) -> None:
    print(report, flush=True)
    for loss in filter(None, (*report.losses, report.again)):
        print(f"        {loss}")


def main() -> int:
    told = _arguments().parse_args()
    disks = [Disk(told.disk)] if told.disk else list(Disk)
    if told.recording is not None:
        reports = [again(disks[0], told.recording, images=told.images, seed=told.seed)]
    else:
        reports = torture(disks, images=-(-told.images // len(disks)), seed=told.seed)
    lost = sum(len(report.losses) for report in reports)
    print(f"{sum(report.images for report in reports)} cuts, {lost} of them lost something")
    return min(lost, 1)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.powercut",
        description="Record the disk of a gateway under load, cut the power at many points, and "
        "look after each whether all that was acknowledged is there. Needs root.",
    )
    parser.add_argument("--images", type=int, default=3000, help="cuts in all (default 3000)")
    parser.add_argument("--seed", type=int, default=SystemRandom().getrandbits(32))
    parser.add_argument("--disk", choices=[disk.value for disk in Disk], help="one kind only")
    parser.add_argument(
        "--recording", type=Path, metavar="FOLDER", help="cut this kept recording again"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())

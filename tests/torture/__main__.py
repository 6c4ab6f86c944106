"""`python -m tests.torture --seconds 600 --seed 1`: torture Titip and report what came of it."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
from pathlib import Path
from random import SystemRandom

from tests.torture.far import Kind
from tests.torture.run import SENDERS, Plan, torture


def main() -> int:
    """Run; 0 when nothing was lost, doubled, shown, believed unproven or answered badly."""
    plan, folder = _arguments()
    _say(f"Torturing Titip for {plan.seconds:g} s with seed {plan.seed}, in {folder}")
    outcome = asyncio.run(torture(plan, folder))
    _say(outcome.report)
    if outcome.wrong:
        _say(f"{len(outcome.wrong)} promises were broken. Everything is kept in {folder}")
        return 1
    shutil.rmtree(folder)
    _say("Every promise was kept.")
    return 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _arguments() -> tuple[Plan, Path]:
    parser = argparse.ArgumentParser(
        prog="python -m tests.torture",
        description="Kill and freeze Titip at random while many senders hand in over bad lines and "
        "the registry answers anything, then compare every acknowledgement with what there is. "
        "Exit 1 if a promise was broken.",
    )
    parser.add_argument("--seconds", type=float, default=600, help="how long (default: 600)")
    parser.add_argument("--seed", type=int, help="decides what is done; printed (default: random)")
    parser.add_argument("--senders", type=int, default=SENDERS, help=f"(default: {SENDERS})")
    kinds = [one.value for one in Kind]
    parser.add_argument("--registry", choices=kinds, help="(default: the seed decides)")
    parser.add_argument("--folder", type=Path, help="where (default: a temporary folder)")
    given = parser.parse_args()
    seed = SystemRandom().randrange(1 << 32) if given.seed is None else given.seed
    if given.folder:
        given.folder.mkdir(parents=True, exist_ok=True)
    folder = given.folder or Path(tempfile.mkdtemp(prefix="titip-torture-"))
    kind = Kind(given.registry) if given.registry else None
    return Plan(given.seconds, seed, given.senders, kind=kind), folder


if __name__ == "__main__":
    sys.exit(main())

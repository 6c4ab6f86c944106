"""Change the code in many small ways: `python -m tests.mutants --sample 300 --seed 7`."""

from __future__ import annotations

import argparse
import random
import sys
import time
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.mutants.apart import HERE, throw_away_copy, warm_up
from tests.mutants.operators import Mutant, enums_in, mutants_of
from tests.mutants.recording import TESTS, learn
from tests.mutants.trial import Trials

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOMS: Final = ("titip", "storage", "sync", "gateway/protocol")
EXPLAINED: Final = Path(__file__).with_name("explained.toml")


def in_scope(tree: Path) -> list[Path]:
    """List the files that are worth changing."""
    files = (path for room in ROOMS for path in sorted((tree / room).rglob("*.py")))
    return [path for path in files if path.name != "__init__.py"]


def all_mutants(tree: Path) -> tuple[list[Mutant], dict[str, list[str]]]:
    """List every mutant that there is, and the enums."""
    sources = {path: path.read_text() for path in in_scope(tree)}
    words = enums_in(list(sources.values()))
    found = [
        mutant
        for path, source in sources.items()
        for mutant in mutants_of(
            ".".join(path.relative_to(tree).with_suffix("").parts), source, words
        )
    ]
    return found, words


def explained() -> dict[Mutant, str]:
    """Read the mutants that may live, each with its reason."""
    kept = tomllib.loads(EXPLAINED.read_text())["explained"]
    return {Mutant(one["module"], one["function"], one["mutation"]): one["why"] for one in kept}


def main(arguments: Sequence[str]) -> int:
    """Try a sample; exit code 1 when one lives that nobody explained."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--sample", type=int, default=300)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--only", nargs="*", default=["*"], help="names of mutants, with * and ?")
    parser.add_argument(
        "--map", type=Path, default=HERE / ".mutants.json", help="which test reaches what"
    )
    parser.add_argument("--tests", nargs="*", default=TESTS, help="which tests may see it")
    parser.add_argument(
        "--seconds", type=float, default=float("inf"), help="begin none after so long"
    )
    options = parser.parse_args(arguments)
    warm_up()
    with throw_away_copy() as tree:
        mutants, words = all_mutants(tree)
        chosen = [one for one in mutants if any(fnmatch(str(one), pat) for pat in options.only)]
        random.Random(options.seed).shuffle(chosen)
        chosen = chosen[: options.sample]
        print(f"{len(chosen)} of {len(mutants)} mutants, seed {options.seed}", flush=True)
        trials = Trials(tree, learn(tree, options.map, in_scope(tree), options.tests), words)
        return _try(trials, chosen, until=time.monotonic() + options.seconds)


def _try(trials: Trials, chosen: list[Mutant], *, until: float) -> int:
    known = explained()
    killed, told, living = 0, 0, []
    for tried, mutant in enumerate(chosen):
        if tried and not tried % 25:
            print(f"{tried} tried", flush=True)
        if time.monotonic() > until:
            break
        if mutant in known:
            told += 1
        elif trials.survives(mutant):
            living.append(mutant)
            print(f"SURVIVED {mutant}", flush=True)
        else:
            killed += 1
    print(f"{killed} killed, {len(living)} survived, {told} explained")
    return 1 if living else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

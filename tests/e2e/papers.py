"""Folders of files such as an LO has: many small ones, some empty, names in any script."""

from __future__ import annotations

import hashlib
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

NAMES = (
    "surat pernyataan {n}.pdf",
    "KTP-{n:05}.jpg",
    "دعم-{n}.pdf",
    "支持者名单-{n}.xlsx",
    "lampiran 'B.1' \"asli\" {n}.pdf",
    "baris\nbaru {n}.txt",
    "🗳️ dukungan {n}",
)


def papers(folder: Path, number: int, *, seed: int = 1, largest: int = 64 * 1024) -> dict[str, str]:
    """Write so many files and give their digests by path in the folder."""
    rng = Random(seed)
    digests = {}
    for n in range(number):
        name = NAMES[n % len(NAMES)].format(n=n)
        size = 0 if n % 50 == 7 else rng.randrange(1, largest)
        data = rng.randbytes(size)
        path = folder / f"kelurahan-{n % 7}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        digests[str(path.relative_to(folder))] = hashlib.sha256(data).hexdigest()
    return digests

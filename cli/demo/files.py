"""The files that the demo hands in: every size and name that has ever made trouble."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Final

from cli.errors import USAGE_ERROR, CliError
from client.plan import Fault, Item, walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

MIB: Final = 1 << 20
LARGEST: Final = 12 * MIB
"""Of the made-up files: three requests of the client, so that there is a middle to be cut in."""

_NAMES: Final = (
    ("daftar pendukung lengkap.zip", LARGEST),
    ("kosong.txt", 0),
    ("satu bita.bin", 1),
    ("Surat Pernyataan Dukungan - Kelurahan Gabek.pdf", 310_000),
    ("نموذج الدعم.pdf", 120_000),
    ("bukti foto \N{CAMERA}\N{VARIATION SELECTOR-16}.jpg", 700_000),
    ("kata \"kutip\" & 'tunggal' % 100.txt", 4_000),
    ("baris pertama\nbaris kedua.txt", 2_500),
    ("..titik dua..", 333),
    ("peta wilayah.tiff", 5 * MIB),
    ("rekaman rapat.mp4", 3 * MIB + 1),
    ("tepat satu MiB.bin", MIB),
    ("tepat 256 KiB.bin", MIB // 4),
)

_WORDS: Final = [
    "dukungan",
    "pasangan",
    "calon",
    "perseorangan",
    "kelurahan",
    "kecamatan",
    "nama",
    "alamat",
]


@dataclass(frozen=True, slots=True)
class Source:
    """One file as it is before anything happens to it."""

    path: Path
    size: int
    sha256: str


def make_files(folder: Path, *, count: int, seed: int = 1) -> None:
    """Make that many files, the same ones for the same seed."""
    rng = Random(seed)  # noqa: S311 - made-up bytes need no secrecy
    folder.mkdir(parents=True)
    for number in range(count):
        name, size = _named(number, rng)
        (folder / name).write_bytes(_content(name, size, rng))


def sources_of(paths: Sequence[Path]) -> list[Source]:
    """Digest every file under the paths, the largest last; raises CliError for what is none."""
    items: list[Item] = []
    for found in walk(paths):
        if isinstance(found, Fault):
            raise CliError(f"{found.path} {found.reason}.", code=USAGE_ERROR)
        items.append(found)
    if not items:
        raise CliError("There is no file under the given paths.", code=USAGE_ERROR)
    largest = max(item.size for item in items)
    items.sort(key=lambda item: item.size == largest)
    return [Source(item.path, item.size, digest_of(item.path)) for item in items]


def digest_of(path: Path) -> str:
    """Digest the bytes of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _named(number: int, rng: Random) -> tuple[str, int]:
    if number < len(_NAMES):
        return _NAMES[number]
    return f"B.1-KWK {number:05d}.pdf", rng.randint(20_000, 400_000)


def _content(name: str, size: int, rng: Random) -> bytes:
    if name.endswith(".txt"):
        return _fitted(_text(rng), size)
    if name.endswith(".pdf"):
        return _fitted(iter((b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", rng.randbytes(size))), size)
    return rng.randbytes(size)


def _text(rng: Random) -> Iterator[bytes]:
    while True:
        yield f"{' '.join(rng.choices(_WORDS, k=9))}\n".encode()


def _fitted(pieces: Iterator[bytes], size: int) -> bytes:
    made = bytearray()
    while len(made) < size:
        made += next(pieces)
    return bytes(made[:size])

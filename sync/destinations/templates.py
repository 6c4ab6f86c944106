"""Fill what is known of a parcel into the texts that a configuration gives.

`{sha256}` stands for the digest, `{{` and `}}` for braces. How a value is spelt depends on where
it goes: in an address, in a header, or in a field of a form.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from string import Formatter
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from titip.metadata import filename

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from titip.delivery import ClaimedDelivery

PLACEHOLDERS: Final = (
    "sha256",
    "filename",
    "submitter",
    "upload_id",
    "delivery_id",
    "length",
    "sealed_at",
)

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,15}\Z")
_FENCED: Final = re.compile(
    r"(?<!\{{)\{{\{{\s*({0})\s*\}}\}}(?!\}})|\$\{{\s*({0})\s*\}}".format("|".join(PLACEHOLDERS))
)
"""A placeholder as other programs write theirs: it would not be filled in, or not alone."""
_ADVICE: Final = "there are {}; write {{{{ and }}}} for braces".format(
    ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
)

_PLAIN_IN_HEADERS: Final = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")


def facts(parcel: ClaimedDelivery) -> dict[str, str]:
    """Give every placeholder's value; a file without a name goes by its upload's id."""
    upload = parcel.upload
    return {
        "sha256": upload.sha256,
        "filename": filename(upload.metadata) or upload.id,
        "submitter": upload.submitter,
        "upload_id": upload.id,
        "delivery_id": parcel.delivery.id,
        "length": str(upload.size),
        "sealed_at": upload.ended_at.isoformat() if upload.ended_at else "",
    }


def in_url(value: str) -> str:
    """Spell a value as a part of an address; dots alone, which would walk its path, get a mark."""
    spelt = quote(value, safe="", errors="replace")
    return spelt if spelt.strip(".") else f"_{spelt}"


def in_header(value: str) -> str:
    """Spell a value for a header: printable ASCII stays, all else is percent-encoded UTF-8."""
    return quote(value, safe=_PLAIN_IN_HEADERS, errors="replace")


def as_is(value: str) -> str:
    """Leave a value alone."""
    return value


class BadTemplate(ValueError):
    """A text that cannot be filled. It may hold a secret: of it only names are shown."""

    def __init__(self, unknown: Iterable[str] = ()) -> None:
        """Name what of the unknown placeholders looks like a name."""
        named = [f"{{{name}}}" for name in sorted(unknown) if _NAME.match(name)]
        word = f"unknown {', '.join(named)}" if named else "what stands in its braces is unknown"
        super().__init__(f"{word}; {_ADVICE}")

    @property
    def silent(self) -> str:
        """Say what is wrong without a word of the text."""
        return f"what stands in its braces is unknown; {_ADVICE}"


@dataclass(frozen=True, slots=True)
class Template:
    """A text with placeholders; literals and names alternate, each part is one or the other."""

    parts: tuple[tuple[str, str | None], ...]

    @classmethod
    def parse(cls, text: str) -> Template:
        """Read a text; raises BadTemplate that names every placeholder there is not."""
        try:
            found = list(Formatter().parse(text))
        except ValueError as error:
            raise BadTemplate from error
        unknown = {_spelt(*part) for part in found} - set(PLACEHOLDERS) - {""}
        if unknown:
            raise BadTemplate(unknown)
        return cls(tuple((literal, name) for literal, name, _, _ in found))

    @property
    def names(self) -> frozenset[str]:
        """Give the placeholders of the text."""
        return frozenset(name for _, name in self.parts if name is not None)

    def fill(self, known: Mapping[str, str], *, spell: Callable[[str], str]) -> str:
        """Write the text with the values, each spelt by `spell`."""
        return "".join(
            literal + (spell(known[name]) if name is not None else "")
            for literal, name in self.parts
        )


def problems(texts: Iterable[tuple[str, str]]) -> list[str]:
    """Tell what is wrong with the texts, each given with the setting that it comes from.

    Of a header nothing is shown: it may be a key of the registry's.
    """
    wrong: list[str] = []
    for setting, text in texts:
        try:
            Template.parse(text)
        except BadTemplate as error:
            hidden = setting.startswith("registry.headers.")
            wrong.append(f"{setting}: {error.silent if hidden else error}")
        if found := _FENCED.search(text):
            name = found[1] or found[2]
            wrong.append(f"{setting}: write {{{name}}} with one pair of braces and no sign before")
    return wrong


def _spelt(_: str, name: str | None, spec: str | None, conversion: str | None) -> str:
    """Write a placeholder as it stood, so that `{length:>9}` is not taken for `{length}`."""
    if name is None:
        return ""
    return (name or " ") + (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else "")

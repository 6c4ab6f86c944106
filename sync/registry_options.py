"""How a registry is spoken to; checked as a whole, so that one look mends a configuration."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from sync import json_pointer, templates

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
"""A method's or a header's name (RFC 9110, 5.6.2)."""


class BodyKind(StrEnum):
    """How the file travels."""

    MULTIPART = "multipart"
    RAW = "raw"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryOptions:
    """The registry's interface. Texts with placeholders: `url`, `fields`, `headers`, `lookup`.

    `fields` go into the form; a raw body has none. `reference` and `lookup_sha256` are JSON
    pointers. An address left empty means that the registry has no such thing.
    """

    url: str
    method: str = "POST"
    body: BodyKind = BodyKind.MULTIPART
    file_field: str = "file"
    fields: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    bearer: str = field(default="", repr=False)
    accepted: Collection[int] = (200, 201)
    duplicate: Collection[int] = (409,)
    reference: str = ""
    lookup: str = ""
    lookup_sha256: str = ""
    health: str = ""
    connect_within: timedelta = timedelta(seconds=5)
    stalled_after: timedelta = timedelta(seconds=20)
    """How long no slice of the body may leave (smithy's stalled-stream protection: 20 s)."""
    answer_within: timedelta = timedelta(seconds=60)
    """How long the answer may take after the last byte; the wiring gives twice `slow_after`."""
    probe_within: timedelta = timedelta(seconds=5)

    @property
    def idempotent(self) -> bool:
        """Tell whether the registry is told by a key that a file comes again."""
        return any(name.lower() == "idempotency-key" for name in self.headers)

    def check(self) -> None:
        """Raise ValueError that names every problem and its mend."""
        problems = [*self._addresses(), *self._names(), *self._pointers()]
        problems += templates.problems(self._templates())
        if problems:
            raise ValueError("; ".join(problems))

    def _templates(self) -> Iterator[tuple[str, str]]:
        yield "registry.url", self.url
        yield "registry.lookup", self.lookup
        for name, text in self.fields.items():
            yield f"registry.fields.{name}", text
        for name, text in self.headers.items():
            yield f"registry.headers.{name}", text

    def _addresses(self) -> Iterator[str]:
        for name, url in (("url", self.url), ("lookup", self.lookup), ("health", self.health)):
            if (url or name == "url") and not _is_address(url):
                yield f"registry.{name} must be an address like https://registry.example/intake"

    def _names(self) -> Iterator[str]:
        if not _TOKEN.match(self.method):
            yield "registry.method must be an HTTP method, such as POST or PUT"
        if self.body is BodyKind.MULTIPART and not self.file_field:
            yield "registry.file_field must name the part of the form that holds the file"
        for name, text in self.headers.items():
            if not _TOKEN.match(name) or not text.isprintable():
                yield f"registry.headers: {name!r} is no header that can be sent"
        if not self.bearer.isprintable() or not self.bearer.isascii():
            yield "registry.bearer must be one line of ASCII"
        if not self.accepted:
            yield "registry.accepted must list the statuses that mean success, such as [200, 201]"

    def _pointers(self) -> Iterator[str]:
        for name in ("reference", "lookup_sha256"):
            try:
                json_pointer.check(getattr(self, name))
            except ValueError as error:
                yield f"registry.{name}: {error}"
        if self.lookup_sha256 and not self.lookup:
            yield "registry.lookup_sha256 needs registry.lookup, the address that tells the digest"


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)

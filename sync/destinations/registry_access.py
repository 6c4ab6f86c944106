"""How any registry is reached: its address, the credential, the time it is given."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from sync.destinations.credentials.headers import RegistryHeaders
from titip.policies.origins import AddressError, origins

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryAccess:
    """Where a registry is, what lets Titip in, and how long it is waited for."""

    url: str
    bearer: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    origins: Collection[str] = ()
    """Other origins that the registry may lead to; its own is the one of `url`."""
    connect_within: timedelta = timedelta(seconds=5)
    answer_within: timedelta = timedelta(seconds=60)
    """How long the answer may take after the last byte; the wiring gives twice `slow_after`."""
    probe_within: timedelta = timedelta(seconds=5)

    def _connection(self) -> Iterator[str]:
        yield from RegistryHeaders(self.headers, bearer=self.bearer).hopeless()
        for text in self.origins:
            try:
                origins([text])
            except AddressError:
                yield f"registry.origins: write {text!r} like https://files.registry.example"

    def _odd_bearer(self) -> Iterator[str]:
        if not self.bearer.isprintable() or not self.bearer.isascii():
            yield "registry.bearer must be one line of ASCII"

    def _header_templates(self) -> Iterator[tuple[str, str]]:
        for name, text in self.headers.items():
            yield f"registry.headers.{name}", text

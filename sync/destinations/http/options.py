"""How a registry is spoken to; checked as a whole, so that one look mends a configuration."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from sync.destinations import json_pointer, templates
from sync.destinations.http_answer import SUCCESS, AnswerRules
from sync.destinations.registry_access import RegistryAccess
from sync.destinations.templates import BadTemplate, Template
from sync.destinations.transport.addresses import address_problem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

FIRST_STATUS: Final = 100
LAST_STATUS: Final = 599

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
"""A method's or a header's name (RFC 9110, 5.6.2)."""

_FRAMING: Final = frozenset(
    {"connection", "content-length", "expect", "host", "te", "trailer", "transfer-encoding"}
)
"""Headers that tell where a request begins, ends and goes: another value breaks it."""

ONE_FILE: Final = frozenset({"upload_id", "delivery_id", "sha256"})
"""What no two files share."""

ONE_UPLOAD: Final = ONE_FILE - {"sha256"}
"""What no two uploads share: two submitters may hand in the same bytes."""

_THERE: Final = frozenset({*SUCCESS, *range(400, 500)})
"""What may say yes, or that a file is there. A 3xx leads elsewhere, often to a login page."""


class BodyKind(StrEnum):
    """How the file travels."""

    MULTIPART = "multipart"
    RAW = "raw"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryOptions(RegistryAccess):
    """The registry's interface. Texts with placeholders: `url`, `fields`, `headers`, `lookup`.

    `fields` go into the form; a raw body has none. `reference` and `lookup_sha256` are JSON
    pointers. An address left empty means that the registry has no such thing.
    """

    method: str = "POST"
    body: BodyKind = BodyKind.MULTIPART
    file_field: str = "file"
    fields: Mapping[str, str] = field(default_factory=dict)
    accepted: Collection[int] = (200, 201, 204)
    duplicate: Collection[int] = ()
    not_stored: Collection[int] = ()
    """Statuses of which the operator says: after these the file is not there."""
    reference: str = "/id"
    """A JSON pointer, `header:Location`, `header:ETag`, or empty where there is none."""
    reason: str = ""
    lookup: str = ""
    lookup_sha256: str = ""
    lookup_absent: str = ""
    """How a look-up says "not there": empty for 404, else a JSON pointer to what is empty then, or
    the document itself, such as `[]`."""
    trust_status: bool = False
    key_lifetime: timedelta | None = None
    """How long the registry makes one of two under one Idempotency-Key; None: nobody says so."""
    health: str = ""
    stalled_after: timedelta = timedelta(seconds=20)
    """How long no slice of the body may leave (smithy's stalled-stream protection: 20 s)."""

    @property
    def rules(self) -> AnswerRules:
        """Give what concerns its answers."""
        return AnswerRules(
            accepted=self.accepted,
            duplicate=self.duplicate,
            not_stored=self.not_stored,
            reference=self.reference,
            reason=self.reason,
        )

    @property
    def idempotent(self) -> bool:
        """Tell whether the registry is told by a key that a file comes again."""
        return any(name.lower() == "idempotency-key" for name in self.headers)

    def check(self) -> None:
        """Raise ValueError that names every problem and its mend."""
        problems = [*self._addresses(), *self._names(), *self._pointers(), *self._belief()]
        problems += [*templates.problems(self._templates()), *self._connection()]
        problems += _senseless(self)
        if problems:
            raise ValueError("; ".join(problems))

    def _templates(self) -> Iterator[tuple[str, str]]:
        yield "registry.url", self.url
        yield "registry.lookup", self.lookup
        for name, text in self.fields.items():
            yield f"registry.fields.{name}", text
        yield from self._header_templates()

    def _addresses(self) -> Iterator[str]:
        for name, url in (("url", self.url), ("lookup", self.lookup), ("health", self.health)):
            if url and (problem := address_problem(url)):
                yield f"registry.{name} {problem}"
        if not self.url:
            yield "registry.url must be an address like https://registry.example/intake"

    def _names(self) -> Iterator[str]:
        if not _TOKEN.match(self.method):
            yield "registry.method must be an HTTP method, such as POST or PUT"
        if self.body is BodyKind.MULTIPART and not self.file_field:
            yield "registry.file_field must name the part of the form that holds the file"
        for name, text in self.headers.items():
            if not _TOKEN.match(name) or not text.isprintable():
                start = name.partition(":")[0][:40]
                yield f"registry.headers: {start!r} is no header that can be sent"
            elif self._is_framing(name.lower()):
                yield f"registry.headers.{name}: leave it out: it is set for each request"
        yield from self._odd_bearer()
        if not self.accepted:
            yield "registry.accepted must list the statuses that mean success, such as [200, 201]"

    def _is_framing(self, name: str) -> bool:
        is_form = self.body is BodyKind.MULTIPART
        return name in _FRAMING or (is_form and name == "content-type")

    def _pointers(self) -> Iterator[str]:
        for name in ("reference", "reason", "lookup_sha256", "lookup_absent"):
            try:
                _check_place(name, getattr(self, name))
            except ValueError as error:
                yield f"registry.{name}: {error}"
        for name in ("lookup_sha256", "lookup_absent"):
            if getattr(self, name) and not self.lookup:
                yield f"registry.{name} needs registry.lookup, the address that is asked"

    def _belief(self) -> Iterator[str]:
        if self.trust_status and self.lookup_sha256:
            yield (
                "registry.trust_status goes against registry.lookup_sha256: where a digest is "
                "told, only the digest counts; leave one of them out"
            )
        if not (self.reference or self.lookup_sha256 or self.trust_status):
            yield (
                "nothing would ever show that a file arrived: name registry.reference (where an "
                "answer tells the registry's number) or registry.lookup_sha256, or set "
                "registry.trust_status = true to believe a status alone"
            )
        if self.key_lifetime is not None and not self.idempotent:
            yield "registry.key_lifetime needs a header Idempotency-Key in registry.headers"
        if yes := sorted({*self.not_stored} & {*self.accepted, *self.duplicate, *SUCCESS}):
            yield f"registry.not_stored lists {yes[0]}, which says that the file was taken"
        if any(not FIRST_STATUS <= one <= LAST_STATUS for one in self.not_stored):
            yield f"registry.not_stored may list statuses from {FIRST_STATUS} to {LAST_STATUS}"


def _check_place(name: str, place: str) -> None:
    """Raise ValueError for a text that names no place in an answer."""
    if name == "reference" and place.startswith("header:"):
        if place.removeprefix("header:").lower() not in {"location", "etag"}:
            raise ValueError("of the headers only header:Location and header:ETag tell one")
        return
    if name == "lookup_absent" and place and not place.startswith("/"):
        try:
            json.loads(place)
        except (ValueError, RecursionError):
            raise ValueError('write a JSON pointer such as "/results", or "[]"') from None
        return
    json_pointer.check(place)


def _senseless(options: RegistryOptions) -> Iterator[str]:
    """Tell settings that are well written and can never do what they are for."""
    yield from _statuses(options)
    if options.body == "multipart" and options.file_field in options.fields:
        yield (
            f"registry.fields has a field {options.file_field!r}, as registry.file_field calls the "
            "file: rename one of them"
        )
    for name, text in options.headers.items():
        is_key = options.key_lifetime is not None and name.lower() == "idempotency-key"
        if is_key and not _names(text, ONE_UPLOAD):
            yield (
                f"registry.headers.{name} is the same for more than one upload, and "
                "registry.key_lifetime says that the registry makes one of those: write "
                '"{delivery_id}"'
            )


def _statuses(options: RegistryOptions) -> Iterator[str]:
    for status in sorted({*options.accepted} - {*SUCCESS}):
        yield f"registry.accepted lists {status}, which never says yes: only 200 to 299 may"
    for status in sorted({*options.duplicate} - {*_THERE}):
        yield (
            f"registry.duplicate lists {status}, which never says that a file was there already: "
            "only 200 to 299 and 400 to 499 may"
        )
    for status in sorted({*options.duplicate} & {*options.accepted}):
        yield f"registry.duplicate lists {status}, which is accepted too: leave it out of one list"


def _names(text: str, wanted: frozenset[str]) -> bool:
    """Tell whether a text names any of these; what cannot be read is told elsewhere."""
    try:
        return bool(Template.parse(text).names & wanted)
    except BadTemplate:
        return True

"""Settings of a registry that are well written and can never do what they are for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sync.templates import BadTemplate, Template

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sync.registry_options import RegistryOptions

ONE_FILE: Final = frozenset({"upload_id", "delivery_id", "sha256"})
"""What no two files share."""

ONE_UPLOAD: Final = ONE_FILE - {"sha256"}
"""What no two uploads share: two submitters may hand in the same bytes."""

_YES: Final = range(200, 300)
_THERE: Final = frozenset({*_YES, *range(400, 500)})
"""What may say yes, or that a file is there. A 3xx leads elsewhere, often to a login page."""


def senseless(options: RegistryOptions) -> Iterator[str]:
    """Tell each, with what to write instead."""
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
    for status in sorted({*options.accepted} - {*_YES}):
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

"""Settings of a registry that are well written and can never do what they are for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sync.templates import BadTemplate, Template

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sync.registry_options import RegistryOptions

ONE_UPLOAD: Final = frozenset({"upload_id", "delivery_id", "sha256"})
"""What no two uploads share."""
_NAMED: Final = ONE_UPLOAD | {"filename"}
"""What a registry may keep a file under: it may see to it that no name comes twice."""

_YES: Final = range(200, 300)
_NO: Final = range(400, 500)


def senseless(options: RegistryOptions) -> Iterator[str]:
    """Tell each, with what to write instead."""
    yield from _statuses(options)
    if options.body == "multipart" and options.file_field in options.fields:
        yield (
            f"registry.fields has a field {options.file_field!r}, as registry.file_field calls the "
            "file: rename one of them"
        )
    if options.lookup and not _names(options.lookup, _NAMED):
        yield (
            "registry.lookup asks the same for every upload: write {upload_id}, {delivery_id} or "
            "{sha256} where it names the file"
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
        yield f"registry.accepted lists {status}: only a status from 200 to 299 says yes"
    for status in sorted({*options.duplicate} - {*_YES, *_NO}):
        yield (
            f"registry.duplicate lists {status}: only a status from 200 to 299 or from 400 to 499 "
            "says that the file was there already"
        )
    for status in sorted({*options.duplicate} & {*options.accepted}):
        yield f"registry.duplicate lists {status}, which is accepted too: leave it out of one list"


def _names(text: str, wanted: frozenset[str]) -> bool:
    """Tell whether a text names any of these; what cannot be read is told elsewhere."""
    try:
        return bool(Template.parse(text).names & wanted)
    except BadTemplate:
        return True

"""Every statement there is: both specifications, and our own promises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.conformance import (
    draft_older,
    draft_requests,
    draft_uploads,
    ours,
    tus_core,
    tus_creation,
    tus_extensions,
)
from tests.conformance.statement import Specification

if TYPE_CHECKING:
    from tests.conformance.statement import Statement

SPECIFICATIONS: Final = (
    Specification(
        "tus 1.0.0",
        "<https://tus.io/protocols/resumable-upload>, with every extension.",
        ("tus:",),
        (*tus_core.SECTIONS, *tus_creation.SECTIONS, *tus_extensions.SECTIONS),
    ),
    Specification(
        "Resumable Uploads for HTTP, interop version 8",
        "draft-ietf-httpbis-resumable-upload, -09 to -11 and the editor's copy after it.",
        ("draft:",),
        (*draft_uploads.SECTIONS, *draft_requests.SECTIONS),
    ),
    Specification(
        "Resumable Uploads for HTTP, interop version 6",
        "draft-ietf-httpbis-resumable-upload-05, where it asks for something else than 8.",
        ("draft6:",),
        draft_older.SECTIONS,
    ),
    Specification(
        "Titip",
        "What a sender may rely on beyond both.",
        ("titip:",),
        ours.SECTIONS,
    ),
)

ALL: Final[dict[str, Statement]] = {
    one.id: one for specification in SPECIFICATIONS for one in specification.statements
}

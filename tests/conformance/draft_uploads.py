"""Resumable Uploads for HTTP, interop version 8: the upload resource and its state."""

from __future__ import annotations

from typing import Final

from tests.conformance.statement import Section, may, must, must_if, ours, should, stated

_RESOURCE: Final = Section(
    "The upload resource",
    (
        should(
            "draft:resource-unique",
            "Each upload has an address of its own, which is never used again.",
            "128 random bits",
        ),
        stated(
            "draft:resource-kept",
            "A server may remove a complete upload, or keep it for a client that lost the answer.",
            "kept for good: its receipt is there",
        ),
    ),
)

_OFFSET: Final = Section(
    "Offset",
    (
        must("draft:offset-never-back", "The offset never goes back."),
        must(
            "draft:state-lost",
            "If any of an upload's state is lost, the upload is refused from then on.",
            "410 once a start or an append finds fewer bytes than were committed",
        ),
        must(
            "draft:offset-field",
            "An Upload-Offset that is no whole number from 0 up is as good as not there.",
            "a PATCH without a usable one: 400",
        ),
        stated(
            "draft:offset-acknowledges",
            "Upload-Offset in an answer promises that those bytes need never be sent again.",
            "they are on stable storage by then; in a 104 too",
        ),
    ),
)

_COMPLETENESS: Final = Section(
    "Completeness",
    (
        must(
            "draft:complete-field",
            "An Upload-Complete that is neither ?1 nor ?0 is as good as not there.",
        ),
        stated(
            "draft:complete-explicit",
            "An upload is complete when its client says so, not when the offset is the length.",
        ),
        stated("draft:complete-closed", "To a complete upload nothing can be added."),
    ),
)

_LENGTH: Final = Section(
    "Length",
    (
        must(
            "draft:length-field",
            "An Upload-Length that is no whole number from 0 up is as good as not there.",
        ),
        must(
            "draft:length-match",
            "Upload-Length, and offset and Content-Length of a request with ?1, are the same.",
            "400 otherwise",
        ),
        must(
            "draft:length-same",
            "All requests of an upload tell the same length.",
            "400 otherwise",
        ),
        stated(
            "draft:length-problem",
            "A server can use the problem type inconsistent-upload-length.",
            "used in each of these cases",
        ),
    ),
)

_LIMITS: Final = Section(
    "Limits",
    (
        may(
            "draft:limit-enforced",
            "A server may have limits, and tells them in Upload-Limit.",
            "`max-size`; `max-age` where unfinished uploads expire",
        ),
        ours("draft:limit-form", "Upload-Limit is a dictionary of whole numbers."),
        should(
            "draft:limit-steady",
            "Limits do not become tighter during an upload; nor does the end of its life come "
            "nearer.",
            "unless an operator starts Titip with other settings",
        ),
        must(
            "draft:options-limit",
            "OPTIONS without Upload-Complete tells Upload-Limit where uploads can be created.",
        ),
        should(
            "draft:options-star",
            "So does OPTIONS of `*`, if that target is known and all addresses have one limit.",
        ),
        must_if(
            "draft:options-no-limits",
            "Where there is no limit, min-size=0 stands for it.",
            "cannot come up: `max-size` is always set",
        ),
        should(
            "draft:options-honest",
            "An upload has no tighter limits than OPTIONS told.",
        ),
        should(
            "draft:limit-413",
            "A 413 for a limit of the server's own carries Upload-Limit.",
        ),
    ),
)

_CREATION: Final = Section(
    "Upload creation",
    (
        should(
            "draft:creation-104",
            "A new upload is announced by a 104, so that it can be gone on with after a cut.",
            "unless all of its content is here already: then the answer itself comes as soon",
        ),
        must("draft:creation-104-location", "That 104 has Location."),
        must("draft:creation-104-limit", "It has Upload-Limit, if there are limits."),
        stated(
            "draft:creation-whole",
            "With ?1 and all of the content here, the request is answered as any other.",
            "201 with the receipt",
        ),
        must(
            "draft:creation-partial-location",
            "With ?0 and all of the content here, the answer has Location.",
        ),
        must("draft:creation-partial-limit", "It has Upload-Limit, if there are limits."),
        should("draft:creation-partial-201", "It is a 201."),
        must(
            "draft:creation-length-recorded",
            "A length that Upload-Length or ?1 with Content-Length tells is kept.",
        ),
        may(
            "draft:creation-progress",
            "More 104s may tell the offset while the content comes.",
        ),
        must(
            "draft:creation-same-location",
            "Location is the same in every interim and final answer to a request.",
        ),
        should(
            "draft:creation-complete-told",
            "The answer says in Upload-Complete whether it is about the whole file.",
        ),
        should("draft:creation-cut-kept", "Of content that was cut, as much as can be is kept."),
        must("draft:creation-cut-incomplete", "An upload whose content was cut is not complete."),
        ours(
            "draft:creation-empty",
            "A creation without content is good: with ?0 for the address, with ?1 an empty file.",
        ),
        ours(
            "draft:creation-metadata",
            "Content-Type and the file name of Content-Disposition are kept with the upload.",
            "as `filetype` and `filename`, which a tus client sees too; Upload-Metadata goes first",
        ),
    ),
)

_RETRIEVAL: Final = Section(
    "Offset retrieval",
    (
        must("draft:head-offset", "The answer to HEAD or GET has Upload-Offset."),
        must("draft:head-complete", "It has Upload-Complete."),
        must("draft:head-length", "It has Upload-Length, if the client ever told it."),
        must("draft:head-limit", "It has Upload-Limit."),
        should("draft:head-no-store", "It has Cache-Control: no-store."),
        should("draft:head-no-redirect", "It is no 301 and no 302.", "Titip never redirects"),
    ),
)

SECTIONS: Final = (
    _RESOURCE,
    _OFFSET,
    _COMPLETENESS,
    _LENGTH,
    _LIMITS,
    _CREATION,
    _RETRIEVAL,
)

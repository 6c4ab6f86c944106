"""Resumable Uploads for HTTP, interop version 6: only where it asks for something else."""

from __future__ import annotations

from typing import Final

from tests.conformance.statement import Section, may, must, must_if, should, stated

_CREATION: Final = Section(
    "Upload creation",
    (
        should("draft6:creation-begun", "A valid creation begins an upload."),
        should("draft6:creation-104", "A 104 tells that the request can be resumed."),
        must("draft6:creation-location", "The answer has Location: the address of the upload."),
        must("draft6:creation-104-location", "The first 104 has Location."),
        must("draft6:creation-104-once", "Later ones have none."),
        must(
            "draft6:creation-offset",
            "While the upload can be gone on with, the answer has Upload-Offset, also a refusal.",
        ),
        must(
            "draft6:creation-offset-end",
            "That is the end of the whole upload, or the beginning of its next piece.",
        ),
        must(
            "draft6:creation-done",
            "A creation that completes the upload is answered with 2xx, not with "
            "Upload-Complete: ?0.",
            "201",
        ),
        must(
            "draft6:creation-partial",
            "With ?0 and all of the content here: 201 and Upload-Complete: ?0.",
        ),
        must(
            "draft6:creation-sizes",
            "Upload-Length, and Content-Length of a request with ?1, differ: 400.",
        ),
        must("draft6:creation-size-recorded", "A size that was told either way is kept."),
        must(
            "draft6:complete-explicit",
            "An upload is not complete because its offset is its size: its client has to say so.",
        ),
        must("draft6:limit-constant", "The largest size does not change during an upload."),
        must("draft6:creation-cut", "An upload whose content was cut is not complete."),
    ),
)

_INTEROP: Final = Section(
    "Draft version identification",
    (
        must(
            "draft6:104-interop",
            "No 104 where Upload-Draft-Interop-Version is missing or another than ours.",
        ),
        must("draft6:104-interop-told", "A 104 carries Upload-Draft-Interop-Version: 6."),
    ),
)

_RETRIEVAL: Final = Section(
    "Offset retrieval",
    (
        must(
            "draft6:head-fields",
            "HEAD with Upload-Offset, Upload-Complete or Upload-Length is refused with 400.",
        ),
        must("draft6:head-status", "HEAD of an upload that is there: 204 or 200."),
        must("draft6:head-offset", "The answer has Upload-Offset."),
        must(
            "draft6:head-complete",
            "It has Upload-Complete, ?1 only if the upload is complete.",
        ),
        must("draft6:head-length", "It has Upload-Length, if a size was kept."),
        may("draft6:head-limit", "It may have Upload-Limit.", "it has"),
        must("draft6:head-usable", "An append at that offset is taken."),
        must("draft6:head-gone", "HEAD of what is not there, or no longer: 404."),
    ),
)

_APPEND: Final = Section(
    "Upload append",
    (
        must("draft6:append-gone", "PATCH of what is not there, or no longer: 404."),
        must("draft6:append-409", "Another offset than the current one: 409."),
        must("draft6:append-cut", "An upload whose patch was not taken whole is not complete."),
        should(
            "draft6:append-metadata",
            "What the creation said of the file holds for what is appended.",
        ),
        should("draft6:append-alone", "Appends at the same time are avoided."),
        must("draft6:append-104-no-location", "A 104 to a PATCH has no Location."),
        must(
            "draft6:append-offset",
            "While the upload can be gone on with, the answer has Upload-Offset, also a refusal.",
        ),
        must(
            "draft6:append-completed",
            "PATCH of a complete upload changes nothing and is answered with 400.",
        ),
        stated(
            "draft6:append-completed-problem",
            "It may use the problem type completed-upload.",
        ),
        must(
            "draft6:append-done",
            "An append that completes the upload is answered with 2xx, 201 if nothing speaks "
            "against it, and not with Upload-Complete: ?0.",
            "201",
        ),
        must(
            "draft6:append-partial",
            "An append with ?0 is answered with 201 and Upload-Complete.",
            "with ?0: the text says ?1 here, against its own definition of the field, and no "
            "client could go on after that",
        ),
        must(
            "draft6:append-sizes",
            "A size that is not the one that was kept is refused with 400; the first is kept.",
        ),
        must(
            "draft6:append-size-exceeded",
            "A body that goes past the size is not added past it, and is refused with 400.",
        ),
    ),
)

_CANCELLATION: Final = Section(
    "Upload cancellation",
    (
        must(
            "draft6:cancel-fields",
            "DELETE with Upload-Offset or Upload-Complete is refused with 400.",
        ),
        must("draft6:cancel-204", "An upload that was ended: 204."),
        must("draft6:cancel-gone", "DELETE of what is not there, or no longer: 404."),
        must_if(
            "draft6:cancel-405",
            "A server that cannot cancel says 405.",
            "cannot come up: it can",
        ),
    ),
)

_LIMITS: Final = Section(
    "Limits",
    (
        must("draft6:options-limit", "OPTIONS tells Upload-Limit where uploads can be created."),
        must_if(
            "draft6:options-star",
            "Where every address creates uploads, OPTIONS of `*` tells it too.",
            "cannot come up: one address does. It is told all the same",
        ),
        must_if(
            "draft6:options-no-limits",
            "Where there is no limit, min-size=0 stands for it.",
            "cannot come up: `max-size` is always set",
        ),
        must_if(
            "draft6:append-small",
            "A completing append is never refused for being small.",
            "cannot come up: there is no smallest size",
        ),
        should(
            "draft6:limit-expires",
            "The end of an upload's life is told in `expires`, and does not come nearer.",
            "`max-age` is its name to interop version 8",
        ),
    ),
)

_OFFSETS: Final = Section(
    "Offset values and redirection",
    (
        must("draft6:offset-never-back", "The offset never goes back."),
        must(
            "draft6:offset-never-smaller",
            "No answer tells a smaller offset than one before it, a 104 included.",
        ),
        must("draft6:state-lost", "An upload that lost bytes is refused from then on."),
        must("draft6:no-redirect", "HEAD and DELETE are never answered with 301 or 302."),
    ),
)

SECTIONS: Final = (_CREATION, _INTEROP, _RETRIEVAL, _APPEND, _CANCELLATION, _LIMITS, _OFFSETS)

"""Resumable Uploads for HTTP, interop version 8: appending, ending, races, proofs, safety."""

from __future__ import annotations

from typing import Final

from tests.conformance.statement import Section, may, must, should, stated

_APPEND: Final = Section(
    "Upload append",
    (
        stated(
            "draft:append-applied",
            "PATCH of the type application/partial-upload adds its content to the upload.",
        ),
        should(
            "draft:append-cut-kept",
            "Of content that was cut, as much as can be is kept, from its beginning, without gaps.",
        ),
        must("draft:append-cut-incomplete", "The upload is not complete then."),
        must("draft:append-409", "Another offset than the current one is answered with 409."),
        must("draft:append-409-complete", "That 409 says Upload-Complete: ?0."),
        must("draft:append-409-offset", "It has the current offset in Upload-Offset."),
        should(
            "draft:append-final-answer",
            "With ?1 and all of the content here, the answer is the one that the creation in one "
            "request would have had.",
            "the receipt, with 200",
        ),
        must("draft:append-final-complete", "That answer says Upload-Complete: ?1."),
        stated(
            "draft:append-more",
            "With ?0 the answer is a 2xx that says Upload-Complete: ?0.",
            "204; 201 to interop version 6",
        ),
        stated(
            "draft:append-empties",
            "A PATCH with ?1 and without content completes the upload.",
        ),
        stated(
            "draft:append-replayed",
            "A valid append to a complete upload may be given the last answer once more.",
            "it is: the last PATCH sent again finds its receipt",
        ),
        must(
            "draft:append-length-recorded",
            "A length that Upload-Length or ?1 with Content-Length tells is kept.",
        ),
        must(
            "draft:append-length-exceeded",
            "A request that goes past a known length is refused, and the upload with it from then "
            "on.",
            "404 or 410; what came before it is gone too",
        ),
        should("draft:append-progress", "104s tell the offset while the content comes."),
        must("draft:append-progress-no-location", "Those 104s have no Location."),
        should(
            "draft:append-complete-told",
            "The answer says in Upload-Complete whether it is about the whole file.",
        ),
    ),
)

_CANCELLATION: Final = Section(
    "Upload cancellation",
    (
        should(
            "draft:cancel-ends",
            "DELETE puts the upload out of service.",
            "an unfinished one; a sealed one is in custody: 403",
        ),
        should("draft:cancel-ends-requests", "Requests that are under way on it are ended first."),
        should("draft:cancel-no-redirect", "It is answered with no 301 and no 302."),
    ),
)

_CONCURRENCY: Final = Section(
    "Concurrency",
    (
        must(
            "draft:race-safe",
            "Appends and cancellations at the same time lose no byte and corrupt none.",
        ),
        must("draft:race-offset-current", "An offset that is given out is never out of date."),
        must(
            "draft:race-offset-usable",
            "An append at the offset that was given out is taken, if nothing came in between.",
        ),
        should(
            "draft:race-takes-over",
            "A new request ends the one before it on the same upload, and then goes on.",
            "in the draft's dialect HEAD does too; in that of tus it lets one go on that hears its "
            "sender",
        ),
        may("draft:race-abrupt", "The one before may be cut off.", "its bytes are committed first"),
    ),
)

_STATUS_104: Final = Section(
    "Status code 104",
    (
        must(
            "draft:104-not-100",
            "A 104 does not stand for a 100: whoever expects one gets it all the same.",
        ),
        must(
            "draft:104-interop",
            "No 104 where Upload-Draft-Interop-Version is missing or another than ours.",
            "6 and 8 are ours; the header of a request decides",
        ),
        must("draft:104-interop-told", "A 104 carries Upload-Draft-Interop-Version."),
    ),
)

_PROBLEMS: Final = Section(
    "Problem types",
    (
        stated(
            "draft:problem-offset",
            "A 409 can be of the problem type mismatching-upload-offset.",
            "it is",
        ),
        should(
            "draft:problem-offset-members",
            "Such a problem has expected-offset and provided-offset.",
        ),
    ),
)

_CODINGS: Final = Section(
    "Content and transfer codings",
    (
        stated(
            "draft:coding-content",
            "Offset and length count the bytes as Content-Encoding left them.",
            "nothing is decoded",
        ),
        stated(
            "draft:coding-transfer",
            "A transfer coding is taken off before bytes are counted.",
        ),
    ),
)

_DIGESTS: Final = Section(
    "Integrity digests",
    (
        should(
            "draft:digest-whole",
            "A complete upload that is not what Repr-Digest said has failed: it is not processed, "
            "and its client is told.",
            "it is not sealed; what was committed before the last request stays",
        ),
        should(
            "draft:digest-wanted",
            "Whoever sends Want-Repr-Digest gets a digest that was asked for.",
            "sha-256, which each sealed upload has; others are not computed",
        ),
        should("draft:digest-told", "It comes in Repr-Digest once the upload is complete."),
        stated(
            "draft:digest-running",
            "Repr-Digest may come in answers about an unfinished upload too.",
            "not given: it is that of the whole file",
        ),
        should(
            "draft:digest-content",
            "Content that is not what Content-Digest said is not added, and its client is told.",
        ),
    ),
)

_UPGRADE: Final = Section(
    "Upgrading a conventional upload",
    (
        stated(
            "draft:upgrade",
            "A request that would do without, with Upload-Complete: ?1 added, becomes resumable.",
            "POST and PUT",
        ),
    ),
)

_SECURITY: Final = Section(
    "Security",
    (
        should(
            "draft:security-authorised",
            "Only those who are authorised reach an upload.",
            "its submitter, and who holds its secret",
        ),
        should("draft:security-unguessable", "Addresses of uploads are hard to guess."),
        must(
            "draft:security-no-leak", "An address gives nothing internal away.", "random bits only"
        ),
        must(
            "draft:security-metadata",
            "Metadata is checked or cleaned before it is used.",
            "as with tus; a name that no header or path could carry harms nothing",
        ),
        should(
            "draft:security-scanning",
            "Who scans content considers that it comes in pieces.",
            "Titip does not scan; what is behind it is given whole files",
        ),
        should(
            "draft:security-still-allowed",
            "Before an upload is completed, its sender is looked at again.",
            "each request shows a token, or the upload's own secret, which outlives the token: an "
            "operator who minds ends the upload",
        ),
        should(
            "draft:security-slow",
            "Connections and uploads that are kept open with little work are limited.",
            "slow heads and bodies, connections, and unfinished uploads of a submitter",
        ),
    ),
)

SECTIONS: Final = (
    _APPEND,
    _CANCELLATION,
    _CONCURRENCY,
    _STATUS_104,
    _PROBLEMS,
    _CODINGS,
    _DIGESTS,
    _UPGRADE,
    _SECURITY,
)

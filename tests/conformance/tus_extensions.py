"""tus 1.0.0, the other extensions: expiration, checksum, termination, concatenation."""

from __future__ import annotations

from typing import Final

from tests.conformance.statement import Section, may, must, ours, should

_EXPIRATION: Final = Section(
    "Expiration",
    (
        may(
            "tus:expiration-removal",
            "Unfinished uploads may be removed once they expire.",
            "after `gateway.max_unfinished_age` without a byte; a sealed one never expires",
        ),
        must("tus:expiration-announced", "Where they are, `expiration` is in Tus-Extension."),
        must(
            "tus:expiration-patch",
            "Each answer to PATCH has Upload-Expires, if the upload is going to expire.",
            "refusals included, and to HEAD too; no longer once it is sealed",
        ),
        must(
            "tus:expiration-creation",
            "The answer to POST has it, if the moment is known at the creation.",
        ),
        may("tus:expiration-moves", "The moment may change.", "each byte that comes puts it off"),
        must("tus:expiration-date", "Upload-Expires is a date of RFC 9110."),
        should(
            "tus:expiration-gone",
            "Going on with an upload that was removed: 404 or 410.",
        ),
        should("tus:expiration-410", "410 where a server remembers expired uploads.", "it does"),
    ),
)

_CHECKSUM: Final = Section(
    "Checksum",
    (
        must("tus:checksum-announced", "`checksum` is in Tus-Extension."),
        must(
            "tus:checksum-verified",
            "Once all of a body is here, it is compared with its Upload-Checksum.",
        ),
        may("tus:checksum-unknown-400", "An unknown algorithm: 400."),
        may("tus:checksum-mismatch-460", "Another checksum: 460."),
        may("tus:checksum-match-204", "The same checksum: 204."),
        must(
            "tus:checksum-discarded",
            "After a 400 or 460 nothing of the body is kept, and the offset is as it was.",
        ),
        ours(
            "tus:checksum-cut",
            "Nor is anything kept of a body that was cut before it could be compared.",
        ),
        must("tus:checksum-sha1", "sha1 is known."),
        must("tus:checksum-names", "Names of algorithms are ASCII without capitals."),
        must("tus:checksum-options", "OPTIONS tells Tus-Checksum-Algorithm."),
        must(
            "tus:checksum-list",
            "Tus-Checksum-Algorithm lists the algorithms, with commas.",
            "written from the table that the checks run on",
        ),
        must(
            "tus:checksum-header",
            "Upload-Checksum is an algorithm, a space, and the checksum in base64.",
            "400 otherwise, also if it is not as long as the algorithm's",
        ),
        must(
            "tus:checksum-trailer-announced",
            "A server that reads the checksum from a trailer says `checksum-trailer`.",
            "of a body in chunks, whose head announces it with `Trailer: Upload-Checksum`",
        ),
        may(
            "tus:checksum-trailer-compared",
            "The checksum may follow the body, and is compared with it as one before it is.",
        ),
        ours(
            "tus:checksum-trailer-missing",
            "One that was announced and is missing, malformed or unknown: 400, nothing is kept.",
        ),
        ours(
            "tus:checksum-trailer-cut",
            "Nor is anything kept of a body that was cut before the end of its trailer.",
        ),
        ours(
            "tus:checksum-trailer-separate",
            "No trailer field is taken for a header, neither of its own request nor of the next.",
        ),
    ),
)

_TERMINATION: Final = Section(
    "Termination",
    (
        must("tus:termination-announced", "`termination` is in Tus-Extension."),
        must(
            "tus:termination-204",
            "DELETE of an upload is answered with 204 once it was ended.",
            "of an unfinished one; a sealed one is in custody and nobody may end it",
        ),
        should("tus:termination-frees", "What it took up is freed."),
        should("tus:termination-gone", "From then on its address gives 404 or 410.", "410"),
        ours(
            "tus:termination-sealed",
            "DELETE of a sealed upload is refused with 403, and nothing is lost.",
        ),
    ),
)

_CONCATENATION: Final = Section(
    "Concatenation",
    (
        must("tus:concat-announced", "`concatenation` is in Tus-Extension."),
        must(
            "tus:concat-value",
            "Upload-Concat is `partial`, or `final;` and addresses with spaces between.",
            "400 otherwise",
        ),
        must(
            "tus:concat-creation",
            "Upload-Concat is in the creation of partial and final uploads, and in its answer.",
        ),
        should(
            "tus:concat-partial-unprocessed",
            "Partial uploads are not processed by themselves.",
            "they are never sealed and owed to no destination",
        ),
        must("tus:concat-length-sum", "The final upload is as long as its parts together."),
        must("tus:concat-order", "The parts follow one another as the list names them."),
        ours(
            "tus:concat-no-length",
            "A final upload is created without Upload-Length.",
            "400 otherwise",
        ),
        must(
            "tus:concat-unfinished-announced",
            "`concatenation-unfinished` is in Tus-Extension if parts may still be on their way.",
        ),
        may(
            "tus:concat-unfinished-accepted",
            "A final upload may be asked for before its parts are complete.",
            "it is joined once the last of them is",
        ),
        must(
            "tus:concat-metadata-own",
            "The metadata of the parts does not become that of the final upload.",
            "it has what its own creation said",
        ),
        may(
            "tus:concat-parts-deleted",
            "Parts may be deleted once they are joined.",
            "an hour after the seal; one that was never used expires as any unfinished upload",
        ),
        may(
            "tus:concat-parts-reused",
            "A part may come more than once in a list, and in more than one final upload.",
        ),
        must("tus:concat-patch-final-403", "PATCH of a final upload is answered with 403."),
        must(
            "tus:concat-patch-final-untouched",
            "Such a PATCH changes neither the final upload nor its parts.",
        ),
        should(
            "tus:concat-head-unjoined",
            "HEAD of a final upload has no Upload-Offset until it is joined.",
        ),
        must(
            "tus:concat-head-joined",
            "Then it has Upload-Offset and Upload-Length, and they are equal.",
        ),
        must("tus:concat-head-partial", "HEAD of a partial upload has Upload-Offset."),
        must(
            "tus:concat-head-length",
            "HEAD has Upload-Length if the length of the final file can be told.",
        ),
        must(
            "tus:concat-head-echo",
            "HEAD of a partial or final upload has Upload-Concat as it was at the creation.",
        ),
        may("tus:concat-urls", "The addresses of the parts may be absolute or relative.", "both"),
    ),
)

SECTIONS: Final = (_EXPIRATION, _CHECKSUM, _TERMINATION, _CONCATENATION)

"""tus 1.0.0, the core protocol: what it asks of a server."""

from __future__ import annotations

from typing import Final

from tests.conformance.statement import Section, may, must, must_if, ours, should

_HEADERS: Final = Section(
    "Core: headers",
    (
        must("tus:core-implemented", "A server speaks the whole core protocol."),
        must(
            "tus:core-offset-number",
            "Upload-Offset is a whole number from 0 up, in both directions.",
            "anything else in a request: 400",
        ),
        must(
            "tus:core-length-number",
            "Upload-Length is a whole number from 0 up, in both directions.",
            "anything else in a request: 400",
        ),
        must(
            "tus:core-version-list",
            "Tus-Version lists the known versions, with commas, the preferred one first.",
            "`1.0.0` is the only one",
        ),
        must(
            "tus:core-resumable-everywhere",
            "Tus-Resumable is in every response but to OPTIONS, and names the version spoken.",
            "to OPTIONS too; errors and addresses that do not exist below /files included",
        ),
        ours(
            "tus:core-resumable-missing",
            "A request without Tus-Resumable is refused as one of another version.",
            "412; save what is recognised as another dialect, and GET, which is plain HTTP",
        ),
        must("tus:core-version-412", "A version the server does not know is answered with 412."),
        must("tus:core-version-412-lists", "That 412 carries Tus-Version."),
        must(
            "tus:core-version-412-unprocessed",
            "A request of an unknown version is not processed.",
            "it is refused before its token is looked at and before a byte of its body is read",
        ),
        must("tus:core-extension-list", "Tus-Extension lists the extensions, with commas."),
        must_if(
            "tus:core-extension-none",
            "Without any extension there is no Tus-Extension.",
            "cannot come up: creation is always offered",
        ),
        must("tus:core-max-size-number", "Tus-Max-Size is a whole number of bytes from 0 up."),
        should("tus:core-max-size-set", "A server with a hard limit tells it in Tus-Max-Size."),
        must(
            "tus:core-override",
            "X-HTTP-Method-Override is taken for the request's method.",
        ),
        must(
            "tus:core-override-actual-ignored",
            "The actual method of a request that has X-HTTP-Method-Override does not count.",
        ),
    ),
)

_HEAD: Final = Section(
    "Core: HEAD",
    (
        must(
            "tus:core-head-offset",
            "The answer to HEAD has Upload-Offset, also at 0 and of a complete upload.",
        ),
        must("tus:core-head-length", "It has Upload-Length where the length is known."),
        should(
            "tus:core-head-missing",
            "HEAD of what is not there: 404, 410 or 403, without Upload-Offset.",
            "404; 410 of an upload that was withdrawn or has expired",
        ),
        should("tus:core-head-status", "A HEAD that worked is answered with 200 or 204.", "200"),
        must("tus:core-head-no-store", "The answer to HEAD has Cache-Control: no-store."),
    ),
)

_PATCH: Final = Section(
    "Core: PATCH",
    (
        should(
            "tus:core-patch-applied",
            "PATCH is taken at every upload's address, and its bytes stand at the given offset.",
        ),
        should(
            "tus:core-patch-type",
            "A PATCH of another type than application/offset+octet-stream is answered with 415.",
            "an encoded body too: its bytes would not be those of the offset",
        ),
        must(
            "tus:core-offset-conflict",
            "An offset that is not the current one: 409, and the upload is left alone.",
            "with the right one in Upload-Offset",
        ),
        ours(
            "tus:core-patch-pieces",
            "A sender may send all the rest in one PATCH, or many small ones.",
        ),
        must("tus:core-patch-204", "A PATCH that worked is answered with 204."),
        must("tus:core-patch-offset", "That answer carries the new offset in Upload-Offset."),
        must(
            "tus:core-patch-offset-sum",
            "The new offset is the old one and the bytes of this PATCH that are kept.",
        ),
        should("tus:core-patch-missing", "PATCH of what is not there: 404."),
        should(
            "tus:core-network-errors",
            "A server notices faults of the network, and does the same thing each time.",
            "what came is committed and the upload let go",
        ),
        may(
            "tus:core-timeouts",
            "It may look for socket errors, and set timeouts for reading and writing.",
            "30 s without a byte, or fewer than 256 a second over a minute",
        ),
        should("tus:core-timeout-closes", "A timeout closes the connection."),
        should("tus:core-store-most", "A server keeps as much of what it received as it can."),
    ),
)

_OPTIONS: Final = Section(
    "Core: OPTIONS",
    (
        must(
            "tus:core-options-version",
            "OPTIONS is answered with 204 or 200, with Tus-Version.",
            "200: some old browsers fail a preflight on 204",
        ),
        may("tus:core-options-rest", "It may tell Tus-Extension and Tus-Max-Size.", "both"),
        must("tus:core-options-ignores", "Tus-Resumable is ignored in an OPTIONS request."),
    ),
)

SECTIONS: Final = (_HEADERS, _HEAD, _PATCH, _OPTIONS)

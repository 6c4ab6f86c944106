"""What Titip promises a sender beyond the specifications."""

from __future__ import annotations

from typing import Final

from tests.conformance.statement import Section, ours

_EVERY_ANSWER: Final = Section(
    "Every request",
    (
        ours(
            "titip:resumable-on-errors",
            "Tus-Resumable is on errors of the framework and of unknown addresses too.",
        ),
        ours("titip:options-everywhere", "OPTIONS is answered at every address without a token."),
        ours(
            "titip:extensions-computed",
            "Tus-Extension names what the store and the settings can do, from what there is.",
        ),
        ours("titip:problems", "Each refusal is a problem of RFC 9457 that says what to do."),
        ours("titip:fuzz", "No headers at all lead to a 5xx or to a hang: good, or a 4xx problem."),
        ours(
            "titip:heads-fit",
            "Metadata and lists of parts of 60 KiB fit; what does not is told 431.",
        ),
        ours(
            "titip:refused-body-closes",
            "A large body that is refused is not read: the connection closes after the answer.",
        ),
        ours("titip:cors-exposed", "A page of an allowed origin may read every header we send."),
        ours("titip:cors-sendable", "It may send every header that a client of ours needs."),
        ours("titip:cors-origins", "A page of another origin may read nothing."),
        ours("titip:location-public", "Location is built on `gateway.public_url`, where set."),
        ours(
            "titip:location-forwarded",
            "Otherwise on the forwarded headers of trusted proxies, and of nobody else.",
        ),
        ours("titip:dialects", "Each request is answered in the dialect it speaks, on one store."),
    ),
)

_CUSTODY: Final = Section(
    "Bytes",
    (
        ours(
            "titip:offset-stable",
            "Upload-Offset covers what is on stable storage, wherever it is told.",
        ),
        ours("titip:length-413", "Nothing of a body that goes past the length is kept beyond it."),
        ours("titip:cut-keeps", "A cut at any byte keeps what came before it."),
        ours(
            "titip:race-safe",
            "Two clients on one upload lose no byte, and none gets where it does not belong.",
        ),
        ours("titip:takeover", "A new request takes over from a dead one within a second."),
        ours("titip:takeover-saves", "What the dead one brought is saved first."),
        ours("titip:head-harmless", "HEAD does not harm a PATCH that hears its sender."),
        ours("titip:head-never-5xx", "HEAD of an upload never answers 5xx, whatever happens."),
        ours(
            "titip:own-only",
            "Nobody but its submitter reads an upload, adds to it, ends it, or learns of it.",
        ),
        ours(
            "titip:key-once", "A creation sent again under its Idempotency-Key begins no new one."
        ),
    ),
)

_SECRET: Final = Section(
    "A secret for each upload",
    (
        ours("titip:secret-given", "A creation hands out a secret, in a header and in a cookie."),
        ours("titip:secret-opens", "With it, HEAD and PATCH of that upload need no valid token."),
        ours("titip:secret-only-that", "It opens no other upload, and no other request."),
        ours("titip:secret-dies", "It ends with its upload."),
        ours("titip:secret-digest", "Only its digest is kept."),
    ),
)

_WHOLE: Final = Section(
    "The whole file",
    (
        ours(
            "titip:plain-receipt",
            "POST or PUT of a file that says nothing of resumption: 201, and the receipt.",
        ),
        ours("titip:plain-whole", "Such a body counts whole or not at all."),
        ours("titip:plain-name", "The last part of a PUT's address is the file's name."),
        ours(
            "titip:proof-declared",
            "A sender declares the file's SHA-256 in metadata `sha256` or in Repr-Digest.",
        ),
        ours(
            "titip:proof-refused",
            "A file that is another one is not sealed; what was committed before stays.",
        ),
        ours("titip:proof-told", "Repr-Digest is in every answer about a sealed upload."),
    ),
)

_JOINING: Final = Section(
    "Joining parts",
    (
        ours("titip:concat-own-parts", "Only the same submitter's parts can be joined."),
        ours("titip:concat-once", "A final upload asked for again is the one that was begun."),
        ours(
            "titip:concat-shares",
            "Joining takes no second copy where the file system can share extents.",
        ),
        ours("titip:concat-aside", "Joining holds up no other upload."),
        ours("titip:concat-goes-on", "A start goes on with what was not joined yet."),
    ),
)

_CLIENTS: Final = Section(
    "Stock clients, with cuts on the way",
    (
        ours("titip:client-tuspy", "tuspy"),
        ours("titip:client-aiotus", "aiotus"),
        ours("titip:client-resumable-upload", "resumable-upload"),
        ours("titip:client-tus-js-node", "tus-js-client in Node"),
        ours("titip:client-tus-js-browser", "tus-js-client in headless Chromium"),
        ours("titip:client-uppy", "@uppy/tus"),
        ours("titip:client-curl", "curl: creation with upload, and `curl -T` of a plain file"),
        ours("titip:client-104", "a draft client that reads 104s, and one that does not"),
    ),
)

SECTIONS: Final = (_EVERY_ANSWER, _CUSTODY, _SECRET, _WHOLE, _JOINING, _CLIENTS)

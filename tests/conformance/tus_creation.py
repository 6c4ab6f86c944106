"""tus 1.0.0, the extensions that begin an upload: creation, a deferred length, first bytes."""

from __future__ import annotations

from typing import Final

from tests.conformance.statement import Section, may, must, ours, should

_CREATION: Final = Section(
    "Creation",
    (
        should("tus:creation-implemented", "A server offers creation."),
        must("tus:creation-announced", "Where it does, `creation` is in Tus-Extension."),
        ours(
            "tus:creation-length-needed",
            "A creation tells Upload-Length or Upload-Defer-Length: 1, and not both.",
            "400 otherwise; a final upload of a concatenation tells neither",
        ),
        must(
            "tus:creation-metadata-grammar",
            "Upload-Metadata is a list, with commas, of keys and values with a space between.",
            "400 otherwise; an empty header is none, as a stock client sends it",
        ),
        must("tus:creation-metadata-key", "A key is not empty and has no space and no comma."),
        should(
            "tus:creation-metadata-ascii", "A key is ASCII.", "400 otherwise; printable ASCII only"
        ),
        must("tus:creation-metadata-base64", "A value is base64.", "400 otherwise"),
        must("tus:creation-metadata-unique", "No key comes twice.", "400 otherwise"),
        may(
            "tus:creation-metadata-empty",
            "A value may be empty, and then the space before it may be left out.",
        ),
        should(
            "tus:creation-metadata-checked",
            "Values are checked or cleaned before they are used in headers.",
            "echoed in base64 as given; a file name is encoded before it is put into a header, "
            "and never used as a path",
        ),
        may(
            "tus:creation-metadata-used",
            "A server may ignore metadata, use it, or refuse an upload for it.",
            "`filename`, `name`, `filetype` and `sha256` are used; the rest is kept and echoed",
        ),
        must(
            "tus:creation-metadata-echo",
            "HEAD of an upload with metadata gives Upload-Metadata as it was at the creation.",
            "to the byte, but for spaces around it",
        ),
        may(
            "tus:creation-empty",
            "Upload-Length may be 0: such an upload is complete once it is created.",
            "sealed in that commit",
        ),
        must("tus:creation-too-large", "A length over the maximum is answered with 413."),
        must("tus:creation-201", "A creation that worked is answered with 201."),
        must("tus:creation-location", "Location in that answer is the address of the upload."),
        may(
            "tus:creation-location-form",
            "Location may be absolute or relative.",
            "absolute: some clients fail on a relative one",
        ),
    ),
)

_DEFERRED: Final = Section(
    "Creation: a deferred length",
    (
        must("tus:defer-announced", "`creation-defer-length` is in Tus-Extension."),
        must("tus:defer-value", "Upload-Defer-Length is always `1`."),
        should("tus:defer-value-400", "Another value is answered with 400."),
        must(
            "tus:defer-omitted", "It is left out of answers about an upload whose length is known."
        ),
        must(
            "tus:defer-head",
            "While the length is unknown, each answer to HEAD has Upload-Defer-Length: 1.",
        ),
        must(
            "tus:defer-measured",
            "The length may come in Upload-Length of a later PATCH.",
            "of any later PATCH, also an empty one; a body that leaves it unknown is taken in too",
        ),
        must("tus:defer-fixed", "A length that was set is not changed.", "400 otherwise"),
        ours(
            "tus:defer-too-short",
            "A length below what is here already, or above the maximum, is refused.",
        ),
    ),
)

_WITH_UPLOAD: Final = Section(
    "Creation with upload",
    (
        must("tus:with-upload-announced", "`creation-with-upload` is in Tus-Extension."),
        must("tus:with-upload-needs-creation", "It is offered only where creation is offered too."),
        ours(
            "tus:with-upload-type",
            "The body of such a POST is application/offset+octet-stream.",
            "415 otherwise",
        ),
        must(
            "tus:with-upload-offset",
            "The answer carries Upload-Offset: the offset with the bytes that were taken.",
            "also when the body was cut",
        ),
        should("tus:with-upload-most", "A server takes as many bytes as it can."),
        ours(
            "tus:with-upload-rules",
            "The body follows the rules of PATCH: not past the length, and whole under a checksum.",
        ),
        ours(
            "tus:with-upload-continue",
            "Expect: 100-continue is answered once the headers are found good.",
            "a refusal comes before the body is sent",
        ),
    ),
)

SECTIONS: Final = (_CREATION, _DEFERRED, _WITH_UPLOAD)

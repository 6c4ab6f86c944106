"""tus 1.0 as a pure function: headers to a command. Its answers are in `tus_responses.py`.

Nothing here reads a body, a clock or a disk. Whatever the headers hold, `parse` gives a command
or raises ProtocolViolation, and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.protocol import checksum, digest_fields
from gateway.protocol.commands import (
    Append,
    BodyHeaders,
    Create,
    Fetch,
    Inspect,
    Terminate,
    bad_request,
    creation_key,
    integer_header,
    single_header,
    size_of_body,
)
from gateway.protocol.errors import ProtocolViolation
from gateway.protocol.problems import NO_METHOD, TOO_LARGE, WRONG_TYPE, WRONG_VERSION
from titip import concat, metadata
from titip.upload import PART

if TYPE_CHECKING:
    from gateway.protocol.checksum import Checksum
    from gateway.protocol.commands import Command, Fields
    from titip.upload import UploadId

VERSION: Final = "1.0.0"
BODY_TYPE: Final = "application/offset+octet-stream"


def effective_method(method: str, fields: Fields) -> str:
    """Give the method that is meant: X-HTTP-Method-Override stands for any but OPTIONS.

    With that one browsers ask what they may send, and there is nothing else to be meant.
    """
    meant = single_header(fields, "X-HTTP-Method-Override")
    return method if meant is None or method == "OPTIONS" else meant.strip().upper()


def parse(method: str, fields: Fields, *, item: bool) -> Command:
    """Read the command; `item` tells an upload's own address from the one that creates them.

    `method` is the effective one. Raises ProtocolViolation.
    """
    if method == "GET" and item:
        return Fetch()
    if single_header(fields, "Tus-Resumable") != VERSION:
        raise ProtocolViolation(WRONG_VERSION)
    match method, item:
        case "POST", False:
            return _create(fields)
        case "PATCH", True:
            return _append(fields)
        case "HEAD", True:
            return Inspect()
        case "DELETE", True:
            return Terminate()
        case _:
            allowed = "HEAD, PATCH, DELETE, GET, OPTIONS" if item else "POST, PUT, OPTIONS"
            raise ProtocolViolation(NO_METHOD.with_headers({"Allow": allowed}))


def _create(fields: Fields) -> Create:
    told = single_header(fields, "Upload-Concat")
    try:
        joining = None if told is None else concat.parse(told)
    except concat.BadConcat as error:
        raise bad_request(f"Upload-Concat: {error}") from error
    header, pairs = _metadata(fields)
    body = _body(fields)
    if isinstance(joining, concat.FinalUpload):
        return _final(fields, body, header, parts=joining.parts, sha256=_sha256(fields, pairs))
    length = _length(fields)
    if body.size != 0:
        _plain_bytes(fields)
    if body.size is not None and length is not None and body.size > length:
        raise ProtocolViolation(TOO_LARGE.because("The body is longer than its Upload-Length"))
    return Create(
        length,
        header,
        None if body.size == 0 else body,
        key=creation_key(fields),
        concat="" if joining is None else PART,
        sha256="" if joining is not None else _sha256(fields, pairs),
    )


def _final(
    fields: Fields, body: BodyHeaders, header: str, *, parts: tuple[UploadId, ...], sha256: str
) -> Create:
    for name in ("Upload-Length", "Upload-Defer-Length"):
        if single_header(fields, name) is not None:
            raise bad_request(f"{name} does not go with Upload-Concat: final, whose parts tell it")
    if body.size != 0:
        raise bad_request("What is joined from parts has no body of its own")
    key = creation_key(fields) or concat.join_key(parts, header)
    told = single_header(fields, "Upload-Concat") or ""
    return Create(None, header, None, key=key, concat=told.strip(), parts=parts, sha256=sha256)


def _length(fields: Fields) -> int | None:
    length = integer_header(fields, "Upload-Length")
    deferred = single_header(fields, "Upload-Defer-Length")
    if deferred is not None and deferred != "1":
        raise bad_request("Upload-Defer-Length may only be 1")
    if length is None and deferred is None:
        raise bad_request(
            "Upload-Length is missing: tell the length of the file, or Upload-Defer-Length"
        )
    if length is not None and deferred is not None:
        raise bad_request("Upload-Length and Upload-Defer-Length do not go together")
    return length


def _append(fields: Fields) -> Append:
    _plain_bytes(fields)
    offset = integer_header(fields, "Upload-Offset")
    if offset is None:
        raise bad_request("Upload-Offset is missing: ask for it with HEAD")
    return Append(offset, _body(fields), length=integer_header(fields, "Upload-Length"))


def _body(fields: Fields) -> BodyHeaders:
    size, told = size_of_body(fields), _checksum(fields)
    if not _follows(fields):
        return BodyHeaders(size, told or digest_fields.content_digest(fields))
    if told is not None:
        raise bad_request("Upload-Checksum is either a header or a trailer field, not both")
    if size is not None:
        raise bad_request("Trailer fields follow a body in chunks: send Transfer-Encoding: chunked")
    return BodyHeaders(size, trailed=True)


def trailed_checksum(trailer: Fields | None) -> Checksum:
    """Read the checksum that was to follow its body; raises ProtocolViolation if none did."""
    told = None if trailer is None else _checksum(trailer)
    if told is None:
        raise bad_request(
            "Upload-Checksum was announced as a trailer field, and none came after the body"
        )
    return told


def _checksum(fields: Fields) -> Checksum | None:
    given = single_header(fields, "Upload-Checksum")
    try:
        return None if given is None else checksum.parse(given)
    except checksum.BadChecksum as error:
        raise bad_request(str(error)) from error


def _follows(fields: Fields) -> bool:
    """Tell whether the checksum is announced as a trailer field (RFC 9110, 6.6.2)."""
    announced = ",".join(fields.getall("Trailer", ())).lower().split(",")
    return "upload-checksum" in (name.strip() for name in announced)


def _plain_bytes(fields: Fields) -> None:
    media_type = (single_header(fields, "Content-Type") or "").partition(";")[0].strip().lower()
    coding = (single_header(fields, "Content-Encoding") or "identity").strip().lower()
    if media_type != BODY_TYPE or coding != "identity":
        raise ProtocolViolation(WRONG_TYPE)


def _metadata(fields: Fields) -> tuple[str, dict[str, bytes]]:
    header = (single_header(fields, "Upload-Metadata") or "").strip()
    try:
        return header, metadata.parse(header)
    except metadata.BadMetadata as error:
        raise bad_request(f"Upload-Metadata: {error}") from error


def _sha256(fields: Fields, pairs: dict[str, bytes]) -> str:
    """Give what the sender says that the whole digests to, in hex; empty where it says nothing."""
    declared = digest_fields.declared_sha256(fields)
    named = _hex_of(pairs["sha256"]) if "sha256" in pairs else ""
    if declared and named and declared != named:
        raise bad_request("Repr-Digest and the sha256 of Upload-Metadata are not the same")
    return declared or named


def _hex_of(value: bytes) -> str:
    """Read a digest that came as 64 hex digits, or as the bytes themselves."""
    if len(value) == _SHA256_BYTES:
        return value.hex()
    text = value.decode("ascii", "replace").strip().lower()
    if len(text) == 2 * _SHA256_BYTES and set(text) <= _HEX:
        return text
    raise bad_request("sha256 of Upload-Metadata must be a SHA-256, in hex or as its 32 bytes")


_SHA256_BYTES: Final = 32
_HEX: Final = frozenset("0123456789abcdef")

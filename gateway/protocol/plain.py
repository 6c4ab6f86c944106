"""A whole file in one plain request, as `curl -T` sends it, and what HTTP says of a file.

Pure. The file is the body, taken whole or not at all. Its name is in Content-Disposition (RFC
6266), or is the last part of the address of a PUT; its type is in Content-Type.
"""

from __future__ import annotations

from email.message import Message
from email.utils import collapse_rfc2231_value
from typing import TYPE_CHECKING

from gateway.protocol import digest_fields
from gateway.protocol.commands import BodyHeaders, Create, creation_key, single_header, size_of_body
from titip import metadata
from titip.upload import Completion

if TYPE_CHECKING:
    from gateway.protocol.commands import Fields


def parse(fields: Fields, *, name: str = "") -> Create:
    """Read the creation; `name` is what the address calls the file. Raises ProtocolViolation."""
    size = size_of_body(fields)
    body = BodyHeaders(size, digest_fields.content_digest(fields), whole=True)
    return Create(
        size,
        described(fields, name=name),
        None if size == 0 else body,
        key=creation_key(fields),
        sha256=digest_fields.declared_sha256(fields),
        closing=Completion.NOW,
    )


def described(fields: Fields, *, name: str = "") -> str:
    """Say as Upload-Metadata what the fields of HTTP say of a file; raises ProtocolViolation."""
    told = {
        "filename": disposed_name(single_header(fields, "Content-Disposition") or "") or name,
        "filetype": (single_header(fields, "Content-Type") or "").strip(),
        "contentencoding": (single_header(fields, "Content-Encoding") or "").strip(),
    }
    return metadata.render(
        {key: text.encode("utf-8", "replace") for key, text in told.items() if text}
    )


def disposed_name(header: str) -> str:
    """Give the file name of Content-Disposition, or an empty text.

    The one in `filename*` (RFC 8187) comes first; of a path only the last part counts (RFC 6266,
    4.3). Bytes that are no text are question marks.
    """
    message = Message()
    message["Content-Disposition"] = header.encode("utf-8", "replace").decode("utf-8")
    told = [
        value
        for key, value in message.get_params([], "Content-Disposition")
        if key.lower() == "filename"
    ]
    told.sort(key=lambda value: isinstance(value, str))
    name = collapse_rfc2231_value(told[0]) if told else ""
    return name.replace("\\", "/").rpartition("/")[2].strip()

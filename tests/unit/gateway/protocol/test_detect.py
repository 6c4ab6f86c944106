"""Which protocol a request speaks, and what a plain one says of its file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from gateway.protocol import plain
from gateway.protocol.commands import BodyHeaders, Create
from gateway.protocol.detect import Dialect, dialect_of
from gateway.protocol.errors import ProtocolViolation
from titip import metadata
from titip.upload import Completion

SIZED = {"Content-Length": "3"}


def spoken(method, headers=()):
    return dialect_of(method, CIMultiDict(headers))


@pytest.mark.holds("titip:dialects")
@pytest.mark.parametrize(
    ("method", "headers", "dialect"),
    [
        ("POST", {"Tus-Resumable": "1.0.0"}, Dialect.TUS),
        ("POST", {"Tus-Resumable": "0.2", "Upload-Complete": "?1"}, Dialect.TUS),
        ("POST", {"Upload-Complete": "?1"}, Dialect.DRAFT),
        ("HEAD", {"Upload-Draft-Interop-Version": "8"}, Dialect.DRAFT),
        ("PATCH", {"Upload-Draft-Interop-Version": "nonsense"}, Dialect.DRAFT),
        ("POST", SIZED, Dialect.PLAIN),
        ("POST", {"Transfer-Encoding": "chunked"}, Dialect.PLAIN),
        ("PUT", SIZED | {"Content-Type": "text/plain"}, Dialect.PLAIN),
        ("PUT", {"Content-Length": "0"}, Dialect.PLAIN),
        ("PUT", {}, Dialect.PLAIN),
        ("POST", {}, Dialect.TUS),
        ("POST", {"Content-Length": "0"}, Dialect.TUS),
        ("POST", SIZED | {"Upload-Length": "3"}, Dialect.TUS),
        ("POST", SIZED | {"upload-metadata": ""}, Dialect.TUS),
        ("PUT", SIZED | {"Tus-Version": "1.0.0"}, Dialect.TUS),
        ("POST", SIZED | {"Content-Type": "application/offset+octet-stream"}, Dialect.TUS),
        ("POST", SIZED | {"Content-Type": "Multipart/form-data; boundary=x"}, Dialect.TUS),
        ("PATCH", SIZED, Dialect.TUS),
        ("HEAD", {}, Dialect.TUS),
        ("GET", {}, Dialect.TUS),
        ("DELETE", {}, Dialect.TUS),
    ],
)
def test_each_request_speaks_one_dialect(method, headers, dialect):
    assert spoken(method, headers) is dialect


@given(
    method=st.sampled_from(["POST", "PUT", "PATCH", "HEAD"]),
    headers=st.lists(
        st.tuples(
            st.sampled_from(["Content-Length", "Content-Type", "Transfer-Encoding", "X"]),
            st.text(max_size=20),
        )
    ),
)
def test_any_headers_speak_something(method, headers):
    assert spoken(method, headers) in Dialect


# ---------------------------------------------------------------- a plain file


def test_a_plain_body_is_a_whole_file():
    command = plain.parse(CIMultiDict(SIZED), name="a.pdf")

    assert command == Create(
        3,
        metadata.render({"filename": b"a.pdf"}),
        BodyHeaders(3, whole=True),
        closing=Completion.NOW,
    )


def test_a_plain_body_need_not_tell_its_size():
    command = plain.parse(CIMultiDict({"Transfer-Encoding": "chunked"}))

    assert command == Create(None, "", BodyHeaders(None, whole=True), closing=Completion.NOW)


def test_an_empty_file_has_no_body():
    assert plain.parse(CIMultiDict()) == Create(0, "", None, closing=Completion.NOW)


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("", ""),
        ("inline", ""),
        ("inline; name=x", ""),
        ("inline; filename=a.pdf", "a.pdf"),
        ('attachment; FILENAME="a \\"b\\"; c.pdf"', 'a "b"; c.pdf'),
        ("inline; filename=plain; filename*=UTF-8''%e2%82%ac", "€"),
        ("inline; filename*=UTF-8''%e2%82%ac; filename=plain", "€"),
        ("inline; filename*=iso-8859-1'en'%a3", "£"),
        ("inline; filename*=nonsense''%a3", "£"),
        ("inline; filename*=UTF-8'a", "UTF-8'a"),
        ("inline; filename=naïve.pdf", "naïve.pdf"),
        ("inline; filename=../../etc/passwd", "passwd"),
        ('inline; filename="C:\\\\papers\\\\a.pdf"', "a.pdf"),
        ('inline; filename="/"', ""),
        ("inline; filename=\udc80\x80.pdf", "?\x80.pdf"),
        ("\udc80\x80", ""),
    ],
)
def test_the_name_is_read_as_rfc_6266_has_it(header, name):
    assert plain.disposed_name(header) == name


def test_a_name_in_a_header_goes_before_the_address():
    fields = CIMultiDict({"Content-Disposition": "inline; filename=b.pdf"})

    assert plain.described(fields, name="a.pdf") == metadata.render({"filename": b"b.pdf"})


def test_two_dispositions_are_one_too_many():
    fields = CIMultiDict([("Content-Disposition", "inline"), ("Content-Disposition", "inline")])

    with pytest.raises(ProtocolViolation):
        plain.parse(fields)


@pytest.mark.holds("draft:security-metadata")
@given(
    disposition=st.text(max_size=60)
    | st.binary(max_size=40).map(lambda raw: raw.decode("utf-8", "surrogateescape"))
    | st.text(max_size=40).map(lambda text: f"inline; filename{text}")
    | st.text(max_size=40).map(lambda text: f"inline; filename*{text}"),
    media_type=st.text(max_size=20),
    name=st.text(max_size=20),
)
def test_whatever_a_file_is_called_the_metadata_can_be_read(disposition, media_type, name):
    fields = CIMultiDict({"Content-Disposition": disposition, "Content-Type": media_type})

    header = plain.described(fields, name=name)

    assert set(metadata.parse(header)) <= {"filename", "filetype"}
    assert "/" not in metadata.filename(header) or "/" in name

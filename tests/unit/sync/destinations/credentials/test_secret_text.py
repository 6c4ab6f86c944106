import os
import socket
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.destinations.credentials.headers import RegistryHeaders
from sync.destinations.credentials.secret_text import SecretText
from sync.destinations.drive.credentials import read_credentials
from sync.destinations.folder.disk import digest_file
from titip.errors import DestinationUnavailable


@pytest.fixture
def path(tmp_path):
    there = tmp_path / "key"
    there.write_text("k1\n", "utf-8")
    return there


def test_a_text_without_a_file_is_itself():
    for text in ("", "plain", "profile:x", "see file: x", "xfile:/y"):
        assert SecretText(text).value == text
        assert SecretText(text).problem() == ""
        assert not SecretText(text).renew()


def test_a_file_is_read_and_read_again_when_it_changes(path):
    secret = SecretText(f"Token file:{path}")
    assert secret.value == "Token k1"

    path.write_text("another\n", "utf-8")
    assert secret.value == "Token another"

    replacement = path.with_name("new")
    replacement.write_text("renamed", "utf-8")
    replacement.replace(path)
    assert secret.value == "Token renamed"


def test_the_secret_alone_is_what_the_file_holds_now(path):
    secret = SecretText(f"Token file:{path}")
    assert secret.secret() == "k1"

    path.write_text("another\n", "utf-8")
    assert secret.secret() == "another"

    path.unlink()
    assert secret.secret() == "another"
    assert SecretText("Token k1").secret() == ""


def test_a_change_that_leaves_no_mark_is_seen_when_it_is_asked_for(path):
    secret = SecretText(f"file:{path}")
    assert secret.value == "k1"
    before = path.stat()
    with path.open("r+b") as file:
        file.write(b"k2")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert secret.value == "k1"
    assert secret.renew()
    assert secret.value == "k2"
    assert not secret.renew()


NO_USE = {
    "nothing": (b"", "is empty"),
    "blanks": (b" \n\n", "is empty"),
    "a mark alone": (b"\xef\xbb\xbf", "is empty"),
    "two lines": (b"two\nlines", "holds no line"),
    "other letters": ("caf\u00e9".encode(), "holds no line"),
    "a NUL": (b"a\x00b", "holds no line"),
    "no text": (b"k\xff", "holds no line"),
    "half of UTF-16": (b"\xff\xfek", "holds no line"),
    "more than any header": (b"k" * 65537, "larger than 64 KiB"),
}


@pytest.mark.parametrize("name", NO_USE)
def test_a_file_of_no_use_leaves_the_last_one_in_use(path, name):
    content, told = NO_USE[name]
    secret = SecretText(f"file:{path}")
    assert secret.value == "k1"

    path.write_bytes(content)
    assert told in SecretText(f"file:{path}").problem()
    assert told in SecretText(f"file:{path}").lack()
    assert secret.value == "k1"
    assert not secret.lack()

    path.unlink()
    assert "No such file" in SecretText(f"file:{path}").problem()
    assert secret.value == "k1"


@pytest.mark.parametrize("name", [*NO_USE, "no file"])
def test_a_secret_that_was_never_there_is_lacking_until_it_is(path, name):
    path.unlink()
    if name in NO_USE:
        path.write_bytes(NO_USE[name][0])
    secret = SecretText(f"file:{path}")
    assert secret.lack()
    assert secret.lack() == SecretText(f"file:{path}").problem()

    path.write_text("k2", "utf-8")

    assert not secret.lack()
    assert secret.value == "k2"


@pytest.mark.parametrize(
    ("mark", "coding"),
    [
        (b"\xef\xbb\xbf", "utf-8"),
        (b"\xff\xfe", "utf-16-le"),
        (b"\xfe\xff", "utf-16-be"),
        (b"", "utf-8"),
    ],
)
def test_a_file_that_an_editor_on_windows_wrote_is_read(path, mark, coding):
    path.write_bytes(mark + "k3\r\n".encode(coding))

    assert SecretText(f"file:{path}").value == "k3"


@pytest.fixture(params=["a pipe", "a device without end", "a folder", "a socket", "a large file"])
def odd(request, tmp_path):
    there = tmp_path / "odd"
    match request.param:
        case "a pipe":
            os.mkfifo(there)
        case "a device without end":
            there.symlink_to("/dev/zero")
        case "a folder":
            there.mkdir()
        case "a socket":
            with socket.socket(socket.AF_UNIX) as sock:
                sock.bind(str(there))
        case _:
            with there.open("wb") as file:
                file.truncate(8 << 30)
    return there


def test_what_would_block_or_never_end_is_not_read(odd):
    tracemalloc.start()
    try:
        assert "cannot be read" in SecretText(f"file:{odd}").lack()
        with pytest.raises(ValueError, match=r"^mirror\.drive\.credentials: .*cannot be read"):
            read_credentials(odd)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_a_copy_that_is_no_file_holds_no_thread_up(tmp_path):
    os.mkfifo(tmp_path / "copy")

    with pytest.raises(OSError, match="no regular file"):
        digest_file(tmp_path / "copy", int)


def test_nothing_is_put_into_a_request_while_a_secret_is_not_there(path):
    headers = RegistryHeaders({"X-Key": f"Token file:{path}", "X-File": "{sha256}"}, bearer="b")
    path.write_text("", "utf-8")
    for ask in (headers.sending, headers.asking):
        with pytest.raises(
            DestinationUnavailable, match=r"^registry\.headers\.X-Key: .* is empty$"
        ) as caught:
            ask({"X-Key": f"Token file:{path}"})
        assert caught.value.outage
    with pytest.raises(DestinationUnavailable):
        headers.of_no_file()

    path.write_text("k2", "utf-8")

    assert headers.of_no_file() == {"Authorization": "Bearer b", "X-Key": "Token k2"}


def test_a_problem_names_the_setting_and_never_the_secret(path):
    path.write_text("s3cret\nline", "utf-8")
    headers = RegistryHeaders({"X-Key": f"file:{path}"}, bearer="file:/nowhere/at/all")

    problems = list(headers.problems())

    assert [one.partition(":")[0] for one in problems] == [
        "registry.bearer",
        "registry.headers.X-Key",
    ]
    assert "s3cret" not in f"{problems} {headers!r} {SecretText(f'file:{path}')!r}"


def test_a_configured_authorization_takes_the_place_of_the_bearer():
    headers = RegistryHeaders({"authorization": "Token 1"}, bearer="b")

    assert headers.of_no_file() == {"authorization": "Token 1"}


@given(st.text(max_size=40))
def test_any_text_is_a_secret_text(text):
    assert isinstance(SecretText(text).value, str)

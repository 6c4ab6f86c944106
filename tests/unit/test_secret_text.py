import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.registry_headers import RegistryHeaders
from sync.secret_text import SecretText


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


@pytest.mark.parametrize(
    "content", [b"", b"two\nlines", b"\xff\xfe", "caf\u00e9".encode(), b"a\x00b"]
)
def test_a_file_of_no_use_leaves_the_last_one_in_use(path, content):
    secret = SecretText(f"file:{path}")
    assert secret.value == "k1"

    path.write_bytes(content)
    assert "holds no line" in SecretText(f"file:{path}").problem()
    assert secret.value == "k1"

    path.unlink()
    assert "No such file" in SecretText(f"file:{path}").problem()
    assert secret.value == "k1"


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

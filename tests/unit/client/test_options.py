from __future__ import annotations

import pytest

from client.errors import BadOptions
from client.options import Patience, PushOptions
from client.transfer.server_info import token_mark


@pytest.mark.parametrize(
    ("typed", "endpoint"),
    [
        ("https://titip.example", "https://titip.example/files/"),
        (" https://titip.example/ ", "https://titip.example/files/"),
        ("http://127.0.0.1:8080/files/", "http://127.0.0.1:8080/files/"),
        ("https://example.org/titip/", "https://example.org/titip/files/"),
    ],
)
def test_the_gateway_may_be_named_with_or_without_its_path(typed, endpoint):
    assert PushOptions(server=typed).endpoint == endpoint


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "titip.example",
        "ftp://x",
        "https://",
        "https://x:port",
        "https://u:p@x",
        "https://x?a=b",
        "http://a..b",
        "http://.a",
        f"http://{'a' * 70}.example",
        f"http://{'a.' * 127}example",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:0",
        "http://exa mple.org",
        "http://[fe80::1",
        "http://[zz::1]",
        "http://titip.example/a b",
        "http://titip.example/\udcff",
        "http://user:pw@titip.example",
        "http://@titip.example",
    ],
)
def test_an_address_that_cannot_work_is_refused_with_an_example(typed):
    with pytest.raises(BadOptions, match=r"https://titip\.example"):
        PushOptions(server=typed)


@pytest.mark.parametrize("token", ["a b", "a\n", "a\r\nX: y", "é"])
def test_a_token_that_cannot_be_sent_is_refused(token):
    with pytest.raises(BadOptions, match="token"):
        PushOptions(server="https://x", token=token)


@pytest.mark.parametrize(
    "wrong", [{"parallel": 0}, {"parallel": 99}, {"patience": Patience(give_up_after=-1)}]
)
def test_numbers_that_cannot_work_are_refused(wrong):
    with pytest.raises(BadOptions):
        PushOptions(server="https://x", **wrong)


def test_the_token_is_not_shown():
    assert "secret" not in repr(PushOptions(server="https://x", token="titip_a_secret"))


def test_tokens_are_told_apart_without_keeping_them():
    assert token_mark("titip_abc_secret") == "abc"
    assert token_mark("") == "open"
    assert token_mark("whatever") not in {"whatever", token_mark("other")}

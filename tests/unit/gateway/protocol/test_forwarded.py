"""At what address senders see the gateway: only trusted proxies are believed."""

import re
import string
from ipaddress import ip_network
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from multidict import CIMultiDict

from gateway.protocol.forwarded import base_url

PROXY = "10.0.0.7"
TRUSTED = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
NAMES = (
    "Forwarded",
    "X-Forwarded-Proto",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
)
ORIGIN = re.compile(
    r"https?://([a-z0-9_](?:[a-z0-9_.-]*[a-z0-9.])?|\[[0-9a-f:.]+\])(:[0-9]{1,5})?"
    r"(/[A-Za-z0-9._~-]+)*"
)


def seen(*headers, peer=PROXY, scheme="http", host="inside:8080", public_url=""):
    fields = CIMultiDict([("Host", host), *headers])
    return base_url(fields, peer=peer, scheme=scheme, trusted=TRUSTED, public_url=public_url)


OURS = "http://inside:8080"


@pytest.mark.parametrize(
    ("headers", "address"),
    [
        ([], OURS),
        ([("X-Forwarded-Proto", "https")], "https://inside:8080"),
        ([("x-forwarded-PROTO", "HTTPS"), ("X-Forwarded-Host", "Titip.Example")],
         "https://titip.example"),
        ([("X-Forwarded-Host", "titip.example:8443")], "http://titip.example:8443"),
        ([("X-Forwarded-Host", "[2001:DB8::1]:8443")], "http://[2001:db8::1]:8443"),
        ([("X-Forwarded-Host", "forged.example, titip.example")], "http://titip.example"),
        ([("X-Forwarded-Host", "forged.example"), ("X-Forwarded-Host", "titip.example")],
         "http://titip.example"),
        ([("X-Forwarded-Host", "titip.example"), ("X-Forwarded-Port", "8443")],
         "http://titip.example:8443"),
        ([("X-Forwarded-Host", "titip.example:1"), ("X-Forwarded-Port", "8443")],
         "http://titip.example:1"),
        ([("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "titip.example"),
          ("X-Forwarded-Port", "443")], "https://titip.example"),
        ([("X-Forwarded-Host", "titip.example"), ("X-Forwarded-Port", "99999")],
         "http://titip.example"),
        ([("X-Forwarded-Host", "titip.example"), ("X-Forwarded-Prefix", "/in/Take/")],
         "http://titip.example/in/Take"),
        ([("X-Forwarded-Prefix", "/../x")], OURS),
        ([("X-Forwarded-Prefix", "//evil.example")], OURS),
        ([("X-Forwarded-Prefix", "x")], OURS),
    ],
)  # fmt: skip
def test_the_headers_of_most_proxies(headers, address):
    assert seen(*headers) == address


@pytest.mark.parametrize(
    ("header", "address"),
    [
        ("proto=https;host=titip.example", "https://titip.example"),
        ('Proto=HTTPS; Host="titip.example:8443"', "https://titip.example:8443"),
        ("host=titip.example:8443", "http://titip.example:8443"),
        ('for="[2001:db8::17]:4711";host="[2001:db8::1]"', "http://[2001:db8::1]"),
        (r'host="titip\.example"', "http://titip.example"),
        ('by="a,b;c";host=titip.example', "http://titip.example"),
        (";;host=titip.example;", "http://titip.example"),
        ("host=forged.example, for=192.0.2.1;host=titip.example", "http://titip.example"),
        ("host=titip.example;proto=https, for=10.0.0.8;host=inner", "https://titip.example"),
        ('host=titip.example, for="[fd00::2]", for=unknown;proto=https',
         "https://inside:8080"),
        ("host=titip.example, for=10.0.0.8:81;proto=https", "https://titip.example"),
        ("host=one.example;host=two.example", OURS),
        ('host="titip.example', OURS),
        ("host titip.example", OURS),
        ("host=", OURS),
    ],
)  # fmt: skip
def test_the_header_of_rfc_7239(header, address):
    assert seen(("Forwarded", header)) == address


def test_several_lines_are_one_header():
    assert seen(("Forwarded", "host=forged.example"), ("Forwarded", "proto=https")) == (
        "https://inside:8080"
    )


@pytest.mark.parametrize(
    "host",
    [
        "a b", "a/b", "a@b", "a\r\nX: y", "a\0", "a\tb", "münchen.example", "", ".", "-a", "a-",
        "a:", "a:0", "a:65536", "a:b", "[::1", "[1.2.3.4]", "[::g]", "::1", "a?b", "a#b", "a\\b",
        "a%41", "a\n", "x" * 300,
    ],
)  # fmt: skip
def test_what_is_no_host_is_never_repeated(host):
    assert seen(("X-Forwarded-Host", host)) == OURS
    assert seen(host=host) == ""


@pytest.mark.parametrize("scheme", ["", "ftp", "javascript", "https://", "http s", "wss"])
def test_an_unknown_scheme_is_not_believed(scheme):
    assert seen(("X-Forwarded-Proto", scheme)) == OURS


def test_headers_that_contradict_each_other_do_not_count():
    assert seen(
        ("Forwarded", "host=forged.example;proto=https"),
        ("X-Forwarded-Host", "titip.example"),
        ("X-Forwarded-Proto", "https"),
    ) == ("https://inside:8080")  # fmt: skip


def test_what_was_set_beats_all():
    headers = [("X-Forwarded-Host", "titip.example")]

    assert seen(*headers, public_url="https://public.example/in/") == "https://public.example/in"


@pytest.mark.parametrize("peer", ["10.1.2.3", "::ffff:10.0.0.1", "fd00::1", "fd00::1%eth0"])
def test_a_trusted_peer_in_any_spelling_is_believed(peer):
    assert seen(("X-Forwarded-Host", "titip.example"), peer=peer) == "http://titip.example"


@pytest.mark.parametrize("peer", ["192.0.2.1", "::ffff:192.0.2.1", "fe80::1", "", "nonsense"])
def test_another_peer_is_not(peer):
    assert seen(("X-Forwarded-Host", "titip.example"), peer=peer) == OURS


PIECES = st.sampled_from(
    ["for=", "host=", "proto=", "by=", "https", "http", "titip.example", "10.0.0.1", '"', "\\",
     ",", ";", "=", " ", "\t", "[::1]", ":8443", "/", "@", "\r\n", "é", "[", "]", "/a", ".."]
)  # fmt: skip
VALUES = st.one_of(
    st.text(max_size=30),
    st.text(string.printable, max_size=30),
    st.lists(PIECES, max_size=12).map("".join),
)
HEADERS = st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=6)


@pytest.mark.holds("titip:location-forwarded")
@given(HEADERS, VALUES)
@example([("Forwarded", 'host="' + "\\" * 29)], "a")
def test_whatever_the_headers_hold_the_address_is_one(headers, host):
    address = seen(*headers, host=host)

    if address:
        assert ORIGIN.fullmatch(address), address
        parts = urlsplit(address)
        assert parts.hostname
        assert parts.username is None
        assert parts.port is None or 0 < parts.port < 1 << 16
        assert not parts.query
        assert not parts.fragment


@pytest.mark.holds("titip:location-forwarded")
@given(HEADERS, VALUES)
def test_an_untrusted_peer_changes_nothing(headers, host):
    peer = "192.0.2.1"

    assert seen(*headers, host=host, peer=peer) == seen(host=host, peer=peer)

from __future__ import annotations

import http.client
import socket
import ssl

import pytest
import requests
import urllib3
from hypothesis import given
from hypothesis import strategies as st

from client.errors import FatalError, NetworkError, Refused
from client.transport.reasons import Way, meaning

WAY = Way(gateway="titip.example:443", secure=True)
PROXIED = Way(gateway="titip.example:443", secure=True, proxy="proxy.example:3128")


def wrong_certificate(code, message=""):
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = code, message
    return requests.exceptions.SSLError(urllib3.exceptions.SSLError(error))


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (wrong_certificate(10), FatalError, "the certificate of titip.example has expired"),
        (wrong_certificate(9), FatalError, "not valid yet: check this machine's clock"),
        (wrong_certificate(62), FatalError, "is for another name"),
        (wrong_certificate(19, "self-signed"), FatalError, r"not trusted .*self-signed.*SSL_CERT"),
        (ssl.SSLEOFError(8, "EOF"), NetworkError, "was cut while TLS began"),
        (ssl.SSLError(1, "handshake failure"), NetworkError, "TLS with titip.example:443 failed"),
        (socket.gaierror(socket.EAI_NONAME, "x"), NetworkError, "no such host: titip.example"),
        (socket.gaierror(socket.EAI_AGAIN, "x"), NetworkError, "is this machine online"),
        (ConnectionRefusedError(111, "x"), NetworkError, "nobody listens at titip.example:443"),
        (http.client.BadStatusLine("x"), NetworkError, "does not speak HTTP$"),
        (ValueError("odd"), Refused, r"nobody foresaw.*\(ValueError: odd\)"),
        (MemoryError(), Refused, "ran out of memory"),
    ],
)
def test_a_reason_names_the_address_and_the_cause(error, kind, words):
    with pytest.raises(kind, match=words):
        raise meaning(error, WAY)


@pytest.mark.parametrize(
    ("words", "kind"),
    [("407 Proxy Authentication Required", FatalError), ("502 Bad Gateway", NetworkError)],
)
def test_a_proxy_that_does_not_lead_on_is_named(words, kind):
    cause = OSError(f"Tunnel connection failed: {words}")
    error = requests.exceptions.ProxyError(urllib3.exceptions.ProxyError("no", cause))
    error.__cause__ = cause

    with pytest.raises(kind, match=f"the proxy proxy.example:3128 refused .*: {words}$"):
        raise meaning(error, PROXIED)


@given(st.text(max_size=300), st.sampled_from([ValueError, KeyError, OSError, ssl.SSLError]))
def test_any_error_has_a_reason_of_one_sentence(text, kind):
    assert 0 < len(str(meaning(kind(text), WAY))) < 400

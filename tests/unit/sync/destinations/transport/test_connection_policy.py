import errno
import socket
import ssl
from http.client import BadStatusLine, RemoteDisconnected

import aiohttp
import pytest
import urllib3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync.destinations.transport.connection_policy import BadProxy, Proxy, proxy_for, reason_of

URL = "https://registry.example:8443/intake?key=s3cret"
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.mark.parametrize(
    ("named", "proxy"),
    [
        ("http://proxy:3128", Proxy("http://proxy:3128")),
        ("proxy:3128", Proxy("http://proxy:3128")),
        ("http://me:p%40ss@proxy:3128/", Proxy("http://proxy:3128", "me", "p@ss")),
        ("", None),
    ],
)
def test_a_proxy_is_read_as_people_write_it(monkeypatch, named, proxy):
    monkeypatch.setenv("HTTPS_PROXY", named)

    assert proxy_for(URL) == proxy
    assert proxy_for("http://registry.example/") is None
    assert "p@ss" not in repr(proxy)


@pytest.mark.parametrize(
    "named", ["socks5://proxy:1080", "http://", "http://proxy:99999", "http://[x"]
)
def test_a_proxy_that_cannot_be_used_is_told_without_its_login(monkeypatch, named):
    monkeypatch.setenv("ALL_PROXY", named)

    with pytest.raises(BadProxy, match="cannot be used"):
        proxy_for(URL)


@pytest.mark.parametrize(
    ("listed", "url", "spared"),
    [
        ("registry.example", URL, True),
        ("example", URL, True),
        (".example", URL, True),
        ("registry.example:8443", URL, True),
        ("registry.example:443", URL, False),
        ("other.example", URL, False),
        ("ample", URL, False),
        ("a, *", URL, True),
        (" , ,", URL, False),
        ("10.0.0.0/8", "http://10.1.2.3/", True),
        ("10.0.0.0/8", "http://11.1.2.3/", False),
        ("10.0.0.0/8", URL, False),
        ("::1", "http://[::1]:9/", True),
        ("[::1]", "http://[::1]:9/", True),
    ],
)
def test_no_proxy_lists_the_exceptions(monkeypatch, listed, url, spared):
    monkeypatch.setenv("ALL_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", listed)

    assert (proxy_for(url) is None) is spared


_ENVIRONMENT_TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(named=_ENVIRONMENT_TEXTS, spared=_ENVIRONMENT_TEXTS)
def test_any_environment_has_a_proxy_none_or_the_one_error(monkeypatch, named, spared):
    monkeypatch.setenv("ALL_PROXY", named)
    monkeypatch.setenv("NO_PROXY", spared)
    try:
        proxy_for(URL)
    except BadProxy:
        return


def certificate(code):
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code = code
    return error


def tls(reason):
    error = ssl.SSLError(1, "it failed")
    error.reason = reason
    return error


def wrapped(error):
    outer = RuntimeError("https://host/?s3cret")
    outer.__cause__ = error
    return outer


def of_wire(cause):
    return urllib3.exceptions.ProxyError("Unable to connect to proxy", cause)


def of_aiohttp(cause):
    there = aiohttp.client_reqrep.ConnectionKey(
        "proxy.example",
        3128,
        is_ssl=False,
        ssl=True,
        proxy=None,
        proxy_auth=None,
        proxy_headers_hash=None,
    )
    return aiohttp.ClientProxyConnectionError(there, cause)


CAUSES = [
    ConnectionRefusedError(errno.ECONNREFUSED, "x"),
    ConnectionResetError(errno.ECONNRESET, "x"),
    OSError(errno.EHOSTUNREACH, "x"),
    socket.gaierror(socket.EAI_NONAME, "x"),
    TimeoutError(),
]


@pytest.mark.parametrize("cause", CAUSES, ids=repr)
@pytest.mark.parametrize("failed", [of_wire, of_aiohttp])
@pytest.mark.parametrize("outer", [lambda error: error, wrapped])
def test_what_fails_at_the_proxy_is_blamed_on_the_proxys_address(monkeypatch, cause, failed, outer):
    monkeypatch.setenv("HTTPS_PROXY", "http://me:s3cret@proxy.example:3128")

    reason = reason_of(outer(failed(cause)), URL)

    assert "proxy.example" in reason
    assert "registry.example" not in reason
    assert "s3cret" not in reason


@pytest.mark.parametrize("cause", CAUSES, ids=repr)
def test_what_fails_behind_the_proxy_is_not_blamed_on_it(monkeypatch, cause):
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")

    reason = reason_of(wrapped(cause), URL)

    assert "registry.example" in reason
    assert "proxy.example" not in reason


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (certificate(10), "certificate has expired (https://registry.example:8443)"),
        (certificate(9), "certificate is not valid yet"),
        (certificate(62), "certificate is for another name"),
        (certificate(64), "certificate is for another name"),
        (certificate(18), "certificate is signed by an unknown authority"),
        (certificate(20), "certificate is signed by an unknown authority"),
        (certificate(23), "certificate is not accepted (OpenSSL code 23)"),
        (tls("WRONG_VERSION_NUMBER"), "does not speak TLS"),
        (tls("TLSV1_ALERT_PROTOCOL_VERSION"), "TLS failed: TLSV1_ALERT_PROTOCOL_VERSION"),
        (tls(None), "TLS failed"),
        (ssl.SSLEOFError(8, "EOF"), "cut the connection while TLS was agreed on"),
        (socket.gaierror(socket.EAI_NONAME, "x"), "no such host: registry.example"),
        (socket.gaierror(socket.EAI_AGAIN, "x"), "no such host: registry.example"),
        (
            ConnectionRefusedError(errno.ECONNREFUSED, "x"),
            "nobody listens at registry.example:8443",
        ),
        (OSError("Multiple exceptions: [Errno 111] x, [Errno 111] y"), "nobody listens at"),
        (OSError(errno.EHOSTUNREACH, "x"), "No route to host"),
        (OSError("Tunnel connection failed: 407 x"), "the proxy refused to connect"),
        (TimeoutError(), "did not answer in time"),
        (ConnectionResetError(errno.ECONNRESET, "x"), "cut the connection"),
        (RemoteDisconnected("x"), "cut the connection"),
        (BadStatusLine("<html>"), "gave an answer that is no HTTP"),
        (BadStatusLine("\x15\x03\x01"), "speaks TLS: write https://"),
        (KeyError("s3cret"), "could not be asked: KeyError"),
    ],
    ids=repr,
)
def test_a_reason_names_cause_and_address_and_no_more(error, told):
    for one in (error, wrapped(error)):
        reason = reason_of(one, URL)
        assert told.replace("KeyError", "") in reason
        assert "registry.example" in reason
        assert "s3cret" not in reason

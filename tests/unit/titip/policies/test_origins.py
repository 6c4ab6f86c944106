import pytest
from hypothesis import given
from hypothesis import strategies as st

from titip.policies.origins import (
    AddressError,
    ForeignOrigin,
    Origin,
    Place,
    is_address,
    is_of,
    origin,
    origins,
    place,
    same_origin,
    shown,
)

BASE = "https://registry.example/files/"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://h", "HTTP://H:80/a?b#c"),
        ("https://h:443/", "https://h:/x"),
        ("https://h.example./", "https://h.example/"),
        ("http://b\u00fccher.example/", "http://xn--bcher-kva.example/"),
        ("http://B\u00dcCHER.example/", "http://xn--bcher-kva.EXAMPLE/"),
        ("http://stra\u00dfe.example/", "http://xn--strae-oqa.example/"),
        ("http://bu\u0308cher.example/", "http://b\u00fccher.example/"),
        ("http://\uff41.example/", "http://a.example/"),
        ("http://a\u3002example/", "http://a.example/"),
        ("http://[::1]/", "http://[0:0::1]:80/"),
        ("http://[2001:DB8::1]:8080/", "http://[2001:db8:0::1]:8080/"),
        ("http://user:pw@h/", "http://h/"),
    ],
)
def test_spellings_of_one_origin_are_equal(one, other):
    assert same_origin(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://h/", "https://h/"),
        ("http://h/", "http://h:8080/"),
        ("http://h:80/", "https://h:80/"),
        ("http://h/", "http://h.evil/"),
        ("http://h/", "http://h@evil/"),
        ("http://stra\u00dfe.example/", "http://strasse.example/"),
        ("http://127.0.0.1/", "http://127.1/"),
        ("", ""),
        ("h", "h"),
        ("http://", "http://"),
    ],
)
def test_other_origins_and_what_is_no_address_are_not(one, other):
    assert not same_origin(one, other)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "h",
        "//h",
        "ftp://h/",
        "http:h",
        "http:///x",
        "http://registry..example/",
        f"http://{'a' * 64}.example/",
        f"http://{'a.' * 200}example/",
        "http://-a/",
        "http://a b/",
        "http://h:0/",
        "http://h:65536/",
        f"http://h:{'9' * 5000}/",
        "http://h:\u0663/",
        "http://h:x/",
        "http://[::1/",
        "http://::1/",
        "http://[:::]/",
        "http://[v1.a]/",
        "http://\u2100.example/",
        "http://\ud800.example/",
        "http://\u2603.example/",
        "http://h%41/",
        "http://good\\@evil/",
        "http://h\t/",
        "ht\ntp://h/",
        f"http://h/{'x' * 10_000}",
    ],
    ids=lambda url: ascii(url)[:40],
)
def test_what_can_be_asked_nowhere_is_no_origin(url):
    with pytest.raises(AddressError):
        origin(url)
    assert not is_of(url, [Origin("http", "h", 80)])
    assert not is_address(url)
    assert shown(url) == "an address that cannot be read"


@pytest.mark.parametrize(
    ("url", "written", "named"),
    [
        ("HTTP://H:80/key?token=1", "http://h", "h:80"),
        ("https://u:pw@h:8443/", "https://h:8443", "h:8443"),
        ("https://[::1]/", "https://[::1]", "[::1]:443"),
    ],
)
def test_an_origin_is_shown_without_path_query_and_user(url, written, named):
    assert shown(url) == str(origin(url)) == written
    assert origin(url).named == named
    assert is_address(url)


@pytest.mark.parametrize(
    ("location", "where"),
    [
        ("1", "https://registry.example/files/1"),
        ("/up/1?a=b", "https://registry.example/up/1?a=b"),
        ("https://registry.example/x", "https://registry.example/x"),
        ("//Registry.example:443/x", "https://Registry.example:443/x"),
        ("https://files.example/x", "https://files.example/x"),
        ("https://registry.example:8443/x", "https://registry.example:8443/x"),
    ],
)
def test_a_location_of_our_own_or_an_allowed_origin_is_taken_as_it_is(location, where):
    allowed = origins(["https://files.example", "https://registry.example:8443/"])

    assert place(location, base=BASE, allowed=allowed) == Place(where)


@pytest.mark.parametrize(
    ("location", "where"),
    [
        ("http://registry.example/1?a=b#c", "https://registry.example/1?a=b"),
        ("http://REGISTRY.example:8080/1", "https://registry.example/1"),
        ("//registry.example:9", "https://registry.example"),
    ],
)
def test_another_scheme_or_port_of_the_same_host_is_rewritten(location, where):
    assert place(location, base=BASE) == Place(where, rewritten=True)


def test_the_configured_port_is_kept_when_a_location_is_rewritten():
    moved = place("https://[::1]/1", base="http://[::1]:8080/files/")

    assert moved == Place("http://[::1]:8080/1", rewritten=True)


@pytest.mark.parametrize("location", ["https://evil.example/1?key=s3cret", "//evil.example/1"])
def test_another_host_is_refused_by_its_origin_alone(location):
    with pytest.raises(ForeignOrigin, match=r"https://evil\.example is not") as caught:
        place(location, base=BASE, allowed=origins(["https://files.example"]))

    assert "s3cret" not in str(caught.value)
    assert caught.value.origin == Origin("https", "evil.example", 443)


@pytest.mark.parametrize(
    "location",
    [
        "https://user:pw@registry.example/1",
        "https://registry.example\\@evil.example/1",
        "http://[::1/x",
        "javascript:alert(1)",
        "https://registry..example/",
        "\ud83d",
        "/a\r\nb",
        "/" + "x" * 10_000,
    ],
    ids=lambda url: ascii(url)[:40],
)
def test_a_location_that_readers_could_disagree_about_is_refused(location):
    with pytest.raises(AddressError):
        place(location, base=BASE)


@pytest.mark.parametrize(
    "text", ["https://h/path", "https://h/?q", "https://h/#f", "https://u@h", "h", "*"]
)
def test_a_listed_origin_is_nothing_but_an_origin(text):
    with pytest.raises(AddressError):
        origins([text])


_SIGNS = st.sampled_from([*"abA.:/@[]%\\?# \t-0123", "http://", "https://", "\u00fc", "\u3002"])
_ADDRESSES = st.text(max_size=40) | st.lists(_SIGNS, max_size=20).map("".join)


@given(_ADDRESSES | _ADDRESSES.map("http://{}".format))
def test_any_text_has_an_origin_or_the_one_error(url):
    try:
        found = origin(url)
    except AddressError:
        return
    assert origin(str(found)) == found
    assert str(found).isascii()
    assert is_of(str(found), [found])


@given(_ADDRESSES | _ADDRESSES.map("https://registry.example{}".format))
def test_any_location_leads_home_or_is_refused(location):
    try:
        found = place(location, base=BASE)
    except AddressError:
        return
    assert same_origin(found.url, BASE)
    assert place(found.url, base=BASE) == Place(found.url)

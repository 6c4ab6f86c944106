import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.destinations import json_pointer
from sync.destinations.http.options import RegistryOptions
from sync.destinations.templates import Template, as_is, facts, in_header, in_url
from tests.destination_fakes import a_parcel

URL = "https://registry.example/intake"


def test_a_template_is_filled_with_what_is_known():
    known = facts(a_parcel(b"abc", filename="Surat Dukungan.pdf"))
    template = Template.parse("{submitter}/{upload_id}: {filename} ({length} of {{it}})")

    text = template.fill(known, spell=as_is)

    assert text == "Pair 3/u0123456789abcdef: Surat Dukungan.pdf (3 of {it})"


def test_a_file_without_a_name_goes_by_its_upload():
    assert facts(a_parcel(filename=""))["filename"] == "u0123456789abcdef"


@pytest.mark.parametrize("text", ["{sha1}", "{}", "{0}", "{length:>9}", "{length!r}", "{a.b}", "{"])
def test_anything_but_a_known_placeholder_is_an_error(text):
    with pytest.raises(ValueError, match=r"there are|braces"):
        Template.parse(text)


def test_every_unknown_placeholder_is_named_at_once():
    options = RegistryOptions(
        url=URL + "/{who}",
        fields={"a": "{nik}{kk}", "b": "{sha256}"},
        headers={"X-Name": "KEY{name}"},
        lookup=URL + "/{id}",
    )

    with pytest.raises(ValueError, match=r"registry\.url") as caught:
        options.check()

    for expected in (
        "{who}",
        "{kk}, {nik}",
        "{id}",
        "registry.fields.a",
        "registry.headers.X-Name",
    ):
        assert expected in str(caught.value)
    assert "KEY" not in str(caught.value)
    assert "{name}" not in str(caught.value)
    assert "registry.fields.b" not in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"url": ""}, "registry.url must be an address"),
        ({"url": "registry.example"}, "registry.url cannot be asked"),
        ({"url": "http://[bad"}, "registry.url cannot be asked"),
        ({"health": "ftp://x/"}, "registry.health cannot be asked"),
        ({"lookup": "http://u:p@h/"}, "put the credential into registry.bearer"),
        ({"lookup": "http://{submitter}.h/"}, "has a placeholder in its host"),
        ({"method": "PO ST"}, "registry.method"),
        ({"headers": {"X A": "b"}}, "is no header"),
        ({"headers": {"X-A": "b\r\nX-B: c"}}, "is no header"),
        ({"headers": {"content-LENGTH": "5"}}, "leave it out"),
        ({"headers": {"Content-Type": "text/plain"}}, "leave it out"),
        ({"bearer": "a\nb"}, "registry.bearer"),
        ({"file_field": ""}, "registry.file_field"),
        ({"accepted": ()}, "registry.accepted"),
        ({"reference": "id"}, "JSON pointer"),
        ({"reference": "/a~2"}, "JSON pointer"),
        ({"lookup_sha256": "/sha256"}, "needs registry.lookup"),
    ],
)
def test_options_that_cannot_work_are_told_with_their_mend(wrong, told):
    with pytest.raises(ValueError, match="registry") as caught:
        RegistryOptions(**{"url": URL, **wrong}).check()

    assert told in str(caught.value)


def test_secrets_do_not_show_in_the_options():
    shown = repr(RegistryOptions(url=URL, bearer="hush", headers={"X-Key": "hush"}))

    assert "hush" not in shown


@given(st.text())
def test_a_value_in_an_address_stays_in_its_place(value):
    spelt = in_url(value)

    assert spelt.isascii()
    assert not set(spelt) & set("/?#& \r\n")
    assert spelt not in {".", ".."}


@given(st.text())
def test_a_value_in_a_header_stays_on_its_line(value):
    spelt = in_header(value)

    assert spelt.isascii()
    assert not set(spelt) & set("\r\n\x00")


@pytest.mark.parametrize(
    ("pointer", "found"),
    [
        ("/id", "7"),
        ("/data/0/ref", "A"),
        ("/a~1b", "slash"),
        ("/m~0n", "tilde"),
        ("/", "empty key"),
        ("/data/00/ref", ""),
        ("/data/9", ""),
        ("/data/-", ""),
        ("/flag", ""),
        ("/none", ""),
        ("/data", ""),
        ("/id/0", ""),
        ("", ""),
    ],
)
def test_a_pointer_finds_a_text_or_a_number(pointer, found):
    document = {
        "id": 7,
        "data": [{"ref": "A"}],
        "a/b": "slash",
        "m~n": "tilde",
        "": "empty key",
        "flag": True,
        "none": None,
    }

    assert json_pointer.text_at(document, pointer) == found


@given(st.recursive(st.none() | st.integers(), lambda inner: st.dictionaries(st.text(), inner)))
def test_a_pointer_reaches_every_key(document):
    def walk(value, pointer):
        assert json_pointer.resolve(document, pointer) == value
        for key, inner in value.items() if isinstance(value, dict) else ():
            walk(inner, f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}")

    walk(json.loads(json.dumps(document)), "")

import base64

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.strategies import keys, metadata, pairs
from titip.metadata import BadMetadata, filename, parse, render


@given(pairs())
def test_what_is_rendered_is_read_back_the_same_in_the_same_order(given_pairs):
    assert list(parse(render(given_pairs)).items()) == list(given_pairs.items())


@given(pairs(), st.data())
def test_spaces_around_the_pairs_do_not_matter(given_pairs, data):
    spaces = st.text(" ", max_size=3)
    items = render(given_pairs).split(",") if given_pairs else []

    loose = ",".join(data.draw(spaces) + item + data.draw(spaces) for item in items)

    assert parse(loose) == given_pairs


@pytest.mark.holds("tus:creation-metadata-grammar")
@given(st.text())
@example("key\tdmFsdWU=")
@example("key ÿ")
@example("key \udcff")
@example("\udcff dmFsdWU=")
def test_garbage_gives_bad_metadata_and_nothing_else(header):
    try:
        got = parse(header)
    except BadMetadata:
        return

    assert parse(render(got)) == got


@pytest.mark.holds("tus:creation-metadata-grammar")
@pytest.mark.parametrize("header", ["", " ", "   "])
def test_an_empty_header_is_no_metadata(header):
    assert parse(header) == {}


@pytest.mark.holds("tus:creation-metadata-empty")
@pytest.mark.parametrize("header", ["flag", "flag ", " flag"])
def test_a_key_without_a_value_has_an_empty_one(header):
    assert parse(header) == {"flag": b""}


def test_nothing_renders_as_an_empty_header():
    assert render({}) == ""


def test_an_empty_value_renders_as_its_key_alone():
    assert render({"flag": b"", "name": b"a"}) == "flag,name YQ=="


@pytest.mark.holds("tus:creation-metadata-key", "tus:creation-metadata-ascii")
@pytest.mark.parametrize(
    "header",
    [",", "a YQ==,", ",a YQ==", "a YQ==,,b YQ==", "é YQ==", "a\tb YQ==", "a\x7f YQ==", "a\x00"],
)
def test_a_key_that_is_no_key_is_bad(header):
    with pytest.raises(BadMetadata, match="printable ASCII"):
        parse(header)


@pytest.mark.holds("tus:creation-metadata-unique")
@pytest.mark.parametrize("header", ["a YQ==,a YQ==", "a,a", "a YQ==,b,a Yg=="])
def test_a_key_that_comes_twice_is_bad(header):
    with pytest.raises(BadMetadata, match="only once"):
        parse(header)


@pytest.mark.holds("tus:creation-metadata-base64")
@pytest.mark.parametrize(
    "value", ["YQ", "YQ=", "Y", "YQ===", "=", "YQ==YQ==", "YQ== YQ==", "Y\nQ==", "_-8=", "é"]
)
def test_a_value_that_is_not_padded_base64_is_bad(value):
    with pytest.raises(BadMetadata, match="base64 with padding"):
        parse(f"a {value}")


@pytest.mark.parametrize("key", ["", "a b", "a,b", "é", "a\n", "\udcff"])
def test_a_key_that_the_header_cannot_carry_is_not_rendered(key):
    with pytest.raises(BadMetadata, match="printable ASCII"):
        render({key: b"x"})


@pytest.mark.parametrize("key", ["filename", "name"])
def test_the_file_name_is_found_under_the_keys_that_clients_use(key):
    assert filename(render({"other": b"x", key: b"surat pernyataan.pdf"})) == (
        "surat pernyataan.pdf"
    )


def test_filename_comes_before_name():
    assert filename(render({"name": b"second", "filename": b"first"})) == "first"


def test_an_empty_filename_gives_way_to_name():
    assert filename(render({"filename": b"", "name": b"second"})) == "second"


@pytest.mark.parametrize("header", ["", "other YQ==", "filename", "filename !", "a,a"])
def test_without_a_name_the_name_is_empty(header):
    assert filename(header) == ""


def test_a_name_in_another_encoding_still_gives_a_text():
    assert filename(render({"filename": b"\xff.pdf"})) == "\ufffd.pdf"


@given(metadata() | st.text())
def test_the_name_is_always_a_text_that_can_be_written(header):
    filename(header).encode()


@given(keys(), st.binary())
def test_a_value_is_standard_base64(key, value):
    header = render({key: value})

    assert header.removeprefix(key).strip() == base64.standard_b64encode(value).decode()

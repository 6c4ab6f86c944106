"""Settings that are well written and can never work: each is told with its mend."""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from cli.errors import problems_of
from config.problems import problems_of_destination
from config.settings import Settings
from sync.destinations.credentials.headers import bearer_fault
from sync.destinations.http.options import BodyKind, RegistryOptions
from sync.destinations.templates import PLACEHOLDERS
from sync.destinations.tus.registry import TusOptions

URL = "http://registry.example/intake"


def problems(options):
    try:
        options.check()
    except ValueError as error:
        return problems_of_destination(error)
    return []


def told(**options):
    """Give what is said of a registry with these options."""
    return problems(RegistryOptions(**{"url": URL, **options}))


def refused(**tables):
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate(tables)
    return problems_of(caught.value)


def taken(**tables):
    return Settings.model_validate(tables)


# ------------------------------------------------------------------------------ the bearer

NO_TOKENS = {
    "Bearer HIDDEN": "write the token alone",
    "bearer  HIDDEN": "write the token alone",
    '"HIDDEN"': "write the token alone",
    "'HIDDEN'": "write the token alone",
    "`HIDDEN`": "write the token alone",
    "TOKEN=HIDDEN": "write the token alone",
    "export REGISTRY_TOKEN=HIDDEN": "write the token alone",
    "$HIDDEN": "write the token alone",
    "${HIDDEN}": "write the token alone",
    "/run/secrets/HIDDEN": 'write "file:/run/',
    "/etc/titip/HIDDEN": 'write "file:/run/',
    "@/run/secrets/HIDDEN": 'write "file:/run/',
    "~/HIDDEN": 'write "file:/run/',
    "File:/run/secrets/HIDDEN": 'write "file:/run/',
    "FILE:HIDDEN": 'write "file:/run/',
    "file: /run/HIDDEN": 'write "file:/run/',
    "file:": 'write "file:/run/',
    "file=/run/HIDDEN": 'write "file:/run/',
}


@pytest.mark.parametrize("text", NO_TOKENS)
def test_what_is_no_bearer_token_is_told_and_not_shown(text):
    for options in (RegistryOptions(url=URL, bearer=text), TusOptions(url=URL, bearer=text)):
        (said,) = problems(options)
        assert said.startswith("registry.bearer ")
        assert NO_TOKENS[text] in said
        assert "HIDDEN" not in said


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc==",
        "ABC==",
        "/9j/4AAQSkZJRg==",
        "a=b",
        "eyJhbGciOi.eyJzdWIi.c2ln",
        "$2y$10$saltsaltsalt",
        "bearer",
        "bearer_of_tidings",
        "'tis",
        "profile:x",
        "old token",
        "file:/run/secrets/registry",
    ],
)
def test_what_may_be_a_token_is_taken(text):
    assert told(bearer=text) == []


@given(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", min_size=24))
def test_base64_is_always_a_token(text):
    assert text.startswith("/") or not bearer_fault(f"{text}==")


@pytest.mark.parametrize("text", ["Bearer HIDDEN", "TOKEN=HIDDEN", '"HIDDEN"', "/run/HIDDEN"])
def test_a_file_that_holds_no_token_makes_the_registry_ill_alone(text, tmp_path):
    (tmp_path / "bearer").write_text(text, "utf-8")
    options = RegistryOptions(url=URL, bearer=f"file:{tmp_path / 'bearer'}")

    assert problems(options) == []


@pytest.mark.parametrize("name", ["Authorization", "authorization"])
@pytest.mark.parametrize("bearer", ["t", "file:/run/secrets/registry"])
def test_two_credentials_that_say_the_same_are_told(name, bearer):
    for kind in (RegistryOptions, TusOptions):
        (said,) = problems(kind(url=URL, bearer=bearer, headers={name: "Token HIDDEN"}))
        assert said.startswith(f"registry.bearer stands beside registry.headers.{name}")
        assert "HIDDEN" not in said
    assert told(headers={name: "Token t"}) == []


@pytest.mark.parametrize("path", ["~/key", "$HOME/key", "${CREDENTIALS_DIRECTORY}/key"])
def test_the_file_of_a_secret_wants_its_whole_path(path):
    path = path.replace("{", "{{").replace("}", "}}")
    (said,) = told(headers={"X-Key": f"Token file:{path}"})
    (of_bearer,) = told(bearer=f"file:{path}")

    assert said.startswith("registry.headers.X-Key: write the whole path")
    assert of_bearer.startswith("registry.bearer: write the whole path")


# ------------------------------------------------------------------------------ what answers mean


@pytest.mark.parametrize("status", [100, 199, 300, 302, 303, 399, 400, 404, 409, 422, 503])
def test_a_status_that_never_says_yes_is_not_accepted(status):
    (said,) = told(accepted=[200, status])

    assert said.startswith(f"registry.accepted lists {status}, which never says yes")
    assert told(accepted=[*range(200, 300)]) == []


@pytest.mark.parametrize("status", [100, 302, 303, 500, 503])
def test_an_outage_or_a_way_elsewhere_does_not_say_that_a_file_was_there(status):
    (said,) = told(duplicate=[409, status])

    assert said.startswith(f"registry.duplicate lists {status}, which never says")


def test_a_status_cannot_say_two_things():
    (said,) = told(accepted=[200, 208], duplicate=[208, 409])

    assert said.startswith("registry.duplicate lists 208, which is accepted too")
    assert told(accepted=[200, 201, 204, 299], duplicate=[208, 409, 422]) == []


# ------------------------------------------------------------------------------ what is sent


def test_a_field_may_not_take_the_name_of_the_file():
    fields = {"file": "{upload_id}", "sha256": "{sha256}"}
    (said,) = told(fields=fields)

    assert said.startswith("registry.fields has a field 'file'")
    assert told(fields=fields, file_field="scan") == []
    assert told(fields=fields, body=BodyKind.RAW) == []


@pytest.mark.parametrize("name", ["upload_id", "delivery_id", "sha256", "filename"])
def test_a_look_up_that_names_the_file_is_taken(name):
    assert told(lookup=f"{URL}/{{{name}}}?of={{submitter}}") == []


@pytest.mark.parametrize("spelt", ["{{upload_id}}", "${upload_id}", "{{ sha256 }}", "${{sha256}}"])
@pytest.mark.parametrize("where", ["url", "lookup", "fields", "headers"])
def test_a_placeholder_as_other_programs_write_theirs_is_told(spelt, where):
    text = f"{URL}/{{sha256}}/{spelt}".replace(" ", "" if where in {"url", "lookup"} else " ")
    options = {where: {"X-Key": text} if where in {"fields", "headers"} else text}
    (said,) = told(**options)

    assert said.startswith(f"registry.{where}")
    assert "with one pair of braces" in said


@given(
    name=st.sampled_from(PLACEHOLDERS),
    spelt=st.sampled_from(["{{{{{}}}}}", "{{{{ {} }}}}", "${{{}}}", "${{ {} }}"]),
)
def test_it_is_told_how_the_placeholder_is_written_here(name, spelt):
    (said,) = (one for one in told(fields={"meta": spelt.format(name)}) if "one pair" in one)

    assert f"write {{{name}}} with one pair" in said


def test_braces_that_are_meant_are_taken():
    text = '{{"of": "{upload_id}", "in": {{{length}}}, "tex": "{{{{sha256}}}}"}}'

    assert told(fields={"meta": text}) == []


@pytest.mark.parametrize("text", ["titip", "{submitter}", "{filename}", "{sha256}"])
def test_a_key_that_several_uploads_share_is_told_where_the_registry_counts_on_it(text):
    said = told(headers={"idempotency-key": text}, key_lifetime=timedelta(hours=1))

    assert any("registry.headers.idempotency-key is the same for more" in one for one in said)


@pytest.mark.parametrize("name", ["upload_id", "delivery_id"])
def test_a_key_of_one_upload_is_taken(name):
    headers = {"Idempotency-Key": f"titip-{{{name}}}"}

    assert told(headers=headers, key_lifetime=timedelta(hours=1)) == []
    assert told(headers={"Idempotency-Key": "titip"}) == []


# ------------------------------------------------------------------------------ around it


@pytest.mark.parametrize("kind", ["http", "tus"])
@pytest.mark.parametrize(
    ("url", "listen", "public"),
    [
        ("http://127.0.0.1:8080/files/", "127.0.0.1:8080", ""),
        ("http://127.0.0.1:8080/intake", "127.0.0.1:8080", ""),
        ("http://localhost:8080/files/", "127.0.0.1:8080", ""),
        ("http://127.0.0.1:8080/files/", "localhost:8080", ""),
        ("http://127.0.0.1:8080/files/", "0.0.0.0:8080", ""),
        ("http://0.0.0.0:8080/files/", "127.0.0.1:8080", ""),
        ("http://[::1]:8080/files/", "[::]:8080", ""),
        ("http://[::1]:8080/files/", "::1:8080", ""),
        ("http://localhost/files/", "0.0.0.0:80", ""),
        ("http://TITIP.example:9/files/", "titip.example:9", ""),
        ("https://titip.example/files/", "127.0.0.1:8080", "https://titip.example"),
        ("https://titip.example:443/files", "127.0.0.1:0", "https://titip.example/"),
        ("https://h.example/titip/files/", "127.0.0.1:8080", "https://h.example/titip/"),
    ],
)
def test_a_registry_that_is_this_gateway_itself_is_refused(kind, url, listen, public):
    (said,) = refused(
        gateway={"listen": listen, "public_url": public}, registry={"kind": kind, "url": url}
    )

    assert said.startswith("registry.url leads to this gateway itself")


@pytest.mark.parametrize(
    ("url", "listen", "public"),
    [
        ("http://127.0.0.1:8081/files/", "127.0.0.1:8080", ""),
        ("http://127.0.0.2:8080/files/", "127.0.0.1:8080", ""),
        ("http://127.0.0.1:8080/files/", "10.0.0.7:8080", ""),
        ("http://[::1]:8080/files/", "0.0.0.0:8080", ""),
        ("http://127.0.0.1:8080/files/", "127.0.0.1:0", ""),
        ("http://registry.example:8080/files/", "0.0.0.0:8080", ""),
        ("https://h.example/registry/files/", "127.0.0.1:8080", "https://h.example/titip"),
        ("https://h.example/files-of-theirs/", "127.0.0.1:8080", "https://h.example"),
        ("http://h.example/files/", "127.0.0.1:8080", "https://h.example"),
    ],
)
def test_a_registry_that_may_be_another_program_is_taken(url, listen, public):
    taken(gateway={"listen": listen, "public_url": public}, registry={"kind": "tus", "url": url})


def test_an_address_that_is_not_used_may_be_anything():
    taken(registry={"kind": "none", "url": "http://127.0.0.1:8080/files/"})


@pytest.mark.parametrize("text", ["0s", "1ms", "99ms"])
def test_a_head_gets_a_tenth_of_a_second_at_least(text):
    (said,) = refused(gateway={"header_timeout": text})

    assert said == ('gateway.header_timeout: is too short for any request: write at least "100ms"')
    taken(gateway={"header_timeout": "100ms"})


@pytest.mark.parametrize(
    "path", ["~", "~/titip", "~titip/data", "$HOME/titip", "/srv/$USER", "${DATA}", "/a/b-${C}"]
)
@pytest.mark.parametrize("section", ["storage", "mirror"])
def test_a_path_that_a_shell_would_fill_in_is_refused(section, path):
    (said,) = refused(**{section: {"path": path}})

    assert said.startswith(f"{section}.path: has a ~ or a $NAME")
    assert "write the whole path" in said


@pytest.mark.parametrize("path", ["a~", "/srv/~/x", "/srv/a$b", "/srv/$5", "/srv/$"])
def test_a_path_with_an_odd_sign_is_taken(path):
    assert taken(storage={"path": path}).storage.path == Path(path)


@pytest.mark.parametrize(
    "inside",
    ["spool", "spool/ab", "quarantine", "x/../spool", "journal.db", "journal.db-wal", "ballast"],
)
@pytest.mark.parametrize("data", ["data", "/srv/titip"])
def test_a_mirror_in_the_data_folder_s_own_places_is_refused(data, inside):
    (said,) = refused(storage={"path": data}, mirror={"path": f"{data}/{inside}"})

    assert said.startswith("mirror.path is, holds or lies in ")


@pytest.mark.parametrize("path", ["", "/srv/titip/.", "/srv/titip/..", "/srv", "/"])
def test_a_mirror_that_is_or_holds_the_data_folder_is_refused(path):
    (said,) = refused(storage={"path": "/srv/titip"}, mirror={"path": path or "/srv/titip"})

    assert said.startswith("mirror.path is, holds or lies in titip,")


@pytest.mark.parametrize(
    "path", [None, "data/mirror", "data/x/spool", "spool", "data/../m", "../data"]
)
def test_a_mirror_beside_them_is_taken(path):
    taken(storage={"path": "data"}, mirror={"path": path})

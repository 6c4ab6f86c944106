"""The settings: where they come from, what is refused, and what is said about it."""

import os
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from cli.errors import CliError
from cli.options import settings_of
from config import settings as module
from config.settings import Settings, settings_from
from config.units import parse_duration, parse_size
from config.wiring.destinations import destinations_of, lacking
from titip.delivery import REGISTRY

EXAMPLE = Path(module.__file__).with_name("titip.example.toml")


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith("TITIP"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def write(folder: Path, text: str) -> Path:
    file = folder / "titip.toml"
    file.write_text(text, "utf-8")
    return file


def complaint(file: Path | None) -> CliError:
    with pytest.raises(CliError) as caught:
        settings_of(file)
    return caught.value


def keys_of(model: type[BaseModel], prefix: str = "") -> set[str]:
    keys = set()
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            keys |= keys_of(kind, f"{prefix}{name}.")
        else:
            keys.add(f"{prefix}{name}")
    return keys


def keys_in(table: dict[str, Any], known: set[str], prefix: str = "") -> set[str]:
    keys = set()
    for name, value in table.items():
        if isinstance(value, dict) and f"{prefix}{name}" not in known:
            keys |= keys_in(value, known, f"{prefix}{name}.")
        else:
            keys.add(f"{prefix}{name}")
    return keys


def test_without_anything_there_are_defaults_that_work():
    settings = settings_of(None)

    assert settings.registry.kind == "none"
    assert settings.mirror_path == Path("titip-data/mirror")


def test_the_example_holds_exactly_the_defaults():
    assert settings_from(EXAMPLE).model_dump() == Settings().model_dump()


def test_the_example_names_every_key():
    text = EXAMPLE.read_text("utf-8")
    for name in ("path", "settle", "key_lifetime"):
        text = text.replace(f"# {name} =", f"{name} =")

    known = keys_of(Settings)

    assert keys_in(tomllib.loads(text), known) == known


def test_the_environment_wins_over_the_file_and_the_file_over_the_defaults(tmp_path, monkeypatch):
    file = write(tmp_path, '[gateway]\nlisten = "127.0.0.1:1"\nmax_upload = "1MiB"\n')
    monkeypatch.setenv("TITIP__GATEWAY__LISTEN", "127.0.0.1:2")

    gateway = settings_of(file).gateway

    assert gateway.listen == "127.0.0.1:2"
    assert gateway.max_upload == 1 << 20
    assert gateway.auth == "token"


def test_a_file_in_the_working_folder_is_taken_up(tmp_path):
    write(tmp_path, '[gateway]\nlisten = "127.0.0.1:3"\n')

    assert settings_of(None).gateway.listen == "127.0.0.1:3"


def test_an_unknown_key_is_an_error_that_names_the_near_one(tmp_path):
    found = complaint(write(tmp_path, '[gateway]\nlitsen = "127.0.0.1:1"\n'))

    assert found.code == 2
    assert "gateway.litsen: is no setting; did you mean listen?" in str(found)


def test_an_unknown_section_is_an_error(tmp_path):
    found = complaint(write(tmp_path, '[gatway]\nlisten = "127.0.0.1:1"\n'))

    assert "gatway: is no setting; did you mean gateway?" in str(found)


def test_all_problems_are_told_at_once(tmp_path, monkeypatch):
    file = write(
        tmp_path,
        '[gateway]\nlisten = "nowhere"\nauth = "maybe"\n[mirror]\nafter = "soon"\n'
        '[registry]\nkind = "http"\n[retry]\nfloor = "2h"\n',
    )
    monkeypatch.setenv("TITIP__HEALTH__MAX_WINDOW", "many")
    monkeypatch.setenv("TITIP__HEALHT__SLOW_AFTER", "3s")

    found = str(complaint(file))

    assert found.startswith("7 problems in the settings")
    assert "gateway.listen: is not well-formed; write HOST:PORT" in found
    assert "gateway.auth: must be 'token' or 'none'" in found
    assert 'mirror.after: write a duration such as "30s"' in found
    assert 'registry: registry.kind = "http" needs registry.url' in found
    assert "retry: retry.floor must not be above retry.ceiling" in found
    assert "health.max_window" in found
    assert "(from the environment variable TITIP__HEALTH__MAX_WINDOW)" in found
    assert "TITIP__HEALHT__SLOW_AFTER: there is no section healht" in found


def test_a_variable_without_a_key_is_an_error(monkeypatch):
    monkeypatch.setenv("TITIP__GATEWAY", "{}")

    assert "TITIP__GATEWAY: name a key too" in str(complaint(None))


def test_a_list_in_a_variable_must_be_json(monkeypatch):
    monkeypatch.setenv("TITIP__REGISTRY__ACCEPTED", "200,201")

    found = complaint(None)

    assert str(found).startswith("One problem in the settings")
    assert "TITIP__REGISTRY__ACCEPTED: write JSON, such as [200, 201]" in str(found)


def test_a_list_in_a_variable_is_read(monkeypatch):
    monkeypatch.setenv("TITIP__REGISTRY__ACCEPTED", "[200, 202]")

    assert settings_of(None).registry.accepted == (200, 202)


def test_a_scalar_where_a_table_belongs_is_told(tmp_path):
    found = str(complaint(write(tmp_path, 'gateway = "127.0.0.1:8080"\n')))

    assert "gateway: must be a table: write [gateway] and its keys below" in found


@pytest.mark.parametrize(
    ("text", "words"),
    [("[gateway\n", "is not well-formed TOML"), ("[gateway]\nlisten = x\n", "need quotes")],
)
def test_a_file_that_is_no_toml_is_told(tmp_path, text, words):
    found = complaint(write(tmp_path, text))

    assert found.code == 2
    assert words in str(found)


def test_a_file_that_is_no_text_is_told(tmp_path):
    (tmp_path / "titip.toml").write_bytes(b"\xff\xfe[gateway]")

    assert "is not UTF-8" in str(complaint(tmp_path / "titip.toml"))


@pytest.mark.parametrize(
    ("mark", "coding"),
    [(b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")],
)
def test_a_file_that_an_editor_on_windows_wrote_is_read(tmp_path, mark, coding):
    text = '[gateway]\r\nlisten = "127.0.0.1:7"\r\n'
    (tmp_path / "titip.toml").write_bytes(mark + text.encode(coding))

    assert settings_of(None).gateway.listen == "127.0.0.1:7"


def test_a_missing_file_is_told(tmp_path):
    found = complaint(tmp_path / "nowhere.toml")

    assert found.code == 2
    assert "cannot be read (No such file or directory)" in str(found)


@pytest.mark.parametrize("content", ["hush\n", "", None])
def test_settings_load_whatever_the_file_of_a_secret_holds(tmp_path, content):
    if content is not None:
        (tmp_path / "secret").write_text(content, "utf-8")
    file = write(
        tmp_path,
        f'[registry]\nkind = "http"\nurl = "http://h/"\nbearer = "file:{tmp_path / "secret"}"\n',
    )

    settings = settings_of(file)

    assert bool(lacking(settings)[REGISTRY]) is not bool(content)
    assert "hush" not in repr(settings)
    assert len(destinations_of(settings)) == 2


def test_no_complaint_repeats_a_secret(tmp_path):
    found = complaint(write(tmp_path, '[registry]\nbearer = ["hush-hush"]\nreference = "hush"\n'))

    assert "hush" not in str(found)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("17B", 17),
        ("1KiB", 1024),
        ("1.5MiB", 3 << 19),
        ("50 GiB", 50 << 30),
        ("2kB", 2000),
    ],
)
def test_sizes_are_read_as_people_write_them(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "-1", "1 gib", "GiB", "1e9", "1GiBs"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ValueError, match="write a size"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("30s", 30), ("10min", 600), ("1.5h", 5400), ("7 d", 604800)],
)
def test_durations_are_read_as_people_write_them(text, seconds):
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["30", "s", "-1s", "3 weeks", "", "1m"])
def test_a_duration_without_a_sound_unit_is_refused(text):
    with pytest.raises(ValueError, match="write a duration"):
        parse_duration(text)


def test_a_bare_number_is_no_duration():
    with pytest.raises(ValueError, match="write a duration"):
        parse_duration(30)


@given(st.integers(min_value=0, max_value=10**6), st.sampled_from(["", "B", "KiB", "GiB", "MB"]))
def test_whole_sizes_are_exact(number, unit):
    one = parse_size(f"1{unit}")

    assert parse_size(f"{number}{unit}") == number * one


def test_trusted_proxies_are_addresses_or_networks(tmp_path):
    file = write(tmp_path, '[gateway]\ntrusted_proxies = ["127.0.0.1", "10.0.0.0/8", "fd00::/8"]')

    trusted = settings_of(file).gateway.trusted_proxies

    assert [str(one) for one in trusted] == ["127.0.0.1/32", "10.0.0.0/8", "fd00::/8"]


@pytest.mark.parametrize("entry", ["proxy.example", "10.0.0.1/8", "10.0.0.0/33", ""])
def test_a_trusted_proxy_that_is_none_is_refused_with_what_to_write(tmp_path, entry):
    told = str(complaint(write(tmp_path, f'[gateway]\ntrusted_proxies = ["{entry}"]')))

    assert "gateway.trusted_proxies" in told
    assert '"10.0.0.0/8"' in told


def test_a_value_out_of_bounds_is_refused():
    with pytest.raises(ValidationError):
        Settings.model_validate({"health": {"max_window": 0}})

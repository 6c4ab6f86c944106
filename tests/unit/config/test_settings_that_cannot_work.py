"""Settings that can never work are refused with a sentence; with all others everything is built."""

import asyncio
import json
import random
from datetime import timedelta
from pathlib import Path

import hypothesis
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError
from yarl import URL

from cli.errors import problems_of
from config.runtime.serve import gateway_options
from config.settings import Settings
from config.units import parse_duration, parse_size
from config.wiring.destinations import answer_within, destinations_of
from config.wiring.workers import health_policy, worker_rules
from storage.clock import to_ms, utc_now
from sync.destinations.drive.credentials import load_credentials
from sync.destinations.drive.options import DriveOptions
from sync.destinations.http.options import RegistryOptions
from sync.maintenance.janitor import Janitor
from titip.delivery import MIRROR, REGISTRY
from titip.health import Bad, CooledOff, Health, advance

SECRET = "HEADERKEY"


def refused(**tables):
    """Give the sentences with which these settings are refused."""
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate(tables)
    return problems_of(caught.value)


@pytest.mark.parametrize("key", ["url", "lookup", "health"])
@pytest.mark.parametrize(
    "address",
    [
        "http://registry..example/health",
        f"http://{'a' * 70}.example/health",
        "http://.example/",
        "http://-a.example/",
        f"http://{'a.' * 130}example/",
        "http://registry.example:0/",
        "http://registry.example:99999/",
        "http://registry.example:http/",
        "http://registry example/",
        "http://registry.example/a b",
        "http://reg\x00istry.example/",
        "http://registry.example/\r\nX-A: b",
        "http://\u2028.example/",
        "http://xn--\ud800.example/",
        "http:///intake",
        "http://",
        "https://[::1/",
        "ftp://registry.example/",
        "registry.example",
    ],
)
def test_an_address_that_can_never_be_asked_is_refused(key, address):
    (told,) = refused(registry={"kind": "http", "url": "http://h/", key: address})

    assert told.startswith(f"registry.{key}: ")
    assert "registry..example" not in told


@pytest.mark.parametrize("key", ["url", "lookup", "health"])
@pytest.mark.parametrize("bearer", ["", "t"])
def test_a_user_in_an_address_belongs_into_the_bearer_or_the_headers(key, bearer):
    (told,) = refused(registry={"bearer": bearer, key: f"https://joko:{SECRET}@registry.example/"})

    assert "put the credential into registry.bearer or registry.headers" in told
    assert SECRET not in told
    assert "joko" not in told


def test_a_placeholder_may_not_stand_in_a_host():
    (told,) = refused(registry={"lookup": "https://{submitter}.registry.example/"})

    assert "has a placeholder in its host" in told


@pytest.mark.parametrize(
    "address",
    [
        "",
        "https://registry.example/intake/{upload_id}?of={submitter}",
        "http://127.0.0.1:8080",
        "http://[::1]:9/",
        "https://d\u00f6rfer.example/",
        "http://my_host:1/",
    ],
)
def test_an_address_that_may_work_is_taken(address):
    assert Settings.model_validate({"registry": {"lookup": address}}).registry.lookup == address


@pytest.mark.parametrize("address", ["http://u:p@127.0.0.1/", "http://a..b/", "http://h:99999/"])
def test_the_endpoint_of_a_drive_is_held_to_the_same(address):
    (told,) = refused(mirror={"drive": {"endpoint": address}})

    assert told.startswith("mirror.drive.endpoint: ")


@pytest.mark.parametrize(
    "listen", ["h:99999", "h:", ":80", "h", "h:8o", "a..b:80", "a b:80", "[::1:80", "a/b:8"]
)
def test_a_place_where_nobody_can_listen_is_refused(listen):
    (told,) = refused(gateway={"listen": listen})

    assert told.startswith("gateway.listen: ")


@pytest.mark.parametrize(
    "listen", ["127.0.0.1:0", "[::1]:8080", "::1:8080", "localhost:80", "0.0.0.0:1"]
)
def test_a_place_to_listen_at_is_taken(listen):
    assert Settings.model_validate({"gateway": {"listen": listen}}).gateway.listen == listen


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ("gateway", "max_unfinished_age"),
        ("gateway", "header_timeout"),
        ("gateway", "idle_timeout"),
        ("storage", "scrub"),
        ("storage", "keep_after_delivery"),
        ("mirror", "after"),
        ("retry", "floor"),
        ("retry", "ceiling"),
        ("health", "slow_after"),
        ("health", "cool_off"),
        ("health", "cool_off_ceiling"),
        ("health", "probe_every"),
    ],
)
@pytest.mark.parametrize("text", ["999999999999d", "9" * 400 + "d", "-1s", "inf", "nan d", 1e400])
def test_a_duration_that_no_clock_can_hold_is_refused(section, key, text):
    told = refused(**{section: {key: text}})

    assert told[0].startswith(f"{section}.{key}: ")


@pytest.mark.parametrize(
    "key",
    [
        "retry.floor",
        "health.cool_off",
        "health.slow_after",
        "health.probe_every",
        "registry.settle",
        "registry.key_lifetime",
        "gateway.idle_timeout",
        "gateway.max_unfinished_age",
    ],
)
def test_a_pause_of_nothing_is_refused(key):
    section, _, name = key.partition(".")

    assert refused(**{section: {name: "0s"}})


@pytest.mark.parametrize("text", ["9" * 400, "99999999999TiB", "1025PiB", 10**30, -1, float("inf")])
@pytest.mark.parametrize(("section", "key"), [("gateway", "max_upload"), ("storage", "reserve")])
def test_a_size_that_nothing_can_hold_is_refused(section, key, text):
    (told,) = refused(**{section: {key: text}})

    assert told.startswith(f"{section}.{key}: ")


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 0, -1, 1e-300, 1e300])
def test_a_pace_that_is_none_is_refused(number):
    assert refused(mirror={"drive": {"creates_per_second": number}})


@pytest.mark.parametrize("status", [0, 99, 600, 99999, 10**30])
def test_a_status_that_there_is_not_is_refused(status):
    assert refused(registry={"accepted": [status]})


@pytest.mark.parametrize("table", [{"storage": {"path": "a\0b"}}, {"mirror": {"path": "a\0b"}}])
def test_a_path_that_can_never_be_is_refused(table):
    (told,) = refused(**table)

    assert "has a NUL in it" in told


@pytest.mark.parametrize("text", [f"{SECRET}{{foo}}", f"{SECRET}{{", f"{SECRET}\r\nX-A: b"])
def test_no_text_of_a_header_is_shown(text):
    with pytest.raises(ValueError, match=r"registry\.headers") as caught:
        RegistryOptions(url="http://h/", headers={"X-Key": text}).check()

    assert SECRET not in str(caught.value)
    assert "foo" not in str(caught.value)


SHAPES = {
    "authorized_user": ["refresh_token", "client_id", "client_secret", "token_uri"],
    "service_account": ["client_email", "private_key", "token_uri"],
}


@pytest.mark.parametrize(("kind", "key"), [(kind, key) for kind in SHAPES for key in SHAPES[kind]])
@pytest.mark.parametrize("value", [7, 1.5, True, [], {}, ["a"], {"a": 1}])
def test_credentials_of_another_shape_are_refused_with_a_sentence(kind, key, value, tmp_path):
    path = tmp_path / "drive.json"
    document = dict.fromkeys(SHAPES[kind], "x") | {"type": kind, "token_uri": "http://h/"}
    path.write_text(json.dumps(document | {key: value}), "utf-8")

    with pytest.raises(ValueError, match=r"^mirror\.drive\.credentials: ") as caught:
        load_credentials(DriveOptions(credentials=path))

    assert "make it anew" in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "[]", "7", '"x"', "null", '{"type": []}', '{"type": "x"}', "[" * 100_000, "\udcff"]
)
def test_credentials_that_are_none_are_refused_with_a_sentence(text, tmp_path):
    path = tmp_path / "drive.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))

    with pytest.raises(ValueError, match=r"^mirror\.drive\.credentials: "):
        load_credentials(DriveOptions(credentials=path))


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null/x", "a" * 300, "nowhere.json", "."])
def test_credentials_that_cannot_be_read_are_refused_with_a_sentence(path):
    with pytest.raises(ValueError, match=r"^mirror\.drive\.credentials: .*make it anew"):
        load_credentials(DriveOptions(credentials=Path(path)))


# ------------------------------------------------------------------------------ whatever is given

MANY = hypothesis.settings(max_examples=max(2000, hypothesis.settings().max_examples))

NUMBERS = st.one_of(
    st.integers(),
    st.floats(),
    st.sampled_from([0, -1, 2**63, 2**64, 10**30, 1e308, 65535, 65536]),
)
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    NUMBERS,
    st.text(max_size=20),
    st.lists(st.text(max_size=5), max_size=3),
    st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2),
)
UNITS = st.sampled_from(["ms", "s", "min", "h", "d", "B", "KiB", "GiB", "TiB", "PiB", "", "x"])
AMOUNTS = st.one_of(
    st.builds("{}{}".format, st.integers(0, 400), UNITS),
    st.builds("{}{}".format, st.integers(0, 10**25), UNITS),
    st.builds("{:.3f}{}".format, st.floats(0, 1e20), UNITS),
    st.sampled_from(["never", "forever", "0", "36500d", "30d", "1d", "1024PiB", "\u0661\u0662d"]),
)
LABELS = st.one_of(
    st.sampled_from(["", "registry", "a" * 63, "a" * 64, "xn--a", "xn--ls8h", "[::1]", "{sha256}"]),
    st.text(max_size=8),
)
HOSTS = st.lists(LABELS, min_size=1, max_size=4).map(".".join)
ADDRESSES = st.one_of(
    st.just(""),
    st.builds(
        "{}{}{}{}{}".format,
        st.sampled_from(["http://", "https://", "HTTP://", "//", "ftp://", ""]),
        st.sampled_from(["", "", "", "u:p@", "@"]),
        HOSTS,
        st.sampled_from(["", "", ":1", ":0", ":65535", ":99999", ":x", ":", ":-1"]),
        st.one_of(st.sampled_from(["", "/{upload_id}", "/?k={x}", "/#a"]), st.text(max_size=10)),
    ),
)
TEMPLATES = st.one_of(
    st.sampled_from(["{sha256}", "a{filename}b", "{", "{}", "{{x}}", "{0}", "{a!r:>9}"]),
    st.text(max_size=10),
)
NAMES = st.one_of(
    st.sampled_from(["Idempotency-Key", "X-Key", "Host", "content-type", "Authorization"]),
    st.text(max_size=8),
)
TEXTS = st.dictionaries(NAMES, TEMPLATES, max_size=3)
PATHS = st.one_of(
    st.sampled_from(["a", "a/b", "", "/dev/null", "a" * 300, "a\0b"]), st.text(max_size=9)
)


VALUES = {
    "gateway.listen": st.builds("{}:{}".format, HOSTS, NUMBERS),
    "gateway.public_url": ADDRESSES,
    "gateway.trusted_proxies": st.lists(JUNK, max_size=2),
    "gateway.max_upload": AMOUNTS,
    "gateway.max_unfinished_age": AMOUNTS,
    "gateway.origins": st.lists(st.one_of(ADDRESSES, JUNK), max_size=2),
    "gateway.max_connections": NUMBERS,
    "gateway.header_timeout": AMOUNTS,
    "gateway.idle_timeout": AMOUNTS,
    "gateway.min_rate": AMOUNTS,
    "gateway.max_open_uploads": NUMBERS,
    "storage.path": PATHS,
    "storage.scrub": AMOUNTS,
    "storage.keep_after_delivery": AMOUNTS,
    "storage.reserve": AMOUNTS,
    "mirror.when": st.sampled_from(["stalled", "always", "never"]),
    "mirror.after": AMOUNTS,
    "mirror.path": PATHS,
    "mirror.drive.credentials": PATHS,
    "mirror.drive.folder": st.text(max_size=5),
    "mirror.drive.endpoint": ADDRESSES,
    "mirror.drive.creates_per_second": NUMBERS,
    "registry.url": ADDRESSES,
    "registry.method": st.sampled_from(["POST", "PUT"]),
    "registry.body": st.sampled_from(["multipart", "raw"]),
    "registry.file_field": st.text(max_size=5),
    "registry.fields": TEXTS,
    "registry.headers": TEXTS,
    "registry.bearer": st.text(max_size=5),
    "registry.accepted": st.lists(NUMBERS, max_size=2),
    "registry.duplicate": st.lists(NUMBERS, max_size=2),
    "registry.not_stored": st.lists(NUMBERS, max_size=2),
    "registry.reason": st.sampled_from(["", "/error", "/~"]),
    "registry.lookup_absent": st.one_of(
        st.sampled_from(["", "[]", "/results", "{", "/" + "1" * 5000, "[" * 50_000]),
        st.text(max_size=4),
    ),
    "registry.trust_status": st.booleans(),
    "registry.origins": st.lists(ADDRESSES, max_size=2),
    "registry.settle": AMOUNTS,
    "registry.key_lifetime": AMOUNTS,
    "registry.reference": st.one_of(st.sampled_from(["", "/id", "/a~2"]), st.text(max_size=4)),
    "registry.lookup": ADDRESSES,
    "registry.lookup_sha256": st.sampled_from(["", "/sha256", "/~"]),
    "registry.health": ADDRESSES,
    "retry.floor": AMOUNTS,
    "retry.ceiling": AMOUNTS,
    "health.slow_after": AMOUNTS,
    "health.max_window": NUMBERS,
    "health.cool_off": AMOUNTS,
    "health.cool_off_ceiling": AMOUNTS,
    "health.probe_every": AMOUNTS,
}
ROOTS = st.sampled_from(["gateway", "storage", "mirror", "mirror.drive", "registry", "health"])


@st.composite
def settings_of_any_kind(draw):
    """Draw settings that work, but for a few that are hostile or of any kind at all."""
    tables: dict[str, object] = {}
    put_in(tables, "registry.kind", draw(st.sampled_from(["none", "http", "http", "tus"])))
    put_in(tables, "registry.url", "http://registry.example/intake")
    put_in(tables, "mirror.kind", draw(st.sampled_from(["folder"] * 9 + ["drive"])))
    put_in(tables, "mirror.drive.endpoint", "http://127.0.0.1:9/")
    for name in draw(st.lists(st.sampled_from(sorted(VALUES)), max_size=5, unique=True)):
        value = VALUES[name]
        put_in(tables, name, draw(st.one_of(value, value, value, value, JUNK)))
    if draw(st.integers(0, 30)) == 7:
        put_in(tables, draw(ROOTS), draw(JUNK))
    return tables


def put_in(tables, name, value):
    *path, key = name.split(".")
    for part in path:
        tables = tables.setdefault(part, {})
    tables[key] = value


HOPELESS = {
    "retry": {"ceiling": "30d"},
    "mirror": {"after": "36500d"},
    "health": {"cool_off": "30d", "cool_off_ceiling": "30d", "slow_after": "1d"},
    "gateway": {"max_unfinished_age": "36500d"},
    "storage": {"keep_after_delivery": "36500d", "scrub": "36500d", "reserve": "1024PiB"},
}


@MANY
@given(settings_of_any_kind())
@example(HOPELESS)
def test_any_settings_are_refused_with_sentences_or_carry_all_that_is_made_of_them(tables):
    try:
        settings = Settings.model_validate(tables)
    except ValidationError as error:
        told = problems_of(error)
        assert told
        assert all(told)
        return
    _arithmetic(settings)
    _addresses(settings)
    gateway_options(settings)
    asyncio.run(_going_round(settings))


def _arithmetic(settings):
    now, rng = utc_now(), random.Random(1)
    for name in (REGISTRY, MIRROR):
        rules = worker_rules(settings, name)
        moments = [now + rules.farthest, now + rules.settle, now + rules.lease]
        moments.append(now + rules.retry.wait(timedelta(days=3650), rng))
        assert all(to_ms(moment) > 0 for moment in moments)
        assert rules.lease.total_seconds() > 0
    policy, ill = health_policy(settings), Bad("down")
    health = Health(since=now)
    for _ in range(20):
        while not health.stalled:
            health = advance(health, ill, now=now, policy=policy, rng=rng)
        health = advance(health, CooledOff(), now=now, policy=policy, rng=rng)
        health = advance(health, ill, now=now, policy=policy, rng=rng)
    assert answer_within(settings).total_seconds() * 1000 < 2**31
    for length in (settings.gateway.max_upload, settings.storage.reserve):
        assert 0 <= length + settings.gateway.max_upload < 2**63


class _NobodyThere:
    async def expire(self, *, idle_since):
        return to_ms(idle_since) * 0

    async def free(self, *, ended_before):
        return to_ms(ended_before) * 0


def _janitor(settings):
    return Janitor(
        _NobodyThere(),
        _NobodyThere(),
        max_unfinished_age=settings.gateway.max_unfinished_age,
        keep_after_delivery=settings.storage.keep_after_delivery,
        now=utc_now,
    )


def _addresses(settings):
    """Read the addresses as those who will ask them do."""
    registry = settings.registry
    for url in (registry.url, registry.lookup, registry.health, settings.mirror.drive.endpoint):
        if url:
            assert URL(url).host
            assert URL(url).port
    str(settings.storage.path.absolute()).encode("utf-8", "surrogateescape")


async def _going_round(settings):
    kind = ValueError
    await _janitor(settings).go_round()
    try:
        for destination in destinations_of(settings):
            await destination.close()
    except ValueError as error:
        kind = type(error)
    assert kind is ValueError  # a sentence of ours, and none of its kinds


@given(st.one_of(AMOUNTS, st.text(max_size=12), JUNK))
def test_any_amount_is_read_or_refused(value):
    for parse in (parse_size, parse_duration):
        told = "write"
        try:
            parse(value)
        except ValueError as error:
            told = str(error)
        assert "write" in told

"""`titip check`: every problem at once, each with its mend, and nothing changed."""

import asyncio
import json
import socket
import threading
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from config.check import gateway, machine
from config.check.machine import existing, file_system
from standin.drive.server import serve_drive, write_credentials
from standin.registry.modes import parse_mode
from standin.registry.server import RegistryOptions, serve_registry
from storage.files.process_lock import tenure
from tests.blackbox.hostile_server import CUT, Say, hostile_server
from tests.cli_world import Desk
from tests.ports import free_port


@contextmanager
def served(serving):
    """Run a stand-in in a thread of its own, since the command brings its own event loop."""
    loop, ready, stopping, told = asyncio.new_event_loop(), threading.Event(), asyncio.Event(), []

    async def serve():
        async with serving as running:
            told.append(running)
            ready.set()
            await stopping.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    try:
        yield told[0]
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join(10)
        loop.close()


def registry_standin(mode="healthy"):
    return served(serve_registry(RegistryOptions(mode=parse_mode({"mode": mode}))))


def desk_at(folder, text="", listen=""):
    return Desk.at(folder, f'[gateway]\nlisten = "{listen or f"127.0.0.1:{free_port()}"}"\n{text}')


def look(desk, code=0):
    result = desk.run("check", "--json")
    assert result.exit_code == code or code is None, result.output
    return json.loads(result.stdout)["findings"]


def about(findings, topic, grade=None):
    return [
        one["text"] for one in findings if one["topic"] == topic and grade in {None, one["grade"]}
    ]


def test_a_fresh_folder_is_ready_and_stays_untouched(tmp_path):
    desk = desk_at(tmp_path)

    result = desk.run("check")

    assert result.exit_code == 0, result.output
    assert result.stdout.endswith("Ready.\n")
    assert [one.name for one in tmp_path.iterdir()] == ["titip.toml"]


def test_quiet_shows_only_what_needs_attention(tmp_path):
    result = desk_at(tmp_path).run("check", "--quiet")

    assert "ok " not in result.stdout
    assert "-- registry: none is configured" in result.stdout


def test_wrong_settings_are_exit_code_two_also_as_json(tmp_path):
    desk = desk_at(tmp_path, 'max_upload = "lots"\nauth = "maybe"\n')

    result = desk.run("check", "--json")

    texts = [one["text"] for one in json.loads(result.stdout)["findings"]]
    assert result.exit_code == 2
    assert len(texts) == 2
    assert texts[0].startswith("gateway.max_upload: write a size")


def test_all_problems_are_told_at_once(tmp_path):
    (tmp_path / "data").write_text("a file", "utf-8")
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        desk = desk_at(
            tmp_path,
            '[registry]\nkind = "http"\nurl = "http://127.0.0.1:9/intake"\n'
            'health = "http://127.0.0.1:9/health"\nlookup = "http://127.0.0.1:9/{upload_id}"\n',
            listen,
        )

        findings = look(desk, code=1)

    bad = {one["topic"] for one in findings if one["grade"] == "error"}
    assert bad >= {"data folder", "port", "registry health", "registry lookup"}
    assert all(one["fix"] for one in findings if one["grade"] == "error")


def test_a_port_there_cannot_be_is_told(tmp_path):
    findings = look(desk_at(tmp_path, listen="127.0.0.1:70000"), code=2)

    assert about(findings, "settings", "error") == [
        "gateway.listen: names a port that there is not: one is between 0 and 65535",
    ]


def test_an_address_there_is_not_is_told(tmp_path):
    findings = look(desk_at(tmp_path, listen="192.0.2.1:8080"), code=1)

    assert about(findings, "port", "error")


def test_a_running_gateway_of_ours_is_no_trouble(tmp_path):
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        desk = desk_at(tmp_path, listen=f"127.0.0.1:{taken.getsockname()[1]}")
        desk.hand_in(b"one")
        desk.run("token", "create", "--submitter", "pair-1")
        with tenure(desk.settings.storage.path, "gateway"):
            findings = look(desk)

    assert "a gateway of this data folder runs" in about(findings, "port")[0]


def test_tokens_are_counted(tmp_path):
    desk = desk_at(tmp_path)
    desk.hand_in(b"one")

    none = look(desk, code=1)
    desk.run("token", "create", "--role", "operator")
    operators = look(desk)
    desk.run("token", "create", "--submitter", "pair-1")
    both = look(desk)

    assert about(none, "tokens", "error") == ["there is none: nobody can hand anything in"]
    assert about(operators, "tokens", "warning")[0].endswith("no LO can hand anything in")
    assert about(both, "tokens", "ok") == ["1 for LOs, 1 for operators"]


def test_a_broken_journal_is_told(tmp_path):
    desk = desk_at(tmp_path)
    data = desk.settings.storage.path
    data.mkdir()
    (data / "journal.db").write_text("no database, " * 100, "utf-8")

    assert "is not a journal" in about(look(desk, code=1), "journal", "error")[0]


def test_an_open_door_is_told(tmp_path):
    desk = desk_at(tmp_path, 'auth = "none"\n', listen="0.0.0.0:0")

    findings = look(desk, code=1)

    assert "the whole network may read everything" in about(findings, "tokens", "error")[0]
    assert about(findings, "encryption", "warning")


def test_an_open_door_on_this_machine_is_a_note(tmp_path):
    findings = look(desk_at(tmp_path, 'auth = "none"\n'))

    assert about(findings, "tokens", "warning")


def test_a_reserve_that_is_not_there_is_told(tmp_path):
    desk = desk_at(tmp_path)
    text = desk.file.read_text("utf-8").replace('reserve = "0B"', 'reserve = "9000TiB"')
    desk.file.write_text(text, "utf-8")

    assert about(look(desk, code=1), "free space", "error")


def test_a_mirror_folder_is_not_made_by_looking(tmp_path):
    place = tmp_path / "other" / "mirror"
    desk = desk_at(tmp_path, f'[mirror]\npath = "{place}"\n')

    findings = look(desk)

    assert f"{place} will be made" in about(findings, "mirror", "ok")[0]
    assert not place.parent.exists()


def test_a_mirror_folder_that_is_a_file_is_told(tmp_path):
    place = tmp_path / "mirror"
    place.write_text("a file", "utf-8")
    desk = desk_at(tmp_path, f'[mirror]\npath = "{place}"\n')

    assert about(look(desk, code=1), "mirror", "error") == [f"{place} is not healthy"]


def test_a_mirror_that_is_never_used_is_a_note(tmp_path):
    findings = look(desk_at(tmp_path, '[mirror]\nwhen = "never"\n'))

    assert "lies on this machine alone" in about(findings, "mirror", "warning")[0]


def test_credentials_that_are_missing_are_told(tmp_path):
    desk = desk_at(
        tmp_path,
        f'[mirror]\nkind = "drive"\n[mirror.drive]\ncredentials = "{tmp_path / "none.json"}"\n',
    )

    assert "mirror.drive.credentials" in about(look(desk, code=1), "mirror", "error")[0]


@pytest.mark.parametrize("kind", ["http", "tus"])
def test_a_secret_that_is_not_there_is_told_and_nothing_is_asked_without_it(kind, tmp_path):
    with hostile_server(lambda asked: Say(200)) as server:
        desk = desk_at(
            tmp_path,
            f'[registry]\nkind = "{kind}"\nurl = "{server.url}/intake"\n'
            f'bearer = "file:{tmp_path / "none"}"\nhealth = "{server.url}/health"\n'
            f'lookup = "{server.url}/{{upload_id}}"\n',
        )
        findings = look(desk, code=1)

    (told,) = about(findings, "registry", "error")
    assert told == (
        "registry.bearer: the file of this secret cannot be read (No such file or directory)"
    )
    assert not server.asked


def drive_desk(folder, running):
    credentials = folder / "drive.json"
    write_credentials(credentials, drive_url=running.url)
    return desk_at(
        folder,
        f'[mirror]\nkind = "drive"\n[mirror.drive]\ncredentials = "{credentials}"\n'
        f'endpoint = "{running.url}/"\n',
    )


def test_a_drive_that_lets_us_in_is_well(tmp_path):
    with served(serve_drive()) as running:
        findings = look(drive_desk(tmp_path, running))

    assert about(findings, "mirror", "ok") == [f"{running.url} can receive"]


def test_a_drive_that_does_not_let_us_in_is_told(tmp_path):
    with served(serve_drive()) as running:
        running.set_fault("revoked")
        findings = look(drive_desk(tmp_path, running), code=1)

    (told,) = about(findings, "mirror", "error")
    assert "Google refused the credentials (invalid_grant)" in told
    assert "authorise Titip again" in told


def test_credentials_that_others_may_read_are_a_note(tmp_path):
    with served(serve_drive()) as running:
        desk = drive_desk(tmp_path, running)
        (tmp_path / "drive.json").chmod(0o644)
        findings = look(desk)

    assert "others may read the credentials" in about(findings, "mirror", "warning")[0]


def settings_for(running):
    return (
        f'[registry]\nkind = "http"\nurl = "{running.intake_url}"\n'
        f'lookup = "{running.lookup_url}"\nhealth = "{running.health_url}"\n'
    )


def test_a_registry_that_answers_is_well(tmp_path):
    with registry_standin() as running:
        findings = look(desk_at(tmp_path, settings_for(running)))

    assert about(findings, "registry health", "ok")
    assert about(findings, "registry lookup", "ok") == [
        (
            "says with 404 that a file is not there which is not, as it must; whether it finds "
            "one that is there shows with the first delivery"
        )
    ]


def test_a_stalled_registry_is_told(tmp_path):
    with registry_standin("bad_gateway") as running:
        findings = look(desk_at(tmp_path, settings_for(running)), code=1)

    assert about(findings, "registry health", "error")
    assert about(findings, "registry lookup", "error") == ["answers 502"]


def test_a_lookup_that_finds_everything_is_told(tmp_path):
    with registry_standin() as running:
        everything = f"{running.health_url}?of={{upload_id}}"
        text = settings_for(running).replace(running.lookup_url, everything)
        findings = look(desk_at(tmp_path, text), code=1)

    assert "a lost file would count as delivered" in about(findings, "registry lookup", "error")[0]


@pytest.mark.parametrize("kind", ["http", "tus"])
def test_a_health_address_that_refuses_to_be_asked_is_told_as_that(tmp_path, kind):
    with hostile_server(lambda _asked: Say(404)) as far:
        text = f'[registry]\nkind = "{kind}"\nurl = "{far.url}"\nhealth = "{far.url}/healht"\n'
        findings = look(desk_at(tmp_path, text), code=1)

    (said,) = about(findings, "registry health", "error")
    assert said.endswith("refuses to be asked, so it tells nothing")


def test_a_registry_that_cannot_be_asked_is_a_note(tmp_path):
    desk = desk_at(tmp_path, '[registry]\nkind = "http"\nurl = "http://127.0.0.1:9/intake"\n')

    findings = look(desk, code=1)

    assert about(findings, "registry health", "warning")
    assert about(findings, "registry address", "error") == [
        "cannot be reached: nobody listens at 127.0.0.1:9 (http://127.0.0.1:9)",
    ]
    assert (
        "the Idempotency-Key that is sent is no promise"
        in (about(findings, "registry lookup", "warning")[0])
    )


def test_a_key_that_the_registry_is_said_to_honour_is_a_note(tmp_path):
    desk = desk_at(
        tmp_path,
        '[registry]\nkind = "http"\nurl = "http://127.0.0.1:9/intake"\nkey_lifetime = "12h"\n',
    )

    told = about(look(desk, code=1), "registry lookup", "warning")[0]

    assert "sent again with its Idempotency-Key, as long as the registry honours it" in told


@pytest.mark.parametrize(("answer", "grade"), [([], "ok"), (["x"], "error"), ({}, "error")])
def test_a_lookup_that_searches_says_not_there_in_its_own_way(answer, grade, tmp_path):
    with hostile_server(lambda asked: Say(200, answer)) as server:
        text = (
            f'[registry]\nkind = "http"\nurl = "{server.url}/intake"\nlookup_absent = "[]"\n'
            f'lookup = "{server.url}/search?key={{upload_id}}"\n'
        )
        findings = look(desk_at(tmp_path, text), code=None)

    assert [one["grade"] for one in findings if one["topic"] == "registry lookup"] == [grade]


def test_a_token_in_clear_is_a_note(tmp_path):
    desk = desk_at(
        tmp_path,
        '[registry]\nkind = "http"\nurl = "http://127.0.0.1:9/intake"\nbearer = "hush"\n'
        "headers = {}\n",
    )

    result = desk.run("check", "--json")

    findings = json.loads(result.stdout)["findings"]
    assert "travels in clear" in about(findings, "registry", "warning")[0]
    assert (
        "after a lost answer a file waits for a person"
        in about(findings, "registry lookup", "warning")[0]
    )
    assert "hush" not in result.stdout


@pytest.mark.parametrize(
    ("end", "more", "told"),
    [
        ("{filename}", "", True),
        ("{filename}", 'lookup_sha256 = "/sha256"', False),
        ("{upload_id}/{filename}", "", False),
    ],
)
def test_a_look_up_by_a_name_that_may_come_twice_is_a_note(tmp_path, end, more, told):
    desk = desk_at(
        tmp_path,
        '[registry]\nkind = "http"\nurl = "http://127.0.0.1:9/intake"\n'
        f'lookup = "http://127.0.0.1:9/{end}"\n{more}\n',
    )

    notes = about(look(desk, code=1), "registry", "warning")

    assert any("by its name alone" in one for one in notes) is told


def test_options_of_a_registry_that_cannot_work_are_told_each(tmp_path):
    desk = desk_at(
        tmp_path,
        '[registry]\nkind = "http"\nurl = "http://h/{a}"\nlookup = "http://h/{b}"\n',
    )

    assert len(about(look(desk, code=1), "registry", "error")) == 2


def test_a_data_folder_that_others_may_look_into_is_a_note(tmp_path):
    desk = desk_at(tmp_path)
    desk.settings.storage.path.mkdir(mode=0o755)

    assert "others on this machine" in about(look(desk), "data folder", "warning")[0]


def test_few_open_files_are_a_note(tmp_path, monkeypatch):
    monkeypatch.setattr("resource.getrlimit", lambda _: (1024, 1024))

    assert about(look(desk_at(tmp_path)), "open files", "warning") == [
        "at most 1,024: enough for about 341 uploads at once",
    ]


def test_an_old_sqlite_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("apsw.sqlite_lib_version", lambda: "3.40.1")

    findings = list(machine.machine_findings(desk_at(tmp_path).settings))

    assert [one.grade for one in findings if one.topic == "SQLite"] == ["error"]


def test_a_clock_that_was_never_set_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "EARLIEST", datetime(2999, 1, 1, tzinfo=UTC))

    assert about(look(desk_at(tmp_path), code=1), "clock", "error")


ANSWERS = {
    "a page": Say(200, "<html>Sign in</html>"),
    "no HTTP": Say(raw=b"SSH-2.0-OpenSSH\r\n"),
    "a cut": CUT,
    "a cut head": Say(raw=b"HTTP/1.1 200 O"),
    "an impossible status": Say(raw=b"HTTP/1.1 99999 Odd\r\n\r\n"),
    "a redirect to nowhere": Say(302, b"", {"Location": "http://registry..example/"}),
    "a list": Say(200, []),
    "no text": Say(200, b"\xff\xfe\x00{"),
    "a lie about gzip": Say(200, b"no gzip", {"Content-Encoding": "gzip"}),
    "null": Say(200, b"null"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_whatever_a_server_answers_is_a_finding(name, tmp_path):
    with hostile_server(lambda asked: ANSWERS[name]) as server:
        findings = look(
            desk_at(
                tmp_path,
                f'[mirror]\nkind = "drive"\n[mirror.drive]\nendpoint = "{server.url}/"\n'
                f'[registry]\nkind = "http"\nurl = "{server.url}/intake?key=hush"\n'
                f'health = "{server.url}/health?key=hush"\nlookup = "{server.url}/{{upload_id}}"\n',
            ),
            code=1,
        )

    topics = {one["topic"] for one in findings}
    assert topics >= {"mirror", "registry address", "registry health", "registry lookup"}
    assert "hush" not in json.dumps(findings)


def test_a_look_that_fails_is_a_finding_and_the_others_go_on(tmp_path, monkeypatch):
    def broken():
        raise ZeroDivisionError("hush")

    monkeypatch.setattr(machine, "_sqlite", broken)

    findings = look(desk_at(tmp_path), code=1)

    assert about(findings, "this machine", "error") == [
        "it could not be looked at (ZeroDivisionError)"
    ]
    assert about(findings, "port", "ok")
    assert about(findings, "data folder", "ok")


def test_paths_that_cannot_be_looked_at_are_told(tmp_path):
    (tmp_path / "file").write_text("x", "utf-8")
    long, below = (
        look(desk_at(tmp_path, f'[mirror]\npath = "{path}"\n'), code=None)
        for path in ("a" * 300, tmp_path / "file" / "mirror")
    )

    assert about(long, "mirror")
    assert f"{tmp_path / 'file'} is a file" in about(below, "mirror", "error")


def test_the_nearest_folder_that_exists_is_found(tmp_path):
    assert existing(tmp_path / "a" / "b") == tmp_path
    assert existing(tmp_path) == tmp_path


@pytest.mark.parametrize(
    ("kind", "grade"),
    [("nfs4", "error"), ("tmpfs", "error"), ("overlay", "warning"), ("ext4", "ok")],
)
def test_file_systems_are_graded(kind, grade, tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "file_system", lambda _: kind)

    findings = look(desk_at(tmp_path), code=grade == "error")

    assert len(about(findings, "file system", grade)) == 1


@pytest.mark.skipif(not Path("/proc/self/mountinfo").exists(), reason="Linux tells")
def test_the_file_system_of_a_place_is_known():
    assert file_system(Path("/proc/self")) == "proc"


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1", True),
        ("[::1]", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("h.org", False),
    ],
)
def test_loopback_is_known(host, here):
    assert gateway.is_loopback(host) is here


def test_a_registry_that_has_little_time_to_store_a_file_is_told(tmp_path):
    text = '[registry]\nkind = "http"\nurl = "http://127.0.0.1:9/intake"\nsettle = "2s"\n'

    findings = look(desk_at(tmp_path, text), code=None)

    assert any(
        one.startswith('after 2 s "it is not there" is believed')
        for one in about(findings, "registry", "warning")
    )

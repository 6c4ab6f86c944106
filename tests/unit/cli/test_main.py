"""The command line as a whole: help for everything, one sentence for every error."""

import pytest
from typer.testing import CliRunner

from cli.main import app

COMMANDS = [
    "serve",
    "gateway",
    "sync",
    "push",
    "status",
    "uploads",
    "deliveries",
    "history",
    "receipt",
    "resync",
    "pause",
    "resume",
    "probe",
    "delivered",
    "check",
    "demo",
    "token create",
    "token list",
    "token revoke",
    "standin registry",
    "standin drive",
    "standin mode",
    "standin fault",
    "standin stats",
    "standin entries",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(command):
    result = CliRunner().invoke(app, [*command.split(), "--help"])

    assert result.exit_code == 0
    assert "Examples:" in result.stdout
    assert f"titip {command}" in result.stdout


def test_help_lists_every_command():
    result = CliRunner().invoke(app, ["--help"])

    assert result.exit_code == 0
    for command in COMMANDS:
        assert f"  {command.split()[0]} " in result.stdout


def test_the_version_is_told():
    result = CliRunner().invoke(app, ["--version"])

    assert result.exit_code == 0
    assert result.stdout.startswith("titip ")


def test_a_wrong_option_is_a_usage_error():
    result = CliRunner().invoke(app, ["status", "--nonsense"])

    assert result.exit_code == 2
    assert "--nonsense" in result.stderr


@pytest.mark.parametrize("command", [["serve"], ["status"], ["check"], ["token", "list"]])
def test_wrong_settings_stop_every_command_before_it_begins(command, tmp_path):
    file = tmp_path / "titip.toml"
    file.write_text('[gateway]\nauth = "maybe"\n', "utf-8")

    result = CliRunner().invoke(app, [*command, "--config", str(file)])

    assert result.exit_code == 2
    assert "gateway.auth: must be 'token' or 'none'" in result.stderr
    assert result.stdout == ""


def test_a_data_folder_that_nobody_used_is_told_and_not_made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    result = CliRunner().invoke(app, ["status"])

    assert result.exit_code == 1
    assert "There is no journal in titip-data" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_journal_that_is_none_is_told_in_a_sentence(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "titip-data").mkdir()
    (tmp_path / "titip-data" / "journal.db").write_text("no database, " * 100, "utf-8")

    result = CliRunner().invoke(app, ["status"])

    assert result.exit_code == 1
    assert "is not a journal" in result.stderr
    assert "Traceback" not in result.output


def test_the_settings_of_a_destination_that_cannot_work_stop_a_start(tmp_path):
    file = tmp_path / "titip.toml"
    file.write_text(
        f'[storage]\npath = "{tmp_path / "data"}"\n'
        '[registry]\nkind = "http"\nurl = "https://registry.example/{nonsense}"\n',
        "utf-8",
    )

    result = CliRunner().invoke(app, ["serve", "--config", str(file)])

    assert result.exit_code == 2
    assert "unknown {nonsense}" in result.stderr
    assert not (tmp_path / "data").exists()

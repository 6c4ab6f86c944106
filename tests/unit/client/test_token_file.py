"""The file that `titip push` takes its token from, as any editor writes it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from client import push as push_module
from client.errors import BadOptions

TOKEN = "titip_0000_abc"


@pytest.fixture
def token_taken(monkeypatch, tmp_path):
    """Give the token that a push with this file would hand to the gateway, and what it said."""
    monkeypatch.delenv("TITIP_TOKEN", raising=False)
    taken = []

    def instead(_paths: list[Path], options, **_):
        taken.append(options.token)
        raise BadOptions("nothing is sent in this test")

    monkeypatch.setattr(push_module, "push", instead)

    def run(content):
        file = tmp_path / "lo.token"
        file.write_bytes(content)
        words = ["push", "scan.jpg", "--to", "http://127.0.0.1:9", "--token-file", str(file)]
        result = CliRunner().invoke(app, words)
        assert result.exit_code == 2
        return taken, result.stderr

    return run


@pytest.mark.parametrize(
    ("mark", "coding"),
    [
        (b"", "utf-8"),
        (b"\xef\xbb\xbf", "utf-8"),
        (b"\xff\xfe", "utf-16-le"),
        (b"\xfe\xff", "utf-16-be"),
    ],
)
def test_a_token_is_read_as_the_file_s_mark_says(token_taken, mark, coding):
    taken, _ = token_taken(mark + f"{TOKEN}\r\n".encode(coding))

    assert taken == [TOKEN]


@pytest.mark.parametrize("content", [b"", b" \r\n\n", b"\xef\xbb\xbf", b"\xff\xfe\n\x00"])
def test_an_empty_token_file_is_told_and_goes_to_no_gateway(token_taken, content):
    taken, said = token_taken(content)

    assert not taken
    assert "is empty: write the token into it" in said


@pytest.mark.parametrize("content", [b"\xff", b"\xff\xfea", b"titip_\xe9"])
def test_a_token_file_that_is_no_text_is_told(token_taken, content):
    taken, said = token_taken(content)

    assert not taken
    assert "cannot be read (it is no text): check --token-file" in said

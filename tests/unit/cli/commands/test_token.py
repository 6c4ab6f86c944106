"""`titip token create|list|revoke`."""

import pytest

from tests.cli_world import Desk
from titip.access import opens, split


@pytest.fixture
def desk(tmp_path):
    return Desk.at(tmp_path)


def test_a_token_is_printed_alone_so_that_a_shell_can_take_it(desk):
    result = desk.run("token", "create", "--submitter", "Pair 1")

    parts = split(result.stdout.strip())
    assert parts is not None
    token_id, secret = parts
    kept = desk.with_books(lambda books: books.tokens.token(token_id))
    assert result.exit_code == 0
    assert opens(kept, secret)
    assert (kept.role, kept.submitter) == ("lo", "Pair 1")
    assert secret not in result.stderr


def test_an_lo_needs_a_submitter(desk):
    result = desk.run("token", "create", "--role", "lo")

    assert result.exit_code == 2
    assert "add --submitter NAME" in result.stderr


def test_a_name_that_would_break_a_screen_is_refused(desk):
    assert desk.run("token", "create", "--submitter", "a\x1b[2Jb").exit_code == 2


def test_a_list_shows_no_secret(desk):
    made = desk.read("token", "create", "--role", "operator")

    listed = desk.read("token", "list")
    shown = desk.run("token", "list").stdout

    assert [one["id"] for one in listed["tokens"]] == [made["id"]]
    assert made["token"].split("_", 2)[2] not in shown
    assert "works" in shown


def test_a_revoked_token_opens_nothing(desk):
    made = desk.read("token", "create", "--submitter", "pair-1")

    result = desk.run("token", "revoke", made["token"])

    assert result.exit_code == 0
    assert desk.read("token", "list")["tokens"][0]["live"] is False
    assert "revoked" in desk.run("token", "list").stdout


def test_revoking_what_is_not_there_fails(desk):
    desk.run("token", "create", "--submitter", "pair-1")

    result = desk.run("token", "revoke", "0000")

    assert result.exit_code == 1
    assert "There is no token of that id" in result.stderr

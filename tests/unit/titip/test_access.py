import hashlib
import hmac
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import EPOCH, names
from titip.access import Bearer, Role, Token, digest_of, opens, spell, split

SECRET = "k7Yw_9Qd-secret"
TOKEN = Token("a1b2", Role.LO, "pair-7", digest_of(SECRET), EPOCH)


@given(names(), st.text(st.characters(codec="ascii"), min_size=1))
def test_a_token_is_split_as_it_was_spelled(token_id, secret):
    assert split(spell(token_id, secret)) == (token_id, secret)


@given(st.text())
def test_whatever_is_split_is_spelled_the_same_again(text):
    parts = split(text)

    assert parts is None or spell(*parts) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "titip",
        "titip_",
        "titip_a",
        "titip_a_",
        "titip__s",
        "other_a_s",
        "Titip_a_s",
        " titip_a_s",
    ],
)
def test_what_is_no_token_is_split_into_nothing(text):
    assert split(text) is None


@pytest.mark.parametrize("text", ["titip_a_\udcff", "titip_\udcff_s", "titip_a_é"])
def test_bytes_that_no_token_has_are_refused_before_they_reach_a_digest(text):
    assert split(text) is None


def test_only_a_digest_of_the_secret_is_kept():
    assert TOKEN.digest == hashlib.sha256(SECRET.encode()).hexdigest()
    assert SECRET not in repr(TOKEN)


def test_a_live_token_is_opened_by_its_secret():
    assert TOKEN.live
    assert opens(TOKEN, SECRET)


@given(st.text(st.characters(codec="utf-8")).filter(lambda text: text != SECRET))
def test_no_other_secret_opens_it(secret):
    assert not opens(TOKEN, secret)


def test_the_kept_digest_does_not_open_it():
    assert not opens(TOKEN, TOKEN.digest)


def test_a_revoked_token_opens_nothing():
    revoked = replace(TOKEN, revoked_at=EPOCH + timedelta(days=1))

    assert not revoked.live
    assert not opens(revoked, SECRET)


@pytest.mark.parametrize("revoked_at", [None, EPOCH])
@pytest.mark.parametrize("secret", [SECRET, "another"])
def test_secrets_are_compared_in_constant_time_and_even_for_a_revoked_token(
    monkeypatch, secret, revoked_at
):
    compared = []
    real = hmac.compare_digest

    def watched(kept, offered):
        compared.append((kept, offered))
        return real(kept, offered)

    monkeypatch.setattr(hmac, "compare_digest", watched)

    opens(replace(TOKEN, revoked_at=revoked_at), secret)

    assert compared == [(TOKEN.digest, digest_of(secret))]


def test_an_lo_owns_what_its_submitter_handed_in_and_nothing_else():
    bearer = Bearer(Role.LO, "pair-7")

    assert bearer.owns("pair-7")
    assert not bearer.owns("pair-8")
    assert not bearer.owns("")


@given(names(), names())
def test_an_operator_owns_everything(own, other):
    assert Bearer(Role.OPERATOR, own).owns(other)

"""Who may come in, and what it costs to find out."""

import pytest

from gateway.auth import Authenticator
from gateway.options import Auth
from gateway.protocol.errors import Refusal
from tests.fakes import MemoryTokens, utc_now
from titip.access import Bearer, Role, spell


@pytest.fixture
def tokens():
    return MemoryTokens()


@pytest.fixture
def door(tokens):
    return Authenticator(tokens, Auth.TOKEN)


async def refused(door, authorization):
    with pytest.raises(Refusal) as refusal:
        await door.authenticate({} if authorization is None else {"Authorization": authorization})
    return refusal.value.problem


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
async def test_a_live_token_opens(door, tokens, scheme):
    _, text = await tokens.issue(Role.LO, "pair-1", now=utc_now())

    assert await door.authenticate({"Authorization": f"{scheme} {text}"}) == Bearer(
        Role.LO, "pair-1"
    )


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic abc",
        "Bearer nonsense",
        "Bearer titip_a_",
        "Bearer \u00e9",
    ],
)
async def test_what_is_no_token_does_not(door, tokens, authorization):
    problem = await refused(door, authorization)

    assert problem.status == 401
    assert problem.headers["WWW-Authenticate"].startswith("Bearer")
    assert tokens.lookups == 0


async def test_a_wrong_secret_and_an_unknown_id_are_answered_alike(door, tokens):
    token, _ = await tokens.issue(Role.LO, "pair-1", now=utc_now())

    wrong = await refused(door, f"Bearer {spell(token.id, 'guess')}")
    unknown = await refused(door, f"Bearer {spell('unknown', 'guess')}")

    assert wrong == unknown


async def test_a_revoked_token_does_not_open(door, tokens):
    token, text = await tokens.issue(Role.LO, "pair-1", now=utc_now())
    await tokens.revoke(token.id, now=utc_now())

    assert (await refused(door, f"Bearer {text}")).status == 401


async def test_the_empty_secret_opens_nothing(door):
    assert (await refused(door, "Bearer titip__")).status == 401


async def test_a_token_is_looked_up_once_for_many_requests(door, tokens):
    _, text = await tokens.issue(Role.LO, "pair-1", now=utc_now())

    for _ in range(5):
        await door.authenticate({"Authorization": f"Bearer {text}"})

    assert tokens.lookups == 1


async def test_made_up_tokens_cannot_fill_the_memory(door, monkeypatch):
    monkeypatch.setattr("gateway.auth.REMEMBERED", 3)

    for number in range(10):
        await refused(door, f"Bearer {spell(str(number), 'guess')}")

    assert len(door._known) <= 3  # noqa: SLF001


@pytest.mark.parametrize(("submitter", "named"), [("", "operators"), ("office", "office")])
async def test_an_operator_hands_in_under_its_name_or_the_operators(door, tokens, submitter, named):
    _, text = await tokens.issue(Role.OPERATOR, submitter, now=utc_now())

    headers = {"Authorization": f"Bearer {text}"}
    await door.require_operator(headers)

    assert await door.authenticate(headers) == Bearer(Role.OPERATOR, named)


async def test_an_lo_is_no_operator(door, tokens):
    _, text = await tokens.issue(Role.LO, "pair-1", now=utc_now())

    with pytest.raises(Refusal) as refusal:
        await door.require_operator({"Authorization": f"Bearer {text}"})

    assert refusal.value.problem.status == 403


async def test_without_tokens_everyone_is_let_in(tokens):
    door = Authenticator(tokens, Auth.NONE)

    await door.require_operator({})

    assert await door.authenticate({}) == Bearer(Role.OPERATOR, "everyone")

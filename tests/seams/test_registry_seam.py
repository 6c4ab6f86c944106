"""A registry that may answer anything at any time, and what a delivery makes of it.

In process and on a clock of its own: the registry's answers, what it really stores and when, its
look-ups, and kills of Titip in the midst are drawn; the properties are those of the promises.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.destinations.http.options import RegistryOptions
from sync.destinations.http.registry import HttpRegistry
from sync.destinations.http_answer import Answer, Meaning, meaning_of
from tests.destination_fakes import Crash, a_parcel
from tests.seams.life import CLAIMS, SEAM, Clock, life
from titip.delivery import REGISTRY, DeliveryState
from titip.errors import DestinationUnavailable, OutcomeUnknown
from titip.evidence import Doubt, Evidence

DATA = b"a supporter's statement"
SHA256 = a_parcel(DATA).upload.sha256
LIFETIME = timedelta(hours=12)


@dataclass(frozen=True)
class Deed:
    """What the registry does with one request: how it answers, and when it stores, if it does."""

    answer: Answer | None
    """None: no answer comes."""
    whole: bool = True
    stores: bool = False
    late: float = 0.0
    dies: bool = False
    """Titip is killed before it has written down how this ended."""


@dataclass
class MemoryLine:
    """The wire to a registry that is nothing but memory; see RegistryConnection."""

    clock: Clock
    deeds: list[Deed]
    looks: list[object]
    honours_key: bool = False
    blind: bool = False
    """Its look-up asks under a key that no file has."""
    stored_at: list[datetime] = field(default_factory=list)
    events: list[tuple[str, Any]] = field(default_factory=list)

    @property
    def is_there(self):
        return any(at <= self.clock.now for at in self.stored_at)

    async def send(self, url, *, headers, content, framing, progress):
        deed = self.deeds.pop(0) if self.deeds else Deed(None)
        self.events.append(("send", deed))
        if not deed.whole:
            if deed.answer is None:
                raise DestinationUnavailable("stopped reading")
            return replace(deed.answer, whole=False)
        progress.body_sent()
        if deed.stores and not (self.honours_key and self.stored_at):
            self.stored_at.append(self.clock.now + timedelta(seconds=deed.late))
        if deed.dies:
            raise Crash
        if deed.answer is None:
            raise OutcomeUnknown("did not answer in time, after the whole file had left")
        return deed.answer

    async def ask(self, url, headers=None):
        odd = self.looks.pop(0) if self.looks else None
        self.events.append(("look", odd))
        if isinstance(odd, DestinationUnavailable):
            raise odd
        if isinstance(odd, Answer):
            return odd
        if self.blind or not self.is_there:
            self.events.append(("absent", self.clock.now))
            return Answer(404, body=b'{"error": "none"}')
        document = {"id": "SILON-1", "sha256": SHA256}
        return Answer(200, body=json.dumps(document).encode())

    async def healthy(self):
        return True

    async def close(self):
        pass


BODIES = st.sampled_from(
    [
        *(b"", b"{}", b'{"id": null}', b'{"id": 417.0}', b'{"success": false}', b"[]", b"null"),
        *(b"<html>Login", b"\xff\xfe", b'{"id": "S', b'{"id": "SILON-\\ud83d"}', b'{"id": true}'),
        *(b'{"id": 417}', b'{"id": "SILON-1"}', b'{"id": "SILON-1"}', b'{"error": {"message": 1}}'),
    ]
)
STATUSES = st.one_of(
    st.integers(100, 599),
    st.sampled_from([200, 201, 202, 204, 303, 400, 403, 408, 409, 422, 429, 500, 503, 520, 524]),
)
ANSWERS = st.builds(
    Answer,
    STATUSES,
    body=BODIES,
    retry_after=st.sampled_from([None, None, timedelta(seconds=1), timedelta(hours=1)]),
)
DEEDS = st.builds(
    Deed,
    st.none() | ANSWERS,
    whole=st.sampled_from([True, True, True, False]),
    stores=st.booleans(),
    late=st.sampled_from([0.0, 0.0, 1.5, 59.0]),
    dies=st.sampled_from([False, False, False, True]),
)
LOOKS = st.one_of(
    st.none(),
    st.builds(Answer, st.integers(400, 599).filter(lambda status: status != 404), body=BODIES),
    st.builds(Answer, st.just(200), body=st.sampled_from([b"{}", b"<html>", b"[]", b'{"id": []}'])),
    st.builds(Answer, st.just(200), body=st.just(b'{"sha256": null, "id": {}}')),
    st.builds(lambda: DestinationUnavailable("did not answer in time")),
)
CONFIGURED = (
    st.fixed_dictionaries(
        {},
        optional={
            "lookup": st.just("http://registry.test/{upload_id}"),
            "lookup_sha256": st.just("/sha256"),
            "trust_status": st.just(True),
            "key_lifetime": st.just(LIFETIME),
            "not_stored": st.sampled_from([(503,), (422, 429, 503), (408,)]),
            "duplicate": st.just((409,)),
            "reference": st.sampled_from(["/id", "header:Location"]),
        },
    )
    .filter(lambda chosen: "lookup" in chosen or "lookup_sha256" not in chosen)
    .filter(lambda chosen: not ("trust_status" in chosen and "lookup_sha256" in chosen))
)


async def life_of(deeds, looks, chosen, *, resyncs, blind=False):
    """Let one delivery live through its claims; give it, the registry, and what happened."""
    clock = Clock()
    line = MemoryLine(
        clock, list(deeds), list(looks), honours_key="key_lifetime" in chosen, blind=blind
    )
    options = RegistryOptions(
        url="http://registry.test/intake",
        headers={"Idempotency-Key": "{delivery_id}"},
        **chosen,
    )
    near = HttpRegistry(options, line=cast("Any", line), now=clock, sleep=clock.sleep)
    row = await life(
        near,
        clock,
        data=DATA,
        destination=REGISTRY,
        resyncs=resyncs,
        told=lambda kind, what: line.events.append((kind, what)),
    )
    return row, line, options


def is_yes(answer, options):
    return meaning_of(answer, options.rules) is Meaning.ACCEPTED


def leaves_nothing(deed, options):
    """Tell whether after this the file is not there, by the rules that an operator reads."""
    if not deed.whole:
        return deed.answer is None or deed.answer.status not in range(200, 400)
    confirmed_absent = deed.answer is not None and deed.answer.status in options.not_stored
    return confirmed_absent and not deed.dies


def may_be_repeated(deed):
    """Tell whether the same key may be sent again after this."""
    answer = deed.answer
    return deed.dies or answer is None or answer.status in {408, 409} or answer.status >= 500


def blind_repeats(line, options):
    """Count the times that it was sent while an earlier effect was possible and not looked up."""
    blind = 0
    open_deeds: list[Deed] = []
    for kind, what in line.events:
        if kind == "absent":
            open_deeds = []
        if kind == "send":
            by_key = options.key_lifetime is not None and all(map(may_be_repeated, open_deeds))
            blind += bool(open_deeds) and not by_key
            if not leaves_nothing(what, options):
                open_deeds.append(what)
    return blind


@SEAM
@given(
    deeds=st.lists(DEEDS, max_size=CLAIMS),
    looks=st.lists(LOOKS, max_size=12),
    chosen=CONFIGURED,
    resyncs=st.sets(st.integers(1, CLAIMS)),
)
def test_whatever_a_registry_answers_nothing_is_sent_blind_and_nothing_believed_unproven(
    *, deeds, looks, chosen, resyncs
):
    truthful = [
        replace(deed, stores=False) if deed_is_vouched(deed, chosen) else deed for deed in deeds
    ]
    row, line, options = asyncio.run(life_of(truthful, looks, chosen, resyncs=resyncs))

    assert blind_repeats(line, options) == 0
    assert len(line.stored_at) <= 1
    assert (
        row.state is not DeliveryState.ACTIVE or row.maybe_delivered or line.events[-2][0] != "row"
    )
    if row.state is DeliveryState.DELIVERED:
        assert_proved(row, line, options)


@SEAM
@given(
    deeds=st.lists(DEEDS, max_size=CLAIMS),
    looks=st.lists(LOOKS, max_size=12),
    digest=st.sampled_from([{}, {"lookup_sha256": "/sha256"}]),
    resyncs=st.sets(st.integers(1, CLAIMS)),
)
def test_a_yes_is_not_sent_again_for_the_word_of_a_look_up_that_never_found_a_file(
    *, deeds, looks, digest, resyncs
):
    chosen = {"lookup": "http://registry.test/{delivery_id}"} | digest
    row, line, options = asyncio.run(life_of(deeds, looks, chosen, resyncs=resyncs, blind=True))

    sent = [what for kind, what in line.events if kind == "send"]
    said_yes = [
        number
        for number, deed in enumerate(sent)
        if deed.whole and not deed.dies and deed.answer and is_yes(deed.answer, options)
    ]
    assert said_yes in ([], [len(sent) - 1])
    assert row.maybe_delivered or not said_yes or row.state is DeliveryState.DELIVERED


def test_a_look_up_that_found_another_file_is_believed_against_a_yes():
    clock, kept, lost = Clock(), Deed(Answer(201), stores=True), Deed(Answer(201))
    line = MemoryLine(clock, [kept], [])
    options = RegistryOptions(
        url="http://registry.test/intake",
        lookup="http://registry.test/{upload_id}",
        lookup_sha256="/sha256",
    )
    near = HttpRegistry(options, line=cast("Any", line), now=clock, sleep=clock.sleep)

    def lived():
        return asyncio.run(life(near, clock, data=DATA, destination=REGISTRY, resyncs=set()))

    assert lived().evidence is Evidence.DIGEST
    line.stored_at.clear()
    line.deeds = [lost, kept]
    assert lived().evidence is Evidence.DIGEST
    assert [kind for kind, _ in line.events].count("send") == 3

    line.stored_at.clear()
    line.deeds = [lost, lost, kept]
    parked = lived()
    assert parked.state is DeliveryState.PARKED
    assert "needs attention: the registry said yes" in parked.reason
    assert [kind for kind, _ in line.events].count("send") == 5


def deed_is_vouched(deed, chosen):
    """A registry keeps to what its operator says of it, and to what it says before the body."""
    if deed.answer is None:
        return not deed.whole
    return deed.answer.status in chosen.get("not_stored", ()) or not deed.whole


def assert_proved(row, line, options):
    """The evidence on the row is what the registry really showed."""
    match row.evidence:
        case Evidence.DIGEST:
            assert options.lookup_sha256
            assert line.is_there
        case Evidence.REFERENCE:
            assert row.locator
            assert not options.lookup_sha256
        case Evidence.STATUS:
            assert options.trust_status
        case _:
            raise AssertionError(row.evidence)


def test_a_registry_without_a_look_up_gets_each_file_once_whatever_it_answers():
    for status in range(100, 600):
        deeds = [Deed(Answer(status, body=b"{}"), stores=True) for _ in range(CLAIMS)]
        _, line, _ = asyncio.run(life_of(deeds, [], {}, resyncs=set(range(CLAIMS))))
        assert len(line.stored_at) == 1, status


def test_a_registry_with_a_look_up_gets_each_file_once_whatever_it_answers():
    chosen = {"lookup": "http://registry.test/{upload_id}", "lookup_sha256": "/sha256"}
    for status in range(100, 600):
        deeds = [Deed(Answer(status, body=b"{}"), stores=True, late=59.0) for _ in range(CLAIMS)]
        row, line, _ = asyncio.run(life_of(deeds, [], chosen, resyncs=set(range(CLAIMS))))
        assert len(line.stored_at) == 1, status
        assert row.evidence is Evidence.DIGEST, status


def test_what_is_in_doubt_is_never_less_in_doubt_for_a_restart():
    deeds = [Deed(None, stores=True, dies=True)]
    row, line, _ = asyncio.run(life_of(deeds, [], {}, resyncs=set()))

    assert row.state is DeliveryState.PARKED
    assert row.maybe_delivered is Doubt.UNHEARD
    assert len(line.stored_at) == 1


@pytest.mark.parametrize("status", [None, 408, 409, 500, 502, 520])
def test_within_the_lifetime_of_its_key_a_file_in_doubt_is_handed_in_again_by_itself(status):
    lost = None if status is None else Answer(status)
    deeds = [Deed(lost, stores=True), Deed(Answer(200, body=b'{"id": "SILON-1"}'), stores=True)]
    chosen = {"key_lifetime": LIFETIME, "reference": "/id"}

    row, line, _ = asyncio.run(life_of(deeds, [], chosen, resyncs=set()))

    assert (row.state, row.locator) == (DeliveryState.DELIVERED, "SILON-1")
    assert [kind for kind, _ in line.events].count("send") == 2
    assert len(line.stored_at) == 1


@pytest.mark.parametrize("shown", ["", "SILON-8"])
@pytest.mark.parametrize("reference", ["SILON-7", "417", 'Nº "7"\\8'])
def test_the_reference_of_a_yes_is_kept_until_a_look_up_shows_the_file(reference, shown):
    def document(told):
        return Answer(200, body=json.dumps(told).encode())

    yes = Deed(document({"id": reference}), stores=True)
    later = {"sha256": SHA256} | ({"id": shown} if shown else {})
    looks = [DestinationUnavailable("did not answer in time"), document(later)]
    chosen = {
        "lookup": "http://registry.test/{upload_id}",
        "lookup_sha256": "/sha256",
        "reference": "/id",
    }

    row, line, _ = asyncio.run(life_of([yes], looks, chosen, resyncs=set()))

    assert (row.state, row.locator) == (DeliveryState.DELIVERED, shown or reference)
    assert [kind for kind, _ in line.events].count("send") == 1

from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest
from hypothesis import given

from tests.strategies import EPOCH, digests, times, upload_events, uploads
from titip.errors import DigestMismatch, IllegalEvent, LengthExceeded
from titip.upload import (
    ALLOWED,
    Appended,
    Completion,
    Expired,
    LengthDeclared,
    Sealed,
    Terminated,
    Upload,
    UploadId,
    UploadState,
    advance,
    seals,
)

EVENTS = (Appended(10), LengthDeclared(10), Sealed("ab" * 32), Terminated(), Expired())
LATER = EPOCH + timedelta(minutes=5)


def an_upload(**fields):
    return replace(Upload(UploadId("u"), "pair-7", 10, EPOCH, offset=10), **fields)


def test_the_table_has_a_row_for_every_state():
    assert set(ALLOWED) == set(UploadState)


def test_only_an_open_upload_goes_on():
    assert [state for state in UploadState if ALLOWED[state]] == [UploadState.OPEN]


@pytest.mark.parametrize(("state", "event"), list(product(UploadState, EVENTS)))
def test_every_event_steps_as_the_table_says_or_is_refused(state, event):
    before = an_upload(state=state)
    to = ALLOWED[state].get(type(event))

    if to is None:
        with pytest.raises(IllegalEvent, match=f"{state} cannot be {type(event).__name__.lower()}"):
            advance(before, event, now=LATER)
    else:
        assert advance(before, event, now=LATER).state is to
    assert before == an_upload(state=state)


@given(uploads(), upload_events(), times())
def test_no_event_changes_what_an_upload_is(before, event, now):
    try:
        after = advance(before, event, now=now)
    except (IllegalEvent, LengthExceeded, DigestMismatch):
        return

    same = {"id", "submitter", "metadata", "created_at", "key", "concat", "expected_sha256"}
    assert {name: getattr(before, name) for name in same} == {
        name: getattr(after, name) for name in same
    }
    assert after.length == before.length or before.length is None
    assert before.offset <= after.offset
    assert after.length is None or after.offset <= after.length


def test_appended_bytes_move_the_offset_and_count_as_activity():
    after = advance(an_upload(offset=3), Appended(7), now=LATER)

    assert after == an_upload(offset=7, touched_at=LATER)
    assert after.remaining == 3
    assert after.last_activity == LATER


def test_an_append_of_nothing_still_counts_as_activity():
    assert advance(an_upload(offset=3), Appended(3), now=LATER).last_activity == LATER


def test_an_upload_never_touched_was_last_active_when_it_began():
    assert an_upload().last_activity == EPOCH


def test_an_offset_past_the_length_is_refused_by_its_own_name():
    with pytest.raises(LengthExceeded, match="11 bytes is more than the declared 10"):
        advance(an_upload(offset=3), Appended(11), now=LATER)


@pytest.mark.holds("draft:offset-never-back", "draft6:offset-never-back")
def test_an_offset_never_goes_back():
    with pytest.raises(IllegalEvent, match="never goes back"):
        advance(an_upload(offset=3), Appended(2), now=LATER)


def test_a_seal_before_the_last_byte_is_refused():
    with pytest.raises(IllegalEvent, match="last byte"):
        advance(an_upload(offset=9), Sealed("ab"), now=LATER)


@given(digests())
def test_a_seal_keeps_the_digest_and_the_moment(digest):
    after = advance(an_upload(), Sealed(digest), now=LATER)

    assert after == an_upload(state=UploadState.SEALED, sha256=digest, ended_at=LATER)


def test_an_empty_upload_is_complete_from_its_beginning():
    empty = an_upload(length=0, offset=0)

    assert empty.complete
    assert advance(empty, Sealed("ab"), now=LATER).state is UploadState.SEALED


@pytest.mark.parametrize("event", [Terminated(), Expired()])
def test_an_ended_upload_keeps_its_offset_and_the_moment(event):
    after = advance(an_upload(offset=4), event, now=LATER)

    assert after == an_upload(
        offset=4, state=ALLOWED[UploadState.OPEN][type(event)], ended_at=LATER
    )


def test_a_length_left_open_is_told_once():
    open_ended = an_upload(length=None, offset=4)

    measured = advance(open_ended, LengthDeclared(6), now=LATER)

    assert (open_ended.remaining, open_ended.complete) == (None, False)
    assert (measured.length, measured.remaining) == (6, 2)
    assert advance(measured, LengthDeclared(6), now=LATER) == measured
    with pytest.raises(IllegalEvent, match="told once"):
        advance(measured, LengthDeclared(7), now=LATER)


def test_a_length_below_the_bytes_that_are_there_is_refused():
    with pytest.raises(LengthExceeded, match="4 bytes are there"):
        advance(an_upload(length=None, offset=4), LengthDeclared(3), now=LATER)


def test_an_upload_of_open_length_takes_any_offset_and_has_no_size():
    after = advance(an_upload(length=None, offset=4), Appended(10**12), now=LATER)

    assert after.offset == 10**12
    with pytest.raises(IllegalEvent, match="not told"):
        _ = after.size


def test_a_part_is_never_sealed():
    part = an_upload(concat="partial")

    assert (part.is_partial, part.is_final, part.complete) == (True, False, True)
    with pytest.raises(IllegalEvent, match="whole upload"):
        advance(part, Sealed("ab"), now=LATER)


def test_what_is_joined_from_parts_is_no_part():
    final = an_upload(concat="final;/files/a /files/b")

    assert (final.is_partial, final.is_final) == (False, True)


def test_a_seal_of_other_bytes_than_were_declared_is_refused():
    upload = an_upload(expected_sha256="ab" * 32)

    with pytest.raises(DigestMismatch):
        advance(upload, Sealed("cd" * 32), now=LATER)
    assert advance(upload, Sealed("ab" * 32), now=LATER).state is UploadState.SEALED


WHOLE = {"offset": 10}
SHORT = {"offset": 9}
ENDLESS = {"offset": 9, "length": None}


@pytest.mark.parametrize(
    ("fields", "closing", "sealed"),
    [
        (WHOLE, Completion.AT_LENGTH, True),
        (SHORT, Completion.AT_LENGTH, False),
        (ENDLESS, Completion.AT_LENGTH, False),
        (WHOLE, Completion.NOW, True),
        (SHORT, Completion.NOW, False),
        (ENDLESS, Completion.NOW, True),
        (WHOLE, Completion.NOT_YET, False),
        (ENDLESS, Completion.NOT_YET, False),
        ({**WHOLE, "concat": "partial"}, Completion.AT_LENGTH, False),
        ({**WHOLE, "concat": "partial"}, Completion.NOW, False),
    ],
)
def test_an_upload_is_sealed_by_its_length_or_by_its_senders_word(fields, closing, sealed):
    assert seals(an_upload(**fields), closing) is sealed

from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest
from hypothesis import given

from tests.strategies import EPOCH, digests, times, upload_events, uploads
from titip.errors import IllegalEvent, LengthExceeded
from titip.upload import (
    ALLOWED,
    Appended,
    Expired,
    Sealed,
    Terminated,
    Upload,
    UploadId,
    UploadState,
    advance,
)

EVENTS = (Appended(10), Sealed("ab" * 32), Terminated(), Expired())
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
    except (IllegalEvent, LengthExceeded):
        return

    same = {"id", "submitter", "length", "metadata", "created_at", "key"}
    assert {name: getattr(before, name) for name in same} == {
        name: getattr(after, name) for name in same
    }
    assert before.offset <= after.offset <= after.length


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

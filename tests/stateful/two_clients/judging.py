"""Which answers are right, given what is believed of an upload."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from tests.stateful.two_clients.belief import ENDED, Proof
from titip.upload import UploadState

if TYPE_CHECKING:
    from tests.stateful.two_clients.belief import Belief, Moment, Try
    from tests.stateful.two_clients.talk import Answer
    from tests.stateful.two_clients.world import Seen

STANDS = {
    None: 404,
    UploadState.OPEN: 200,
    UploadState.SEALED: 200,
    UploadState.TERMINATED: 410,
    UploadState.EXPIRED: 410,
}


_KEEPS = {False: {423}, True: {423, 413}}
"""Refusals before which something may have been kept; whether the size was not told before."""


def digest_of(content: bytes) -> str:
    """Write the digest as Repr-Digest has it."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(content).digest()).decode()}:"


def judge_append(
    one: Belief, before: Moment, exchange: tuple[Try, Answer], seen: Seen, *, alone: bool
) -> None:
    """Judge the answer to a PATCH that was sent at that moment; take it in.

    `alone`: nobody else sent to the upload meanwhile, nor held it.
    """
    offered, answer = exchange
    assert answer.status in _allowed(one, before, offered, seen, alone=alone), answer
    told = answer.offset()
    if answer.status in {200, 204}:
        assert told == min(offered.end, one.length)
        one.acknowledged.append(offered)
    elif offered.proof is Proof.NONE and answer.status in _KEEPS[offered.shape.chunked]:
        assert told is None or told >= offered.offset
    else:
        moved = offered.draft and not alone  # it tells the latest offset, not that of its refusal
        assert answer.status != 409 or told != offered.offset or moved
        one.refuse(offered)
    if told is not None:
        assert told <= _furthest(one, seen), "told what is not kept"
        one.tell(told)


def _allowed(one: Belief, before: Moment, offered: Try, seen: Seen, *, alone: bool) -> set[int]:
    if before.state is None or before.state in ENDED:
        return {STANDS[before.state]}
    right = _right(one, offered, before.state)
    if alone:
        return {409} if before.offset != offered.offset else right
    allowed = {423, 409}
    if before.offset <= offered.offset <= _furthest(one, seen):
        allowed |= right
        if right == {413} and offered.shape.chunked and offered.proof is Proof.NONE:
            allowed.add(204)  # had to leave with the last byte there is room for
    if seen.state in ENDED:
        allowed.add(410)
    if seen.state is UploadState.SEALED:
        allowed |= {403, 200} if right == {204} and offered.draft else {403}
    return allowed


def _right(one: Belief, offered: Try, before: UploadState) -> set[int]:
    """Give what may be answered to a PATCH at the right offset."""
    fits = offered.end <= one.length
    if not offered.draft:
        return {413} if not fits else {460} if offered.proof is Proof.WRONG else {204}
    if not fits:
        return {403, 400} if before is UploadState.SEALED else {400}
    if offered.proof is Proof.WRONG:
        return {460}
    return {200} if offered.last or before is UploadState.SEALED else {204}


def _furthest(one: Belief, seen: Seen) -> int:
    """Tell how far it can have come; of one that was ended nobody knows."""
    return seen.offset if seen.state is not None and seen.state not in ENDED else one.length


def judge_asking(method: str, one: Belief, answer: Answer, seen: Seen, *, alone: bool) -> None:
    """Judge the answer to a request without a body."""
    match method:
        case "HEAD":
            _judge_head(one, answer, seen)
        case "GET":
            _judge_get(one, answer, seen)
        case _:
            _judge_delete(one, answer, seen, alone=alone)


def _judge_head(one: Belief, answer: Answer, seen: Seen) -> None:
    """Judge the offset that is told, by tus with 200 and by the draft with 204."""
    status = 200 if answer.status == 204 and "Upload-Complete" in answer.headers else answer.status
    assert status in {STANDS[one.state], STANDS[seen.state]}, answer
    told = answer.offset()
    if status != 200:
        assert told is None
        return
    assert told is not None
    assert one.offset <= told <= _furthest(one, seen), "told what is not kept"
    length = answer.headers.get("Upload-Length")
    assert length == str(one.length) or (length is None and one.deferred)
    assert answer.headers["Cache-Control"] == "no-store"
    one.tell(told)


def _judge_get(one: Belief, answer: Answer, seen: Seen) -> None:
    usual = {**STANDS, UploadState.OPEN: 409}
    assert answer.status in {usual[one.state], usual[seen.state]}, answer
    if answer.status == 200:
        assert answer.body == seen.content
        assert answer.headers["Repr-Digest"] == digest_of(answer.body)


def _judge_delete(one: Belief, answer: Answer, seen: Seen, *, alone: bool) -> None:
    if one.state is UploadState.OPEN and seen.state in ENDED:
        assert answer.status in ({204} if alone else {204, 410}), answer
    else:
        assert answer.status == {None: 404, UploadState.SEALED: 403}.get(seen.state, 410), answer

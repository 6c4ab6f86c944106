"""What everything must do that joins parts; a subclass gives one with its store."""

import hashlib
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple

import pytest

from tests.contract.store_contract import an_upload, hand_in
from titip.errors import DigestMismatch, IllegalEvent, PartsUnfit, UploadGone, UploadMissing
from titip.ports.concatenation import Joiner
from titip.ports.operations import Records
from titip.ports.storage import Store
from titip.upload import PART, Upload, UploadExists, UploadId, UploadState


class Joined(NamedTuple):
    """A joiner under test, its store, and its rows."""

    joiner: Joiner
    store: Store
    records: Records


def a_final(*, key="", expected=""):
    return an_upload(None, key=key, concat="final;", expected_sha256=expected)


async def a_part(store, data, *, length=-1, submitter="pair-1"):
    """Hand a part in, or some bytes of one; its length stays open where it is None."""
    told = len(data) if length == -1 else length
    upload = an_upload(told, submitter=submitter, concat=PART)
    return await hand_in(store, upload, *([data] if data else []))


async def found(store: Store, upload: Upload) -> Upload:
    kept = await store.find(upload.id)
    assert kept is not None
    return kept


async def go_on(store, part, data, **kwargs):
    deposit = await store.resume(await found(store, part), **kwargs)
    try:
        return await deposit.commit([data])
    finally:
        await deposit.close()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class JoinerContract:
    """Collect these by subclassing; `joined` opens an empty store."""

    def joined(self) -> AbstractAsyncContextManager[Joined]:
        raise NotImplementedError

    async def join(self, kept, *parts, **kwargs):
        begun = await kept.joiner.begin(a_final(**kwargs), [one.id for one in parts])
        return await kept.joiner.finish(begun.id)

    @pytest.mark.holds("tus:concat-order", "tus:concat-length-sum", "tus:concat-parts-reused")
    async def test_parts_become_one_upload_in_the_order_they_were_named(self):
        async with self.joined() as kept:
            one, other = await a_part(kept.store, b"one,"), await a_part(kept.store, b"other,")

            whole = await self.join(kept, other, one, other)

            assert whole.state is UploadState.SEALED
            assert (whole.length, whole.sha256) == (16, sha256(b"other,one,other,"))
            assert await kept.store.find(whole.id) == whole
            owed = await kept.records.of_upload(whole.id)
            assert {one.destination for one in owed} == {"registry", "mirror"}
            assert await kept.joiner.finish(whole.id) == whole

    @pytest.mark.holds("tus:concat-partial-unprocessed")
    async def test_a_part_is_never_sealed_and_owed_to_nobody(self):
        async with self.joined() as kept:
            part = await a_part(kept.store, b"part")

            assert part.complete
            assert part.state is UploadState.OPEN
            assert await kept.records.of_upload(part.id) == []

    async def test_empty_parts_join_to_an_empty_upload(self):
        async with self.joined() as kept:
            empty = await a_part(kept.store, b"")

            whole = await self.join(kept, empty, empty)

            assert (whole.length, whole.sha256) == (0, sha256(b""))

    @pytest.mark.holds("tus:concat-unfinished-accepted", "tus:concat-head-length")
    async def test_it_waits_for_its_last_part_and_knows_its_length_when_they_do(self):
        async with self.joined() as kept:
            one = await a_part(kept.store, b"one")
            other = await a_part(kept.store, b"oth", length=None)
            begun = await kept.joiner.begin(a_final(), [one.id, other.id])
            waiting = await kept.joiner.finish(begun.id)
            assert (waiting.state, waiting.length) == (UploadState.OPEN, None)
            assert await kept.joiner.unfinished(other.id) == [begun.id]

            await go_on(kept.store, other, b"e", length=5)
            measured = await found(kept.store, begun)
            await go_on(kept.store, other, b"r")

            assert (measured.length, measured.offset) == (8, 0)
            whole = await kept.joiner.finish(begun.id)
            assert whole.sha256 == sha256(b"oneother")
            assert await kept.joiner.unfinished() == []
            assert await kept.joiner.unfinished(other.id) == []

    async def test_its_length_is_known_at_once_when_its_parts_tell_theirs(self):
        async with self.joined() as kept:
            one, other = await a_part(kept.store, b"one"), await a_part(kept.store, b"", length=7)
            parts = [one.id, other.id]

            weight = await kept.joiner.measure(a_final(), parts)
            begun = await kept.joiner.begin(a_final(), parts)

            assert (weight.length, begun.length) == (10, 10)
            assert 0 <= weight.room <= 10  # as the disk can share
            assert (await kept.joiner.finish(begun.id)).offset == 0

    @pytest.mark.holds("titip:concat-once")
    async def test_asking_again_finds_the_first_one_before_and_after_its_seal(self):
        async with self.joined() as kept:
            part = await a_part(kept.store, b"part")
            first = await kept.joiner.begin(a_final(key="join:1"), [part.id])

            with pytest.raises(UploadExists) as open_still:
                await kept.joiner.begin(a_final(key="join:1"), [part.id])
            sealed = await kept.joiner.finish(first.id)
            await kept.store.terminate(await found(kept.store, part))
            with pytest.raises(UploadExists) as over:
                await kept.joiner.measure(a_final(key="join:1"), [part.id])

            assert open_still.value.upload == first
            assert over.value.upload == sealed

    @pytest.mark.holds("titip:concat-own-parts")
    async def test_another_s_part_is_refused_with_the_words_for_none(self):
        async with self.joined() as kept:
            mine = await a_part(kept.store, b"mine")
            open_one = await a_part(kept.store, b"theirs", submitter="pair-2")
            ended = await a_part(kept.store, b"ended", submitter="pair-2")
            await kept.store.terminate(ended)

            with pytest.raises(PartsUnfit) as unknown:
                await kept.joiner.begin(a_final(), [mine.id, UploadId("0" * 32)])
            for call in (kept.joiner.begin, kept.joiner.measure):
                for foreign in (open_one, ended):
                    with pytest.raises(PartsUnfit) as theirs:
                        await call(a_final(), [mine.id, foreign.id])
                    assert str(theirs.value) == str(unknown.value)

            assert await kept.joiner.unfinished() == []

    async def test_what_is_no_part_is_refused(self):
        async with self.joined() as kept:
            part = await a_part(kept.store, b"part")
            whole = await hand_in(kept.store, an_upload(5), b"whole")
            begun = await kept.joiner.begin(a_final(), [part.id])

            for other in (whole, begun):
                with pytest.raises(PartsUnfit):
                    await kept.joiner.begin(a_final(), [part.id, other.id])

    async def test_a_part_that_was_ended_is_refused(self):
        async with self.joined() as kept:
            part = await a_part(kept.store, b"part")
            await kept.store.terminate(part)

            with pytest.raises(PartsUnfit, match="part 1 was terminated: hand it in again"):
                await kept.joiner.begin(a_final(), [part.id])

    async def test_a_part_is_withdrawn_only_after_what_is_to_be_joined_from_it(self):
        async with self.joined() as kept:
            part = await a_part(kept.store, b"part")
            begun = await kept.joiner.begin(a_final(), [part.id])

            with pytest.raises(IllegalEvent):
                await kept.store.terminate(part)
            await kept.store.terminate(begun)
            await kept.store.terminate(part)

            with pytest.raises(UploadGone):
                await kept.joiner.finish(begun.id)
            assert await kept.joiner.unfinished() == []

    async def test_another_digest_than_declared_ends_it_and_leaves_its_parts(self):
        async with self.joined() as kept:
            part = await a_part(kept.store, b"part")
            wrong = a_final(key="k", expected=sha256(b"x"))
            begun = await kept.joiner.begin(wrong, [part.id])

            with pytest.raises(DigestMismatch):
                await kept.joiner.finish(begun.id)
            again = await self.join(kept, part, key="k", expected=sha256(b"part"))

            assert (await found(kept.store, begun)).state is UploadState.TERMINATED
            assert again.state is UploadState.SEALED

    async def test_what_nobody_began_is_missing(self):
        async with self.joined() as kept:
            with pytest.raises(UploadMissing):
                await kept.joiner.finish(UploadId("0" * 32))

"""What every store must do, wherever it keeps; a subclass gives one with its records."""

import asyncio
import hashlib
import secrets
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from itertools import product
from typing import NamedTuple

import pytest

from titip.delivery import DeliveryState
from titip.errors import (
    DigestMismatch,
    IllegalEvent,
    LengthExceeded,
    OffsetConflict,
    UploadClosed,
    UploadGone,
    UploadMissing,
)
from titip.ports.operations import Records
from titip.ports.storage import Store
from titip.upload import Completion, Upload, UploadExists, UploadId, UploadState


class Kept(NamedTuple):
    """A store under test, and its rows."""

    store: Store
    records: Records


async def bytes_of(store, sealed):
    file = await store.sealed_file(sealed)
    return await asyncio.to_thread(file.read_bytes)


def an_upload(length, *, submitter="pair-1", metadata="", key="", **fields):
    return Upload(
        id=UploadId(secrets.token_hex(16)),
        submitter=submitter,
        length=length,
        created_at=datetime(2025, 3, 13, 12, tzinfo=UTC),
        metadata=metadata,
        key=key,
        **fields,
    )


async def hand_in(store, upload, *pieces):
    deposit = await store.create(upload)
    try:
        return await deposit.commit(pieces)
    finally:
        await deposit.close()


class StoreContract:
    """Collect these by subclassing; `kept` opens an empty store."""

    def kept(self) -> AbstractAsyncContextManager[Kept]:
        raise NotImplementedError

    async def test_a_key_begins_one_upload_of_its_submitter(self):
        async with self.kept() as kept:
            sealed = await hand_in(kept.store, an_upload(2, key="k"), b"ab")
            other = await hand_in(kept.store, an_upload(2, key="k", submitter="pair-2"), b"cd")

            with pytest.raises(UploadExists) as known:
                await hand_in(kept.store, an_upload(2, key="k"), b"ab")

            assert known.value.upload == sealed
            assert other.state is UploadState.SEALED

    async def test_of_two_racing_creations_under_one_key_the_first_commit_wins(self):
        async with self.kept() as kept:
            one = await kept.store.create(an_upload(2, key="k"))
            other = await kept.store.create(an_upload(2, key="k"))
            won = await one.commit([b"ab"])

            with pytest.raises(UploadExists) as known:
                await other.commit([b"ab"])

            assert known.value.upload == won
            await one.close()
            await other.close()

    async def test_an_ended_upload_frees_its_key(self):
        async with self.kept() as kept:
            begun = await hand_in(kept.store, an_upload(4, key="k"), b"ab")
            await kept.store.terminate(begun)

            again = await hand_in(kept.store, an_upload(4, key="k"), b"abcd")

            assert again.state is UploadState.SEALED

    async def test_an_upload_exists_once_its_deposit_commits(self):
        async with self.kept() as kept:
            upload = an_upload(10, metadata="filename YS5wZGY=")
            deposit = await kept.store.create(upload)
            await deposit.write([b"01234"])
            before = await kept.store.find(upload.id)

            await deposit.commit()
            await deposit.close()

            after = await kept.store.find(upload.id)
            assert before is None
            assert after is not None
            assert (after.offset, after.state) == (5, UploadState.OPEN)
            assert (after.submitter, after.metadata) == (upload.submitter, upload.metadata)
            assert after.created_at == upload.created_at

    async def test_a_creation_that_never_commits_leaves_no_trace(self):
        async with self.kept() as kept:
            upload = an_upload(10)
            deposit = await kept.store.create(upload)
            await deposit.write([b"01234"])

            await deposit.close()
            await deposit.close()

            assert await kept.store.find(upload.id) is None
            assert (await kept.store.room()).promised == 0

    @pytest.mark.parametrize("data", [b"papers", b"", bytes(range(256)) * 5000])
    async def test_the_last_byte_seals_with_digest_bytes_and_deliveries(self, data):
        async with self.kept() as kept:
            sealed = await hand_in(kept.store, an_upload(len(data)), *([data] if data else []))

            assert sealed.state is UploadState.SEALED
            assert sealed.sha256 == hashlib.sha256(data).hexdigest()
            assert await kept.store.find(sealed.id) == sealed
            assert await bytes_of(kept.store, sealed) == data
            owed = await kept.records.of_upload(sealed.id)
            assert owed
            assert {one.state for one in owed} == {DeliveryState.QUEUED}
            assert {one.submitter for one in owed} == {sealed.submitter}

    async def test_an_open_upload_owes_nothing(self):
        async with self.kept() as kept:
            upload = await hand_in(kept.store, an_upload(10), b"01234")

            assert await kept.records.of_upload(upload.id) == []

    async def test_a_resumed_upload_goes_on_at_its_committed_offset(self):
        async with self.kept() as kept:
            upload = an_upload(10)
            first = await kept.store.create(upload)
            await first.commit([b"01", b"234"])
            await first.write([b"LOST"])
            await first.close()

            second = await kept.store.resume(upload)
            offset = second.written
            sealed = await second.commit([b"56789"])
            await second.close()

            assert offset == 5
            assert sealed.sha256 == hashlib.sha256(b"0123456789").hexdigest()
            assert await bytes_of(kept.store, sealed) == b"0123456789"

    async def test_one_deposit_may_commit_many_times(self):
        async with self.kept() as kept:
            deposit = await kept.store.create(an_upload(9))

            offsets = []
            for piece in (b"abc", b"def", b"ghi"):
                await deposit.write([piece[:1]])
                offsets.append((await deposit.commit([piece[1:]])).offset)
            await deposit.close()

            assert offsets == [3, 6, 9]
            assert deposit.upload.sha256 == hashlib.sha256(b"abcdefghi").hexdigest()

    async def test_rewinding_forgets_what_was_not_committed(self):
        async with self.kept() as kept:
            deposit = await kept.store.create(an_upload(6))
            await deposit.commit([b"abc"])
            await deposit.write([b"XY"])

            await deposit.rewind()

            assert (deposit.written, deposit.upload.offset) == (3, 3)
            sealed = await deposit.commit([b"def"])
            await deposit.close()
            assert sealed.sha256 == hashlib.sha256(b"abcdef").hexdigest()
            assert await bytes_of(kept.store, sealed) == b"abcdef"

    @pytest.mark.parametrize("keeps", [*product("+-", repeat=3)], ids="".join)
    async def test_the_sealed_file_ends_where_the_last_commit_did(self, keeps):
        async with self.kept() as kept:
            deposit = await kept.store.create(an_upload(None))
            meant = b""
            for size, keep in zip((3, 1, 5), keeps, strict=True):
                await deposit.write([b"x" * size])
                if keep == "+":
                    await deposit.commit(closing=Completion.NOT_YET)
                    meant += b"x" * size
                else:
                    await deposit.rewind()

            sealed = await deposit.commit(closing=Completion.NOW)
            await deposit.close()

            assert (sealed.length, sealed.sha256) == (len(meant), hashlib.sha256(meant).hexdigest())
            assert await bytes_of(kept.store, sealed) == meant

    @pytest.mark.parametrize("how", ["word", "length"])
    @pytest.mark.parametrize("then", [b"", b"y", b"yyyy"])
    async def test_what_was_left_uncommitted_is_no_part_of_the_sealed_file(self, how, then):
        async with self.kept() as kept:
            first = await kept.store.create(an_upload(None))
            begun = await first.commit([b"xx"], closing=Completion.NOT_YET)
            await first.write([b"LOST"])
            await first.close()
            meant = b"xx" + then

            told = len(meant) if how == "length" else None
            second = await kept.store.resume(begun, length=told)
            sealed = await second.commit([then] if then else [], closing=Completion.NOW)
            await second.close()

            assert sealed.sha256 == hashlib.sha256(meant).hexdigest()
            assert await bytes_of(kept.store, sealed) == meant

    @pytest.mark.holds("titip:length-413")
    @pytest.mark.parametrize("how", ["write", "commit"])
    async def test_nothing_of_a_batch_past_the_length_is_kept(self, how):
        async with self.kept() as kept:
            deposit = await kept.store.create(an_upload(4))
            await deposit.write([b"ab"])

            with pytest.raises(LengthExceeded):
                await getattr(deposit, how)([b"c", b"de"])

            assert deposit.written == 2
            assert (await deposit.commit([b"cd"])).sha256 == hashlib.sha256(b"abcd").hexdigest()
            await deposit.close()

    async def test_the_tap_sees_each_piece_once_and_in_order(self):
        async with self.kept() as kept:
            seen: list[bytes] = []
            deposit = await kept.store.create(an_upload(6), tap=seen.append)

            await deposit.write([b"ab", b"cd"])
            await deposit.commit([b"ef"])
            await deposit.close()

            assert b"".join(seen) == b"abcdef"

    @pytest.mark.holds("titip:race-safe", "draft:race-safe")
    async def test_two_hands_cannot_both_move_an_upload_on(self):
        async with self.kept() as kept:
            upload = await hand_in(kept.store, an_upload(10), b"01234")
            first, second = await kept.store.resume(upload), await kept.store.resume(upload)
            await first.commit([b"5"])

            with pytest.raises(OffsetConflict) as conflict:
                await second.commit([b"X"])

            await first.close()
            await second.close()
            assert conflict.value.committed == 6

    async def test_an_unknown_an_ended_and_a_sealed_upload_are_told_apart(self):
        async with self.kept() as kept:
            store = kept.store
            ended = await hand_in(store, an_upload(10), b"01234")
            await store.terminate(ended)
            sealed = await hand_in(store, an_upload(2), b"ok")

            with pytest.raises(UploadMissing):
                await store.resume(an_upload(1))
            with pytest.raises(UploadGone):
                await store.resume(ended)
            with pytest.raises(UploadClosed):
                await store.resume(sealed)
            with pytest.raises(UploadClosed):
                await store.terminate(sealed)

    async def test_a_terminated_upload_is_remembered_as_such(self):
        async with self.kept() as kept:
            upload = await hand_in(kept.store, an_upload(10), b"01234")

            await kept.store.terminate(upload)

            found = await kept.store.find(upload.id)
            assert found is not None
            assert found.state is UploadState.TERMINATED
            assert (await kept.store.room()).promised == 0

    async def test_room_counts_what_open_uploads_may_still_bring(self):
        async with self.kept() as kept:
            before = await kept.store.room()
            await hand_in(kept.store, an_upload(1000), b"x" * 400)
            await hand_in(kept.store, an_upload(3), b"xyz")

            after = await kept.store.room()

            assert before.promised == 0
            assert after.promised == 600
            assert after.free > 0

    async def test_a_length_left_open_may_be_told_later(self):
        async with self.kept() as kept:
            begun = await hand_in(kept.store, an_upload(None), b"0123")
            deposit = await kept.store.resume(begun, length=8)
            await deposit.write([b"45"])

            with pytest.raises(LengthExceeded):
                await deposit.write([b"678"])
            grown = await deposit.commit()
            sealed = await deposit.commit([b"67"])
            await deposit.close()

            assert (begun.length, begun.offset) == (None, 4)
            assert (grown.length, grown.offset, grown.state) == (8, 6, UploadState.OPEN)
            assert sealed.sha256 == hashlib.sha256(b"01234567").hexdigest()

    async def test_a_length_told_for_what_is_already_there_seals_it(self):
        async with self.kept() as kept:
            begun = await hand_in(kept.store, an_upload(None), b"0123")
            deposit = await kept.store.resume(begun, length=4)

            sealed = await deposit.commit()
            await deposit.close()

            assert sealed.sha256 == hashlib.sha256(b"0123").hexdigest()
            assert await kept.store.find(sealed.id) == sealed

    @pytest.mark.holds("tus:defer-fixed", "tus:defer-too-short")
    async def test_a_length_is_told_once_and_not_below_what_is_there(self):
        async with self.kept() as kept:
            begun = await hand_in(kept.store, an_upload(6), b"01")
            open_ended = await hand_in(kept.store, an_upload(None), b"01234")

            with pytest.raises(IllegalEvent):
                await kept.store.resume(begun, length=5)
            with pytest.raises(LengthExceeded):
                await kept.store.resume(open_ended, length=4)

    @pytest.mark.parametrize("length", [None, 6])
    async def test_the_senders_word_ends_an_upload_and_nothing_else_does(self, length):
        async with self.kept() as kept:
            deposit = await kept.store.create(an_upload(length))

            whole = await deposit.commit([b"012345"], closing=Completion.NOT_YET)
            await deposit.close()
            again = await kept.store.resume(whole)
            sealed = await again.commit(closing=Completion.NOW)
            await again.close()

            assert (whole.offset, whole.state) == (6, UploadState.OPEN)
            assert (sealed.length, sealed.state) == (6, UploadState.SEALED)
            assert sealed.sha256 == hashlib.sha256(b"012345").hexdigest()

    async def test_an_empty_file_may_be_ended_by_word(self):
        async with self.kept() as kept:
            deposit = await kept.store.create(an_upload(None))
            await deposit.commit(closing=Completion.NOT_YET)

            sealed = await deposit.commit(closing=Completion.NOW)
            await deposit.close()

            assert (sealed.length, sealed.sha256) == (0, hashlib.sha256().hexdigest())
            assert await bytes_of(kept.store, sealed) == b""

    async def test_a_complete_part_is_not_sealed_and_owes_nothing(self):
        async with self.kept() as kept:
            part = await hand_in(kept.store, an_upload(2, concat="partial"), b"ab")

            assert (part.offset, part.state) == (2, UploadState.OPEN)
            assert await kept.records.of_upload(part.id) == []

    async def test_other_bytes_than_were_declared_are_not_sealed(self):
        meant = hashlib.sha256(b"abcdef").hexdigest()
        async with self.kept() as kept:
            upload = an_upload(6, expected_sha256=meant)
            deposit = await kept.store.create(upload)
            await deposit.commit([b"abc"])

            with pytest.raises(DigestMismatch):
                await deposit.commit([b"XYZ"])
            await deposit.rewind()
            found = await kept.store.find(upload.id)
            sealed = await deposit.commit([b"def"])
            await deposit.close()

            assert found is not None
            assert (found.offset, found.state) == (3, UploadState.OPEN)
            assert sealed.sha256 == meant
            assert await bytes_of(kept.store, sealed) == b"abcdef"

    async def test_the_secret_and_what_is_declared_are_kept(self):
        async with self.kept() as kept:
            fields = {"secret_digest": "ab" * 32, "expected_sha256": "cd" * 32}
            upload = await hand_in(kept.store, an_upload(4, **fields), b"x")

            assert await kept.store.find(upload.id) == upload

    async def test_a_whole_upload_without_its_senders_word_is_counted_as_unclosed(self):
        async with self.kept() as kept:
            deposit = await kept.store.create(an_upload(2))
            await deposit.commit([b"ab"], closing=Completion.NOT_YET)
            await hand_in(kept.store, an_upload(2, concat="partial"), b"ab")
            await hand_in(kept.store, an_upload(3), b"ab")
            before = (await kept.records.totals()).unclosed

            await deposit.commit(closing=Completion.NOW)
            await deposit.close()

            assert before == 1
            assert (await kept.records.totals()).unclosed == 0

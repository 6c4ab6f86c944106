"""Any order of appends, cuts, rewinds, crashes and recoveries keeps what was acknowledged."""

import asyncio
import tempfile
from contextlib import ExitStack
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
)

from storage.recovery import recover
from tests.storage_fixtures import Clock, opened_house, sha256
from titip.delivery import DeliveryState
from titip.upload import UploadState

BYTES = st.binary(min_size=1, max_size=64)


class StoreMachine(RuleBasedStateMachine):
    """A model of committed bytes beside a real spool and journal."""

    uploads = Bundle("uploads")

    def __init__(self):
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.stack = ExitStack()
        self.root = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.clock = Clock()
        self.committed: dict[str, bytes] = {}
        self.lengths: dict[str, int] = {}
        self.ended: set[str] = set()

    @initialize()
    def begin(self):
        self._open()

    @rule(target=uploads, length=st.integers(0, 200))
    def create(self, length):
        upload = self.house.new(length)

        async def work():
            deposit = await self.house.store.create(upload)
            await deposit.commit()
            await deposit.close()

        self._do(work())
        self.committed[upload.id], self.lengths[upload.id] = b"", length
        return upload

    @rule(upload=uploads, first=BYTES, then=st.none() | BYTES, lost=st.none() | BYTES)
    def append(self, upload, first, then, lost):
        held, length = self.committed[upload.id], self.lengths[upload.id]
        if upload.id in self.ended or len(held) == length:
            return
        batch = [piece for piece in (first, then) if piece is not None]
        data = b"".join(batch)[: length - len(held)]

        async def work():
            deposit = await self.house.store.resume(upload)
            if lost is not None:
                await deposit.write([lost[: length - len(held)]])
                await deposit.rewind()
            await deposit.write([data[: len(data) // 2]])
            await deposit.commit([data[len(data) // 2 :]])
            if lost is not None:
                await deposit.write([lost[: length - len(held) - len(data)]])
            await deposit.close()

        self._do(work())
        self.committed[upload.id] = held + data

    @rule(upload=consumes(uploads))
    def terminate(self, upload):
        if len(self.committed[upload.id]) == self.lengths[upload.id]:
            return
        current = self._do(self.house.store.find(upload.id))
        self._do(self.house.store.terminate(current))
        self.ended.add(upload.id)

    @rule()
    def crash(self):
        self.inner.close()
        self._open()

    @invariant()
    def what_was_acknowledged_is_there(self):
        for name, data in self.committed.items():
            upload = self._do(self.house.store.find(name))
            if name in self.ended:
                assert upload.state is UploadState.TERMINATED
                continue
            assert upload.offset == len(data)
            if data:
                held = self.house.spool.path(name).read_bytes()
                assert held[: len(data)] == data
            self._sealed_when_complete(upload, data)

    def teardown(self):
        self.inner.close()
        self.loop.close()
        self.stack.close()

    def _sealed_when_complete(self, upload, data):
        complete = len(data) == self.lengths[upload.id]
        assert (upload.state is UploadState.SEALED) == complete
        owed = self._do(self.house.records.of_upload(upload.id))
        assert [one.state for one in owed] == [DeliveryState.QUEUED] * (2 if complete else 0)
        if complete:
            assert upload.sha256 == sha256(data)

    def _open(self):
        self.inner = ExitStack()
        self.house = self.inner.enter_context(opened_house(self.root, clock=self.clock))
        findings = self._do(recover(self.house.spool, self.house.journal))
        assert findings.short == []

    def _do(self, work):
        return self.loop.run_until_complete(work)


StoreMachine.TestCase.settings = settings(
    max_examples=max(8, settings().max_examples // 10),
    stateful_step_count=20,
    deadline=None,
)
TestStoreMachine = StoreMachine.TestCase

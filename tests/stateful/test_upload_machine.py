"""An upload under any order of events, beside a model that only counts bytes."""

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.strategies import EPOCH, digests, upload_events
from titip.errors import IllegalEvent, LengthExceeded
from titip.upload import (
    Appended,
    Expired,
    Sealed,
    Terminated,
    Upload,
    UploadId,
    UploadState,
    advance,
)


class UploadMachine(RuleBasedStateMachine):
    """The model: how many bytes came, and how it ended."""

    @initialize(length=st.integers(0, 100))
    def begin(self, length):
        self.now = EPOCH
        self.length = length
        self.received = 0
        self.ended = None
        self.upload = Upload(UploadId("u"), "pair-7", length, EPOCH)

    def step(self, event):
        self.now += timedelta(seconds=1)
        self.upload = advance(self.upload, event, now=self.now)

    def refused(self, event, error):
        before = self.upload
        try:
            self.step(event)
        except error:
            assert self.upload is before
        else:
            raise AssertionError(f"{event} was let through in {before.state}")

    @precondition(lambda self: self.ended is None)
    @rule(count=st.integers(0, 40))
    def append(self, count):
        if self.received + count > self.length:
            self.refused(Appended(self.received + count), LengthExceeded)
            return

        self.step(Appended(self.received + count))
        self.received += count

        assert self.upload.last_activity == self.now

    @precondition(lambda self: self.ended is None and self.received > 0)
    @rule(back=st.integers(1, 40))
    def go_back(self, back):
        self.refused(Appended(self.received - back), IllegalEvent)

    @precondition(lambda self: self.ended is None)
    @rule(digest=digests())
    def seal(self, digest):
        if self.received < self.length:
            self.refused(Sealed(digest), IllegalEvent)
            return

        self.step(Sealed(digest))
        self.ended = (UploadState.SEALED, digest, self.now)

    @precondition(lambda self: self.ended is None)
    @rule(event=st.sampled_from([Terminated(), Expired()]))
    def end(self, event):
        self.step(event)
        state = UploadState(type(event).__name__.lower())
        self.ended = (state, "", self.now)

    @precondition(lambda self: self.ended is not None)
    @rule(event=upload_events())
    def touch_after_the_end(self, event):
        self.refused(event, IllegalEvent)

    @invariant()
    def the_offset_is_what_was_received(self):
        assert self.upload.offset == self.received
        assert self.upload.remaining == self.length - self.received

    @invariant()
    def it_is_as_it_ended(self):
        told = (self.upload.state, self.upload.sha256, self.upload.ended_at)
        assert told == (self.ended or (UploadState.OPEN, "", None))

    @invariant()
    def what_is_sealed_is_complete(self):
        assert self.upload.state is not UploadState.SEALED or self.upload.complete


TestUploadMachine = UploadMachine.TestCase

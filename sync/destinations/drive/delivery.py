"""One upload on its way into Drive: at any point it may stop for ever and be taken up again.

The order is the whole trick: reserve the file's id, commit it, open a session, commit that, and
only then send a byte. Two files can never be made under one id, and what is there is asked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import structlog

from sync.destinations.checkpoints import DriveCheckpoint
from sync.destinations.copy_check import mismatch
from sync.destinations.drive.api import OCTETS
from sync.destinations.drive.documents import DriveFile
from sync.destinations.drive.errors import Unclassified, classify
from sync.destinations.drive.session import Complete, DriveSession, Incomplete, SessionLost
from sync.destinations.drive.upload import DriveChunkSizer, UploadLoop
from sync.destinations.safe_names import copy_name
from titip.errors import AttemptFailed, DeliveryFault, DestinationUnavailable
from titip.ports.delivery import DeliveryResult

if TYPE_CHECKING:
    from googleapiclient._apis.drive.v3.schemas import File

    from sync.destinations.drive.api import DriveCalls
    from sync.destinations.drive.connections import ConnectionPool
    from sync.destinations.drive.folders import DriveFolders
    from sync.destinations.drive.session import Outcome
    from titip.delivery import ClaimedDelivery
    from titip.ports.delivery import Content, Progress

log = structlog.get_logger()

UPLOAD_KEY: Final = "titip_upload"
SHA256_KEY: Final = "titip_sha256"
MOST_SESSIONS: Final = 3
"""Sessions that one attempt may lose before it ends."""

LOST: Final = f"Drive lost {MOST_SESSIONS} sessions of one file in a row"


@dataclass(frozen=True, slots=True)
class DriveContext:
    """What every delivery works with."""

    lines: ConnectionPool
    calls: DriveCalls
    folders: DriveFolders
    rhythm: DriveChunkSizer


class DriveDelivery:
    """One attempt of one parcel."""

    def __init__(
        self, desk: DriveContext, parcel: ClaimedDelivery, *, content: Content, progress: Progress
    ) -> None:
        self._desk = desk
        self._upload = parcel.upload
        self._may_be_there = parcel.delivery.attempts > 1 or parcel.delivery.maybe_delivered
        self._content = content
        self._progress = progress
        known = DriveCheckpoint.parse(parcel.delivery.checkpoint)
        self._known = known.since_repairs(parcel.upload.repairs)
        self._session = DriveSession(desk.lines, content, sent=progress.sent)

    async def run(self) -> DeliveryResult:
        """Bring the file there, or find it there."""
        self._desk.folders.remember(self._upload.submitter, self._known.folder)
        file = await self._found_before()
        for _ in range(MOST_SESSIONS):
            file = file or await self._sent()
            if file is not None:
                return await self._arrival(file)
        raise AttemptFailed(LOST, suspect=LOST)

    async def _found_before(self) -> DriveFile | None:
        """Find what earlier attempts brought about, short of an open session."""
        if self._known.session:
            return None
        if self._known.id:
            return await self._existing()
        return await self._adopted() if self._may_be_there else None

    async def _sent(self) -> DriveFile | None:
        """Send through the open session or a new one; None when it was lost on the way."""
        if self._known.session:
            outcome: Outcome = await self._session.query(self._known.session)
        else:
            there = await self._opened()
            if there is not None:
                return there
            outcome = Incomplete(0)
        sending = UploadLoop(
            self._session,
            self._upload.size,
            rhythm=self._desk.rhythm,
            moved=self._moved,
        )
        ended = await sending.to_the_end(self._known.session, outcome)
        match ended:
            case Complete(file):
                is_ours = file is not None and file.id == self._known.id
                return file if is_ours else await self._existing()
            case SessionLost():
                log.info("mirror.session_lost", upload=self._upload.id)
                await self._commit(replace(self._known, session=""))
                return await self._existing()

    async def _moved(self, uri: str) -> None:
        await self._commit(replace(self._known, session=uri))

    async def _opened(self) -> DriveFile | None:
        """Open a session and commit its address; a file that is there already is given instead.

        A reserved id that Drive will not take, or under which a wrong file lies, is replaced
        once; so is a folder that is not there any more.
        """
        for last in (False, True):
            if not self._known.id:
                await self._commit(DriveCheckpoint(id=await self._desk.calls.reserve_id()))
            folder = await self._desk.folders.of(self._upload.submitter)
            try:
                uri = await self._desk.calls.open_session(
                    self._body(folder), length=self._upload.size
                )
            except Unclassified as fault:
                there = await self._why_not(fault, last=last)
                if there is not None:
                    return there
            else:
                await self._commit(replace(self._known, session=uri, folder=folder))
                return None
        await self._commit(DriveCheckpoint())
        raise AttemptFailed("Drive says that the file is there, and shows none or another's")

    async def _why_not(self, fault: Unclassified, *, last: bool) -> DriveFile | None:
        """Make room for another try at opening a session, or give up by raising."""
        match fault.status:
            case HTTPStatus.CONFLICT:
                return await self._existing()
            case HTTPStatus.NOT_FOUND:
                self._desk.folders.forget(self._upload.submitter)
                if last:
                    raise DestinationUnavailable(
                        "the folder in Drive is gone: restore it from the trash"
                    )
            case _ if last:
                raise classify(fault)
            case _:
                self._known = DriveCheckpoint()
        return None

    async def _existing(self) -> DriveFile | None:
        """Give the file under our id if it is the right one; a wrong one loses the id.

        An id that was reserved twice may be that of another's copy, or of a folder.
        """
        file = await self._desk.calls.file(self._known.id)
        if file is None:
            return None
        if self._may_be_ours(file) and not file.trashed and not await self._differs(file):
            return file
        await self._discard(file)
        self._known = DriveCheckpoint(folder=self._known.folder)
        return None

    async def _adopted(self) -> DriveFile | None:
        """Find a copy whose id was lost from the journal; wrong ones go to the trash."""
        for document in await self._desk.calls.find(key=UPLOAD_KEY, value=self._upload.id):
            file = DriveFile.of(document)
            if not await self._differs(file):
                return file
            await self._discard(file)
        return None

    async def _discard(self, file: DriveFile) -> None:
        """Put a wrong copy into the trash, as well as that goes; never what is not ours."""
        if not self._is_named(file):
            log.error("mirror.id_twice", upload=self._upload.id, file=file.id)
            return
        if file.trashed:
            return
        log.error("mirror.damaged", upload=self._upload.id, moved_to="the trash", file=file.id)
        try:
            await self._desk.calls.trash(file.id)
        except DeliveryFault as fault:
            log.warning("mirror.not_trashed", file=file.id, reason=fault.reason)

    async def _arrival(self, file: DriveFile) -> DeliveryResult:
        """Tell what Drive holds, asking once more where the answer had no sha256.

        A file that was born in the trash, since its folder lies there, is no copy.
        """
        self._progress.body_sent()
        if file.trashed:
            self._desk.folders.forget(self._upload.submitter)
            await self._commit(DriveCheckpoint())
            await self._desk.folders.check()
            raise AttemptFailed("its folder in Drive lies in the trash; another will be made")
        if file.sha256 is None:
            file = await self._desk.calls.file(file.id) or file
        return _told(file)

    def _is_named(self, file: DriveFile) -> bool:
        """Tell whether it carries this upload's name."""
        return file.properties.get(UPLOAD_KEY) == self._upload.id

    def _may_be_ours(self, file: DriveFile) -> bool:
        """Tell whether its bytes decide; other credentials see no name, a folder has no size."""
        is_nameless = UPLOAD_KEY not in file.properties and file.size is not None
        return self._is_named(file) or is_nameless

    async def _differs(self, file: DriveFile) -> str:
        return await mismatch(_told(file), self._upload, self._content)

    async def _commit(self, known: DriveCheckpoint) -> None:
        known = replace(known, repairs=self._upload.repairs)
        await self._progress.checkpoint(known.text)
        self._known = known

    def _body(self, folder: str) -> File:
        return {
            "id": self._known.id,
            "name": copy_name(self._upload),
            "mimeType": OCTETS,
            "parents": [folder],
            "appProperties": {UPLOAD_KEY: self._upload.id, SHA256_KEY: self._upload.sha256},
        }


def _told(file: DriveFile) -> DeliveryResult:
    return DeliveryResult(locator=file.id, size=file.size, sha256=file.sha256, md5=file.md5)

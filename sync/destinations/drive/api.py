"""Drive's calls that Titip makes, each repeated quickly where that is safe.

Every call here is idempotent: what is made is made under an id that was reserved before.
"""

from __future__ import annotations

import io
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, TypeVar

from googleapiclient.http import MediaIoBaseUpload
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    wait_random_exponential,
)

from sync.destinations.checkpoints import is_id
from sync.destinations.drive.documents import DriveFile, Part, is_listed, properties
from sync.destinations.drive.errors import (
    Transient,
    Unclassified,
    classify,
    document_of,
    fault_of_call,
    unreadable,
)
from sync.destinations.drive.rate_limit import RateLimiter
from titip.errors import AttemptFailed, DeliveryFault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from googleapiclient._apis.drive.v3 import DriveResource
    from googleapiclient._apis.drive.v3.schemas import File
    from googleapiclient.http import HttpRequest

    from sync.destinations.drive.connections import ConnectionPool
    from sync.destinations.drive.options import DriveOptions

T = TypeVar("T")

OCTETS: Final = "application/octet-stream"
FOLDER: Final = "application/vnd.google-apps.folder"
FILE_FIELDS: Final = "id,size,md5Checksum,sha256Checksum,trashed,appProperties"
NO_COPY: Final = "Drive has no such copy any more"
TRIES: Final = 3
SLOWEST_PART: Final = 8 * 1024
"""Bytes a second below which a part of a copy is not waited for."""

LONGEST_QUICK_WAIT: Final = 8.0
"""Seconds; a longer rest belongs to the journal."""


class DriveCalls:
    """The metadata calls, through the client library."""

    def __init__(
        self, service: DriveResource, lines: ConnectionPool, *, options: DriveOptions
    ) -> None:
        self._files = service.files()
        self._about = service.about()
        self._lines = lines
        self._pace = RateLimiter(per_second=options.creates_per_second, burst=options.burst)
        self._timeout = options.timeout.total_seconds()
        self._quick_wait = wait_random_exponential(
            multiplier=options.quick_wait.total_seconds(), max=LONGEST_QUICK_WAIT
        )

    async def reserve_id(self) -> str:
        """Reserve an id, under which one file can be made and not two."""
        answer = await self._ask(self._files.generateIds(count=1, space="drive", type="files"))
        ids = answer.get("ids")
        first = ids[0] if isinstance(ids, list) and ids else None
        if not isinstance(first, str) or not is_id(first):
            raise AttemptFailed("Drive reserved no usable id")
        return first

    async def file(self, file_id: str) -> DriveFile | None:
        """Give the file of that id, trashed or not; None where there is none."""
        request = self._files.get(fileId=file_id, fields=FILE_FIELDS, supportsAllDrives=True)
        try:
            file = DriveFile.of(await self._ask(request))
        except Unclassified as fault:
            if fault.status == HTTPStatus.NOT_FOUND:
                return None
            raise classify(fault) from None
        if file.id != file_id:  # something in between mixed answers up
            raise unreadable(HTTPStatus.OK)
        return file

    async def part(self, file_id: str, *, offset: int, size: int) -> Part:
        """Give up to `size` bytes of a file; raises AttemptFailed where there is no such file."""
        if not file_id:
            raise AttemptFailed(NO_COPY)  # its address would be that of all files
        request = self._files.get_media(fileId=file_id, supportsAllDrives=True)
        headers = {
            **(request.headers or {}),
            "Range": f"bytes={offset}-{offset + size - 1}",
            "Accept-Encoding": "identity",
        }

        def get(http: Any) -> Part | DeliveryFault:  # noqa: ANN401  (the library's own type)
            response, content = http.request(
                request.uri,
                headers=headers,
                limit=size + 1,
                answer_within=self._timeout + size / SLOWEST_PART,
            )
            if len(content) > size:
                return AttemptFailed("Drive gave more of the copy than was asked for")
            return Part.of(response.status, response, content=content, offset=offset)

        try:
            return await self._quickly(get)
        except Unclassified as fault:
            if fault.status == HTTPStatus.NOT_FOUND:
                raise AttemptFailed(NO_COPY) from None
            raise classify(fault) from None

    async def folder(self, folder_id: str) -> DriveFile:
        """Give a folder; raises Unclassified, 404 where there is none."""
        request = self._files.get(
            fileId=folder_id,
            fields="id,driveId,parents,trashed,appProperties",
            supportsAllDrives=True,
        )
        told = await self._ask(request)
        if told.get("id") != folder_id:
            raise unreadable(HTTPStatus.OK)
        return DriveFile.of(told)

    async def find(self, *, key: str, value: str, drive: str = "") -> list[Mapping[str, Any]]:
        """List what carries this property and is not trashed, oldest first.

        A list may lag behind by an hour: what it shows is there, what it lacks may be there too.
        """
        where: dict[str, Any] = {"corpora": "drive", "driveId": drive} if drive else {}
        request = self._files.list(
            q=f"trashed = false and appProperties has {{ key='{key}' and value='{value}' }}",
            fields=f"files({FILE_FIELDS},createdTime,parents,mimeType)",
            pageSize=100,
            supportsAllDrives=True,
            includeItemsFromAllDrives=True,
            **where,
        )
        found = (await self._ask(request)).get("files", [])
        if not isinstance(found, list) or not all(is_listed(one) for one in found):
            raise unreadable(HTTPStatus.OK)
        # What does not carry it was not asked for: something in between mixed answers up.
        found = [one for one in found if properties(one).get(key) == value]
        return sorted(found, key=lambda one: str(one.get("createdTime", "")))

    async def make_folder(self, body: File) -> None:
        """Make a folder under its reserved id; one of ours may be there already.

        Raises AttemptFailed where that id is another's.
        """
        await self._pace.take()
        request = self._files.create(
            body={**body, "mimeType": FOLDER}, fields="id", supportsAllDrives=True
        )
        try:
            if (await self._ask(request)).get("id") == body["id"]:
                return
        except Unclassified as fault:
            if fault.status != HTTPStatus.CONFLICT:
                raise
        if (await self.folder(body["id"])).properties != body["appProperties"]:
            raise AttemptFailed("Drive reserved an id that is another folder's or file's")

    async def trash(self, file_id: str) -> None:
        """Put a file into the trash."""
        request = self._files.update(
            fileId=file_id, body={"trashed": True}, fields="id", supportsAllDrives=True
        )
        await self._ask(request)

    async def ask_about(self) -> None:
        """Ask who we are: the cheapest call that needs working credentials.

        An answer that does not tell is not Drive's, and raises DestinationUnavailable.
        """
        if not isinstance((await self._ask(self._about.get(fields="user"))).get("user"), dict):
            raise unreadable(HTTPStatus.OK)

    async def open_session(self, body: File, *, length: int) -> str:
        """Open a session for a file under its reserved id; give its address, a secret.

        Raises Unclassified: 409 where the file is there already, 404 where its folder is not.
        """
        await self._pace.take()
        request = self._files.create(
            body=body,
            fields=FILE_FIELDS,
            supportsAllDrives=True,
            media_body=MediaIoBaseUpload(io.BytesIO(), mimetype=OCTETS, resumable=True),
        )
        headers = {
            **(request.headers or {}),
            "X-Upload-Content-Type": OCTETS,
            "X-Upload-Content-Length": str(length),
        }

        def start(http: Any) -> str | DeliveryFault:  # noqa: ANN401  (the library's own type)
            response, content = http.request(
                request.uri, method=request.method, body=request.body, headers=headers
            )
            if response.status != HTTPStatus.OK or "location" not in response:
                return fault_of_call(response.status, content, response)
            return self._lines.place.located(response["location"])

        return await self._quickly(start)

    async def _ask(self, request: HttpRequest) -> dict[str, Any]:
        def execute(http: Any) -> dict[str, Any] | DeliveryFault:  # noqa: ANN401  (as above)
            response, content = http.request(
                request.uri, method=request.method, body=request.body, headers=request.headers
            )
            if response.status >= HTTPStatus.MULTIPLE_CHOICES:
                return fault_of_call(response.status, content, response)
            document = document_of(content)
            return unreadable(response.status) if document is None else document

        return await self._quickly(execute)

    async def _quickly(self, call: Callable[[Any], T | DeliveryFault]) -> T:
        """Make the call, and again within seconds while its trouble may pass."""

        async def once() -> T:
            answer = await self._lines.run(call)
            if isinstance(answer, DeliveryFault):
                raise answer
            return answer

        retrying = AsyncRetrying(
            stop=stop_after_attempt(TRIES),
            wait=self._wait,
            retry=retry_if_exception(_may_pass),
            reraise=True,
        )
        return await retrying(once)

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after if isinstance(error, DeliveryFault) else None
        return max(self._quick_wait(state), asked.total_seconds() if asked else 0.0)


def _may_pass(error: BaseException) -> bool:
    if not isinstance(error, Transient):
        return False
    asked = error.retry_after
    return asked is None or asked.total_seconds() <= LONGEST_QUICK_WAIT

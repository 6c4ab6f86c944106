"""A registry that speaks tus: the far side tells its offset, so hardly anything is in doubt."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from tusclient.client import TusClient

from sync.destinations.credentials.headers import RegistryHeaders, filled
from sync.destinations.given import Given
from sync.destinations.http_answer import fault_of, refuses_question
from sync.destinations.registry_access import RegistryAccess
from sync.destinations.templates import facts, problems
from sync.destinations.transport.bound_origin import BoundOrigin, login_of, without_login
from sync.destinations.transport.wire import HttpConnection
from sync.destinations.tus.delivery import RULES, TusDelivery
from sync.destinations.tus.protocol import Hop, TusSteps, UnexpectedStatus, checks_sha256
from titip.delivery import REGISTRY
from titip.errors import DestinationUnavailable
from titip.policies.origins import is_address, origins

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from titip.delivery import ClaimedDelivery
    from titip.ports.delivery import Content, DeliveryResult, Progress

WORKERS: Final = 8
"""Threads: as many as the widest window of a worker; more deliveries wait for one another."""

METADATA: Final = {
    "filename": "filename",
    "sha256": "sha256",
    "submitter": "submitter",
    "key": "upload_id",
}
"""Keys of the upload's metadata over there, and which fact each of them tells."""

_ADVICE: Final = "if files may go there, list it in registry.origins"
_VERSION: Final = {"Tus-Resumable": "1.0.0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TusOptions(RegistryAccess):
    """A tus registry, where uploads are created at `url`, in chunks of `chunk` bytes.

    Of `headers` those go along that belong to no file's own request. Uploads may lie on the origin
    of `url` and on `origins`.
    """

    chunk: int = 8 << 20

    def check(self) -> None:
        """Raise ValueError that names every problem and its mend."""
        wrong = [*problems(self._header_templates()), *self._connection()]
        if not is_address(self.url):
            wrong.append("registry.url must be an address like https://registry.example/files/")
        wrong += self._odd_bearer()
        if self.chunk < 1:
            wrong.append("the chunk for a tus registry must be above 0 bytes")
        if wrong:
            raise ValueError("; ".join(wrong))


class TusRegistry:
    """Hands files in over tus; raises ValueError for options that cannot work."""

    name: Final = REGISTRY

    def __init__(self, options: TusOptions) -> None:
        options.check()
        self._options = options
        self._headers = RegistryHeaders(options.headers, bearer=options.bearer)
        self._login = login_of(options.url)
        self._place = BoundOrigin(
            without_login(options.url), origins(options.origins), advice=_ADVICE
        )
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="tus")
        self._checks: bool | None = None
        self._given = Given()

    async def deliver(
        self, parcel: ClaimedDelivery, content: Content, progress: Progress
    ) -> DeliveryResult:
        """Bring the file there from the offset that the far side tells."""
        known = facts(parcel)
        client = self._client(self._headers.asking(filled(self._options.headers, known)))
        wire = self._wire(self._options.answer_within)
        hop = Hop(self._pool, wire)
        try:
            if self._checks is None:
                self._checks = await hop(lambda: checks_sha256(client, wire))
            steps = TusSteps(
                client,
                content,
                wire=wire,
                chunk=self._options.chunk,
                metadata={key: known[fact] for key, fact in METADATA.items()},
                checks=self._checks,
                place=self._place,
            )
            return await TusDelivery(
                hop, steps, parcel=parcel, progress=progress, given=self._given
            ).run()
        except UnexpectedStatus as answered:
            if answered.answer.status == HTTPStatus.UNAUTHORIZED:
                self._headers.renew()
            raise fault_of(replace(answered.answer, whole=False), RULES) from None
        finally:
            wire.close()

    async def probe(self) -> bool | None:
        """Ask for the far side's abilities, which every tus server tells.

        A refusal of the question, by a proxy perhaps, tells nothing. Raises DestinationUnavailable
        while a secret is not there.
        """
        self._headers.refuse_lacking()
        for _ in range(2):
            try:
                await self._asked()
            except DestinationUnavailable:
                return False
            except UnexpectedStatus as answered:
                status = answered.answer.status
                if status != HTTPStatus.UNAUTHORIZED or not self._headers.renew():
                    return None if refuses_question(status) else False
            else:
                return True
        return False

    async def close(self) -> None:
        """Let the threads go; may be called twice."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _asked(self) -> None:
        client = self._client(self._headers.of_no_file())
        wire = self._wire(self._options.probe_within)
        try:
            await Hop(self._pool, wire)(lambda: checks_sha256(client, wire))
        finally:
            wire.close()

    def _client(self, headers: Mapping[str, str]) -> TusClient:
        return TusClient(self._place.base, headers={**self._login, **headers, **_VERSION})

    def _wire(self, answer_within: timedelta) -> HttpConnection:
        return HttpConnection(
            connect_within=self._options.connect_within,
            answer_within=answer_within,
            hide=self._headers.hide,
        )

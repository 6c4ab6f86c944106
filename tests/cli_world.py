"""A data folder with a real journal and spool in it, and the command line over it."""

from __future__ import annotations

import asyncio
import json
import random
import secrets
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from typer.testing import CliRunner

from cli.main import app
from config.settings import Settings, settings_from
from config.wiring.storage import JournalServices, open_journal, open_spool
from storage.clock import utc_now
from titip import metadata
from titip.delivery import RejectedEvent, SucceededEvent, advance
from titip.evidence import Evidence
from titip.retry import RetryPolicy
from titip.upload import Upload, UploadId

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from typer.testing import Result

    from titip.delivery import DeliveryEvent
    from titip.health import Health

POLICY = RetryPolicy(timedelta(seconds=5), timedelta(minutes=30))


@dataclass(frozen=True)
class Desk:
    """What an operator sits at: settings in a file, and a shell."""

    file: Path

    @classmethod
    def at(cls, folder: Path, text: str = "") -> Desk:
        """Arrange the settings; the data folder is made by whoever opens it first."""
        file = folder / "titip.toml"
        path = folder / "data"
        file.write_text(f'{text}\n[storage]\npath = "{path}"\nreserve = "0B"\n', "utf-8")
        return cls(file)

    @property
    def settings(self) -> Settings:
        return settings_from(self.file)

    def run(self, *words: str, env: Mapping[str, str] | None = None) -> Result:
        """Run `titip` with these words."""
        return CliRunner().invoke(app, words, env={"TITIP_CONFIG": str(self.file), **(env or {})})

    def read(self, *words: str) -> Any:
        """Run `titip ... --json` and give what it printed."""
        result = self.run(*words, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def hand_in(
        self,
        content: bytes,
        *,
        name: str = "form.pdf",
        submitter: str = "pair-1",
        keep: int = -1,
        **fields: Any,
    ) -> UploadId:
        """Bring a file in; with `keep`, only so many of its bytes."""
        upload = Upload(
            id=UploadId(secrets.token_hex(16)),
            submitter=submitter,
            length=len(content),
            created_at=utc_now(),
            metadata=metadata.render({"filename": name.encode()}),
        )
        upload = replace(upload, **fields)

        async def bring() -> None:
            with (
                open_journal(self.settings) as books,
                open_spool(self.settings, books) as vault,
            ):
                deposit = await vault.store.create(upload)
                await deposit.commit([content if keep < 0 else content[:keep]])
                await deposit.close()

        asyncio.run(bring())
        return upload.id

    def end(self, upload: UploadId, event: DeliveryEvent, *, to: str = "registry") -> None:
        """Let the delivery of an upload end in this way, as a worker would."""

        async def act(books: JournalServices) -> None:
            now = utc_now()
            found = await books.records.of_upload(upload)
            submitter = next(one.submitter for one in found)
            until = now + timedelta(minutes=1)
            parcels = await books.queue.claim(
                to, submitter, now=now, until=until, limit=1000, ignore_delay=True
            )
            for parcel in parcels:
                before = parcel.delivery
                if before.upload == upload:
                    after = advance(before, event, now=now, policy=POLICY, rng=random.Random(1))
                    await books.queue.record(before, after, now=now)

        self.with_books(act)

    def park(self, upload: UploadId, reason: str = "refused this file (422)") -> None:
        """Let the registry refuse an upload."""
        self.end(upload, RejectedEvent(reason))

    def deliver(self, upload: UploadId, locator: str = "SILON-000001") -> None:
        """Let the registry take an upload."""
        self.end(upload, SucceededEvent(locator, Evidence.REFERENCE))

    def note(self, destination: str, health: Health) -> None:
        """Say how a destination is."""

        async def act(books: JournalServices) -> None:
            await books.destinations.note(destination, health)

        self.with_books(act)

    def with_books(self, act: Any) -> Any:
        """Do something with the journal open."""
        with open_journal(self.settings) as books:
            return asyncio.run(act(books))

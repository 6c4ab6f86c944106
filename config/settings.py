"""The settings: defaults < titip.toml < environment (`TITIP__SECTION__KEY`).

An unknown key is an error, all problems are told at once, and a secret may live in a file of its
own, `bearer = "file:/run/secrets/registry"`, which is read where the secret is used: a file that is
missing just now is one destination's trouble and keeps no command from its work.
"""

from __future__ import annotations

import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from config.addresses import (
    Address,
    Endpoint,
    Listen,
    PublicAddress,
    WebOrigin,
    leads_here,
    own_place,
)
from config.units import (
    MOST,
    Duration,
    HeadTime,
    Keeping,
    Network,
    Patience,
    Pause,
    Period,
    Place,
    Size,
    Status,
)
from titip.text import decoded

__all__ = ["Settings", "read_toml", "settings_from"]


class Section(BaseModel):
    """A table of titip.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class Gateway(Section):
    """Taking in."""

    listen: Listen = "127.0.0.1:8080"
    public_url: PublicAddress = ""
    trusted_proxies: tuple[Network, ...] = ()
    max_upload: Size = Field(50 << 30, gt=0)
    max_unfinished_age: Duration = Field(timedelta(days=7), gt=timedelta(0))
    auth: Literal["token", "none"] = "token"
    origins: tuple[WebOrigin, ...] = ("*",)
    max_connections: int = Field(20_000, ge=10, le=MOST)
    header_timeout: HeadTime = timedelta(seconds=10)
    idle_timeout: Duration = Field(timedelta(seconds=30), gt=timedelta(0))
    min_rate: Size = Field(256, ge=0)
    max_open_uploads: int = Field(20_000, ge=1, le=MOST)


class Storage(Section):
    """Keeping."""

    path: Place = Path("titip-data")
    scrub: Period = timedelta(days=30)
    keep_after_delivery: Keeping = timedelta(days=30)
    reserve: Size = Field(1 << 30, ge=0)


class Drive(Section):
    """The Google Drive that mirrors; `endpoint` is another root URL, for tests."""

    credentials: Place = Path("drive.json")
    folder: str = ""
    endpoint: Endpoint = ""
    creates_per_second: float = Field(2.0, ge=0.001, le=1000, allow_inf_nan=False)


class Mirror(Section):
    """The copy that stands in while the registry is stalled."""

    kind: Literal["folder", "drive"] = "folder"
    when: Literal["stalled", "always", "never"] = "stalled"
    after: Duration = timedelta(seconds=60)
    path: Place | None = None
    drive: Drive = Drive()


class Registry(Section):
    """The primary system; with kind "none" operators deliver by hand."""

    kind: Literal["none", "http", "tus"] = "none"
    url: Address = ""
    method: Literal["POST", "PUT"] = "POST"
    body: Literal["multipart", "raw"] = "multipart"
    file_field: str = "file"
    fields: dict[str, str] = {
        "sha256": "{sha256}",
        "filename": "{filename}",
        "submitter": "{submitter}",
        "key": "{upload_id}",
    }
    headers: dict[str, str] = {"Idempotency-Key": "{delivery_id}"}
    bearer: SecretStr = SecretStr("")
    accepted: tuple[Status, ...] = (200, 201, 204)
    duplicate: tuple[Status, ...] = ()
    not_stored: tuple[Status, ...] = ()
    reference: str = "/id"
    reason: str = Field("", pattern=r"^(/.*)?$")
    lookup: Address = ""
    lookup_sha256: str = Field("", pattern=r"^(/.*)?$")
    lookup_absent: str = ""
    trust_status: bool = False
    settle: Pause | None = Field(None, gt=timedelta(0))
    key_lifetime: Duration | None = Field(None, gt=timedelta(0))
    health: Address = ""
    origins: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _wants_url(self) -> Registry:
        if self.kind != "none" and not self.url:
            raise ValueError(f'registry.kind = "{self.kind}" needs registry.url')
        return self


class Retry(Section):
    """How long to wait between attempts of one delivery."""

    floor: Pause = Field(timedelta(seconds=5), gt=timedelta(0))
    ceiling: Pause = timedelta(minutes=30)

    @model_validator(mode="after")
    def _ordered(self) -> Retry:
        if not self.floor <= self.ceiling:
            raise ValueError("retry.floor must not be above retry.ceiling")
        return self


class Health(Section):
    """When a destination counts as stalled and how it is trusted again."""

    slow_after: Patience = Field(timedelta(seconds=30), gt=timedelta(0))
    max_window: int = Field(8, ge=1, le=256)
    cool_off: Pause = Field(timedelta(seconds=5), gt=timedelta(0))
    cool_off_ceiling: Pause = timedelta(minutes=5)
    probe_every: Pause = Field(timedelta(seconds=5), gt=timedelta(0))

    @model_validator(mode="after")
    def _ordered(self) -> Health:
        if not self.cool_off <= self.cool_off_ceiling:
            raise ValueError("health.cool_off must not be above health.cool_off_ceiling")
        return self


def read_toml(file: Path) -> dict[str, Any]:
    """Read a file of settings, also as an editor on Windows saves it: with a byte order mark.

    Raises OSError, UnicodeError and tomllib.TOMLDecodeError.
    """
    return tomllib.loads(decoded(file.read_bytes()))


class Settings(BaseSettings):
    """All of it."""

    model_config = SettingsConfigDict(
        env_prefix="TITIP__",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        validate_default=True,
    )

    file: ClassVar[Path | None] = None
    """Where they are read from, besides the environment."""

    gateway: Gateway = Gateway()
    storage: Storage = Storage()
    mirror: Mirror = Mirror()
    registry: Registry = Registry()
    retry: Retry = Retry()
    health: Health = Health()

    @classmethod
    def settings_customise_sources(  # noqa: PLR0917 - the signature is pydantic-settings's
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Rank the sources; a file named to `settings_from` comes after the environment."""
        del dotenv_settings, file_secret_settings
        if cls.file is None:
            return init_settings, env_settings
        tables = InitSettingsSource(settings_cls, init_kwargs=read_toml(cls.file))
        return init_settings, env_settings, tables

    @model_validator(mode="after")
    def _leads_away(self) -> Settings:
        registry, gateway = self.registry, self.gateway
        if registry.kind != "none" and leads_here(
            registry.url, listen=gateway.listen, public_url=gateway.public_url
        ):
            raise ValueError(
                "registry.url leads to this gateway itself, which would hand in to itself for "
                "ever: write the registry's own address"
            )
        return self

    @model_validator(mode="after")
    def _apart(self) -> Settings:
        own = own_place(self.mirror_path, data=self.storage.path)
        if self.mirror.kind == "folder" and own:
            raise ValueError(
                f"mirror.path is, holds or lies in {own}, which is the data folder's own: name "
                "another folder, best on another disk"
            )
        return self

    @property
    def mirror_path(self) -> Path:
        """Give the folder mirror's place: beside the data unless named."""
        return self.mirror.path or self.storage.path / "mirror"


def settings_from(file: Path | None, **overrides: dict[str, object]) -> Settings:
    """Read the settings; raises pydantic.ValidationError, also for bad TOML, and OSError."""
    if file is None:
        return Settings.model_validate(overrides)

    class FromFile(Settings):
        """Those of one file: pydantic-settings asks the class for its sources."""

    FromFile.file = file
    return FromFile.model_validate(overrides)

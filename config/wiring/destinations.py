"""The destinations that the settings ask for, each with its care wrapped around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.backup.manifest import JOURNAL
from storage.destinations import noted_place
from sync.destinations.copy_check import WithCopyCheck
from sync.destinations.drive.options import DriveOptions
from sync.destinations.folder.mirror import FolderMirror, FolderOptions
from sync.destinations.timeout import WithTimeout
from titip.delivery import MIRROR, REGISTRY
from titip.text import storable

if TYPE_CHECKING:
    from datetime import timedelta

    from config.settings import Settings
    from sync.destinations.drive.mirror import DriveMirror
    from sync.destinations.http.options import RegistryOptions
    from titip.ports.delivery import Destination


def destinations_of(settings: Settings) -> list[Destination]:
    """Build them; raises ValueError that names every problem of their settings."""
    built = [mirror_of(settings), registry_of(settings)]
    return [destination for destination in built if destination is not None]


def mirror_of(settings: Settings) -> Destination | None:
    """Build the mirror, None when it is never wanted."""
    if settings.mirror.when == "never":
        return None
    return WithTimeout(WithCopyCheck(source_of(settings), must_prove=True))


def source_of(settings: Settings) -> FolderMirror | DriveMirror:
    """Build the mirror as a place to fetch copies from, whether or not it is wanted any more."""
    if settings.mirror.kind == "folder":
        return FolderMirror(
            FolderOptions(path=settings.mirror_path, has_copies=has_copies(settings))
        )
    from sync.destinations.drive.mirror import DriveMirror  # noqa: PLC0415 - 0.2 s and 32 MiB

    return DriveMirror(_drive_options(settings))


def registry_of(settings: Settings) -> Destination | None:
    """Build the registry, None where operators deliver by hand."""
    match settings.registry.kind:
        case "none":
            return None
        case "http":
            from sync.destinations.http.registry import HttpRegistry  # noqa: PLC0415 - only what is configured

            return WithTimeout(WithCopyCheck(HttpRegistry(http_options(settings))))
        case "tus":
            from sync.destinations.tus.registry import TusOptions, TusRegistry  # noqa: PLC0415 - as above

            options = TusOptions(
                url=settings.registry.url,
                bearer=settings.registry.bearer.get_secret_value(),
                headers=settings.registry.headers,
                origins=settings.registry.origins,
                answer_within=answer_within(settings),
            )
            return WithTimeout(WithCopyCheck(TusRegistry(options)))


def lacking(settings: Settings) -> dict[str, list[str]]:
    """Tell which files of credentials are of no use just now, by destination.

    Each makes its destination ill until the file is there, and is no reason to take nothing in.
    """
    return {REGISTRY: _without_secret(settings), MIRROR: _without_credentials(settings)}


def _without_secret(settings: Settings) -> list[str]:
    from sync.destinations.credentials.headers import RegistryHeaders  # noqa: PLC0415 - as above

    registry = settings.registry
    if registry.kind == "none":
        return []
    bearer = registry.bearer.get_secret_value()
    return list(RegistryHeaders(registry.headers, bearer=bearer).problems())


def _without_credentials(settings: Settings) -> list[str]:
    if settings.mirror.when == "never" or settings.mirror.kind != "drive":
        return []
    from sync.destinations.drive.credentials import load_credentials  # noqa: PLC0415 - as above

    try:
        load_credentials(_drive_options(settings))
    except ValueError as error:
        return [str(error)]
    return []


def answer_within(settings: Settings) -> timedelta:
    """Tell how long a registry's answer is waited for after the last byte."""
    return 2 * settings.health.slow_after


def settle_time(settings: Settings) -> timedelta:
    """Tell how long a registry may still be at work on a file whose answer was given up."""
    return settings.registry.settle or answer_within(settings)


def mirror_place(settings: Settings) -> str:
    """Name where the mirror's copies go, as the journal notes it with the first of them."""
    if settings.mirror.kind == "folder":
        return storable(str(settings.mirror_path.absolute()))
    return "drive"


def has_copies(settings: Settings) -> bool:
    """Tell whether the last copy that the journal knows of was made where copies go now."""
    noted = noted_place(settings.storage.path / JOURNAL, MIRROR)
    return noted == mirror_place(settings)


def _drive_options(settings: Settings) -> DriveOptions:
    drive = settings.mirror.drive
    return DriveOptions(
        credentials=drive.credentials,
        folder=drive.folder,
        endpoint=drive.endpoint,
        creates_per_second=drive.creates_per_second,
    )


def http_options(settings: Settings) -> RegistryOptions:
    """Give what the settings say of a registry that takes files in over HTTP."""
    from sync.destinations.http.options import BodyKind, RegistryOptions  # noqa: PLC0415 - as above

    registry = settings.registry
    return RegistryOptions(
        url=registry.url,
        method=registry.method,
        body=BodyKind(registry.body),
        file_field=registry.file_field,
        fields=registry.fields,
        headers=registry.headers,
        bearer=registry.bearer.get_secret_value(),
        accepted=registry.accepted,
        duplicate=registry.duplicate,
        not_stored=registry.not_stored,
        reference=registry.reference,
        reason=registry.reason,
        lookup=registry.lookup,
        lookup_sha256=registry.lookup_sha256,
        lookup_absent=registry.lookup_absent,
        trust_status=registry.trust_status,
        key_lifetime=registry.key_lifetime,
        health=registry.health,
        origins=registry.origins,
        answer_within=answer_within(settings),
    )

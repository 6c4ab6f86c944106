"""The destinations that the settings ask for, each with its care wrapped around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.settings import secret_source
from sync.bounded import Bounded
from sync.folder import FolderMirror, FolderOptions
from sync.verified import Verified

if TYPE_CHECKING:
    from datetime import timedelta

    from config.settings import Settings
    from sync.drive import DriveMirror
    from titip.ports import Destination, Source


def destinations_of(settings: Settings) -> list[Destination]:
    """Build them; raises ValueError that names every problem of their settings."""
    built = [mirror_of(settings), registry_of(settings)]
    return [destination for destination in built if destination is not None]


def mirror_of(settings: Settings) -> Destination | None:
    """Build the mirror, None when it is never wanted."""
    if settings.mirror.when == "never":
        return None
    return Bounded(Verified(_mirror(settings), must_prove=True))


def source_of(settings: Settings) -> Source:
    """Build the mirror as a place to fetch copies from, whether or not it is wanted any more."""
    return _mirror(settings)


def registry_of(settings: Settings) -> Destination | None:
    """Build the registry, None where operators deliver by hand."""
    match settings.registry.kind:
        case "none":
            return None
        case "http":
            return Bounded(Verified(_http(settings)))
        case "tus":
            return Bounded(Verified(_tus(settings)))


def answer_within(settings: Settings) -> timedelta:
    """Tell how long a registry's answer is waited for after the last byte."""
    return 2 * settings.health.slow_after


def settle_time(settings: Settings) -> timedelta:
    """Tell how long a registry may still be at work on a file whose answer was given up."""
    return settings.registry.settle or answer_within(settings)


def _mirror(settings: Settings) -> FolderMirror | DriveMirror:
    if settings.mirror.kind == "folder":
        return FolderMirror(FolderOptions(path=settings.mirror_path))
    return _drive(settings)


def _drive(settings: Settings) -> DriveMirror:
    from sync.drive import DriveMirror, DriveOptions  # noqa: PLC0415 - 0.2 s and 32 MiB

    drive = settings.mirror.drive
    return DriveMirror(
        DriveOptions(
            credentials=drive.credentials,
            folder=drive.folder,
            endpoint=drive.endpoint,
            creates_per_second=drive.creates_per_second,
        ),
    )


def _http(settings: Settings) -> Destination:
    from sync.registry import HttpRegistry  # noqa: PLC0415 - only what is configured is loaded
    from sync.registry_options import BodyKind, RegistryOptions  # noqa: PLC0415

    registry = settings.registry
    return HttpRegistry(
        RegistryOptions(
            url=registry.url,
            method=registry.method,
            body=BodyKind(registry.body),
            file_field=registry.file_field,
            fields=registry.fields,
            headers=registry.headers,
            bearer=secret_source(registry.bearer),
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
        ),
    )


def _tus(settings: Settings) -> Destination:
    from sync.tus_registry import TusOptions, TusRegistry  # noqa: PLC0415 - as above

    return TusRegistry(
        TusOptions(
            url=settings.registry.url,
            bearer=secret_source(settings.registry.bearer),
            headers=settings.registry.headers,
            origins=settings.registry.origins,
            answer_within=answer_within(settings),
        ),
    )

"""Honour the `fields` parameter: a comma list with `a/b` and `a(b,c)`, as Google's APIs read it."""

import re
from typing import Any

from standin.drive.errors import DriveRefusal, invalid

Mask = dict[str, Any]
"""Names to keep, each with the mask of what lies below; an empty mask keeps all of it."""

FILE_DEFAULT = "kind,id,name,mimeType,driveId"
LIST_DEFAULT = f"kind,incompleteSearch,nextPageToken,files({FILE_DEFAULT})"

LIST_FIELDS = frozenset({"kind", "incompleteSearch", "nextPageToken", "files"})
_ABOUT_NAMES = """
    appInstalled canCreateDrives canCreateTeamDrives driveThemes exportFormats folderColorPalette
    importFormats kind maxImportSizes maxUploadSize storageQuota teamDriveThemes user
"""
_FILE_NAMES = """
    appProperties capabilities clientEncryptionDetails contentHints contentRestrictions
    copyRequiresWriterPermission createdTime description downloadRestrictions driveId
    explicitlyTrashed exportLinks fileExtension folderColorRgb fullFileExtension
    hasAugmentedPermissions hasThumbnail headRevisionId iconLink id imageMediaMetadata
    inheritedPermissionsDisabled isAppAuthorized kind labelInfo lastModifyingUser linkShareMetadata
    md5Checksum mimeType modifiedByMe modifiedByMeTime modifiedTime name originalFilename ownedByMe
    owners parents permissionIds permissions properties quotaBytesUsed resourceKey sha1Checksum
    sha256Checksum shared sharedWithMeTime sharingUser shortcutDetails size spaces starred
    teamDriveId thumbnailLink thumbnailVersion trashed trashedTime trashingUser version
    videoMediaMetadata viewedByMe viewedByMeTime viewersCanCopyContent webContentLink webViewLink
    writersCanShare
"""
ABOUT_FIELDS = frozenset(_ABOUT_NAMES.split())
FILE_FIELDS = frozenset(_FILE_NAMES.split())
"""What the API's own description says a file has, in the revision of November 2026."""

_TOKENS = re.compile(r"[\w*-]+|[,/()]")


def parse_mask(text: str, *, known: frozenset[str]) -> Mask:
    """Read a `fields` value; raise the Drive's 400 for one that it would not take."""
    tokens = _TOKENS.findall(text)
    if "".join(tokens) != re.sub(r"\s", "", text):
        raise _bad_selection(text)
    mask, rest = _read_list(tokens)
    if rest:
        raise _bad_selection(rest[0])
    _demand(mask, known | {"*"})
    if "files" in mask and known is LIST_FIELDS:
        _demand(mask["files"], FILE_FIELDS | {"*"})
    return mask


def keep(mask: Mask, value: Any) -> Any:  # noqa: ANN401  (JSON)
    """Keep of `value` what `mask` names."""
    if not mask or "*" in mask:
        return value
    if isinstance(value, list):
        return [keep(mask, one) for one in value]
    if isinstance(value, dict):
        return {name: keep(below, value[name]) for name, below in mask.items() if name in value}
    return value


def _demand(mask: Mask, known: frozenset[str]) -> None:
    for name in mask:
        if name not in known:
            raise _bad_selection(name)


def _bad_selection(what: str) -> DriveRefusal:
    return invalid(f"Invalid field selection {what}", reason="invalidParameter")


def _read_list(tokens: list[str]) -> tuple[Mask, list[str]]:
    mask: Mask = {}
    while True:
        name, below, tokens = _read_one(tokens)
        mask[name] = below
        if not tokens or tokens[0] != ",":
            return mask, tokens
        tokens = tokens[1:]


def _read_one(tokens: list[str]) -> tuple[str, Mask, list[str]]:
    if not tokens or tokens[0] in set(",/()"):
        raise _bad_selection(tokens[0] if tokens else "")
    name, rest = tokens[0], tokens[1:]
    if rest and rest[0] == "/":
        inner, below, rest = _read_one(rest[1:])
        return name, {inner: below}, rest
    if rest and rest[0] == "(":
        mask, rest = _read_list(rest[1:])
        if not rest or rest[0] != ")":
            raise _bad_selection(name)
        return name, mask, rest[1:]
    return name, {}, rest

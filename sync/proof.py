"""Compare what a destination says of its copy with what was sealed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.reading import md5_of
from sync.threads import in_thread

if TYPE_CHECKING:
    from titip.ports import Arrival, Content
    from titip.upload import Upload


async def difference(arrival: Arrival, upload: Upload, content: Content) -> str:
    """Say how the copy differs; empty where nothing that was told speaks against it.

    The strongest digest that was told decides; an MD5 has to be computed from the content first.
    """
    if arrival.size is not None and arrival.size != upload.size:
        return f"it has {arrival.size} bytes instead of {upload.size}"
    if arrival.sha256 is not None:
        return "" if arrival.sha256.lower() == upload.sha256.lower() else "its sha256 is another"
    if arrival.md5 is not None:
        wanted = await in_thread(lambda: md5_of(content))
        return "" if arrival.md5.lower() == wanted else "its md5 is another"
    return ""

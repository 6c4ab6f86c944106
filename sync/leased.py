"""Let no byte leave that is no longer ours to send: a content that looks at the lease first.

A process that was stopped, or a machine that slept, wakes up in the midst of a delivery that may
be another worker's by now. Its rows are fenced; this fences its bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sync.lease import Lease
    from titip.ports import Content


class LeasedContent:
    """Implements titip.ports.Content over another one."""

    def __init__(self, inner: Content, lease: Lease) -> None:
        """Give what `inner` holds as long as the lease does."""
        self._inner = inner
        self._lease = lease

    @property
    def size(self) -> int:
        """Give the length in bytes."""
        return self._inner.size

    def read(self, offset: int, size: int) -> bytes:
        """Read as the inner content does; raises LeaseLost besides."""
        self._lease.hold_on()
        return self._inner.read(offset, size)

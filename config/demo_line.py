"""A bad line between the LO and the gateway: counts what passes, and breaks where it is told."""

from __future__ import annotations

import re
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable

PIECE: Final = 64 << 10
PATIENCE: Final = 60.0
_OFFSET: Final = re.compile(rb"^Upload-Offset: *(\d+)\r?$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Break:
    """Once so many more bytes went out: do something, then drop the connection."""

    after: int
    first: Callable[[], None] | None = None


class Line:
    """Passes connections on to a port of this machine, in threads of its own."""

    def __init__(self, port: int) -> None:
        """Lead to this port; the line's own is chosen by the system."""
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._breaks: list[Break] = []
        self._left = 0
        self.sent = 0
        self._broken = False
        self.resumed_at: list[int] = []
        """Offsets that a client went on from after each break, as its request said."""

    @property
    def url(self) -> str:
        """Give the address of the near end."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def break_at(self, *breaks: Break) -> None:
        """Break one after the other, each counted from the one before."""
        with self._lock:
            self._breaks = list(breaks)
            self._left = breaks[0].after if breaks else 0

    def __enter__(self) -> Self:
        """Open the line."""
        threading.Thread(target=self._accept, name="line", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Close the line; connections still open end with their peers."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        with near:
            try:
                far = socket.create_connection(("127.0.0.1", self._port), timeout=PATIENCE)
            except OSError:
                return  # nobody is there: the near end finds its connection closed
            with far:
                back = threading.Thread(target=_pump, args=(far, near), daemon=True)
                back.start()
                with suppress(OSError):
                    self._outwards(near, far)
                _hang_up(near, far)
                back.join(PATIENCE)

    def _outwards(self, near: socket.socket, far: socket.socket) -> None:
        while piece := near.recv(PIECE):
            self._look_at(piece)
            whole, then = self._allowance(piece)
            far.sendall(piece[:whole])
            if then is not None:
                if then.first is not None:
                    then.first()
                return

    def _look_at(self, piece: bytes) -> None:
        offset = _OFFSET.search(piece) if self._broken and piece.startswith(b"PATCH ") else None
        if offset is not None:
            self._broken = False
            self.resumed_at.append(int(offset[1]))

    def _allowance(self, piece: bytes) -> tuple[int, Break | None]:
        """Tell how much of the piece may pass, and what breaks the line after it."""
        with self._lock:
            if not self._breaks or len(piece) < self._left:
                self._left -= len(piece)
                self.sent += len(piece)
                return len(piece), None
            passing, then = self._left, self._breaks.pop(0)
            self.sent += passing
            self._left = self._breaks[0].after if self._breaks else 0
            self._broken = True
            return passing, then


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(PIECE):
            sink.sendall(piece)
    _hang_up(source, sink)


def _hang_up(*ends: socket.socket) -> None:
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)

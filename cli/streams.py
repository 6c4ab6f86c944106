"""Standard streams that whoever started us had closed."""

import os
import sys


def open_missing_streams() -> None:
    """Open the null device in the place of each standard stream that is closed.

    What is opened next would get its number otherwise: a journal, whatever is written to standard
    error; or the event loop's own files, at whose end libuv aborts.
    """
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free: this one
    sys.stdin = sys.stdin or open(0, closefd=False)  # noqa: SIM115 - to the process's end
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115

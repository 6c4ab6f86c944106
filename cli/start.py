"""Begin `titip`: a Ctrl-C while its parts are still being loaded ends it without a word.

A KeyboardInterrupt in the middle of an import would be a traceback, or be lost. Little is imported
here, so that little can be interrupted.
"""

from cli.interrupts import leave_at_once
from cli.streams import open_missing_streams


def main() -> None:
    """Run `titip`."""
    leave_at_once()
    open_missing_streams()
    from cli.main import main as run

    run()

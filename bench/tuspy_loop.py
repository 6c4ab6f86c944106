"""What stock tuspy does with a folder: one file after the other. PORT TOKEN FOLDER COUNT."""

from __future__ import annotations

import sys
from itertools import islice
from pathlib import Path

from tusclient.client import TusClient


def main() -> None:
    """Hand the first files of the folder in."""
    port, token, folder, count = sys.argv[1:]
    headers = {"Authorization": f"Bearer {token}"}
    tus = TusClient(f"http://127.0.0.1:{port}/files/", headers=headers)
    for path in islice(sorted(Path(folder).iterdir()), int(count)):
        tus.uploader(str(path), metadata={"filename": path.name}).upload()


if __name__ == "__main__":
    main()

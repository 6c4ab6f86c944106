"""Serves resumable-upload on uvicorn: PORT FOLDER. Runs in the peers' own environment."""

from __future__ import annotations

import sys
from pathlib import Path

import uvicorn  # type: ignore[import-not-found]
from resumable_upload import SQLiteStorage, TusServer
from resumable_upload.asgi import TusASGIApp

if __name__ == "__main__":
    folder = Path(sys.argv[2])
    storage = SQLiteStorage(db_path=str(folder / "uploads.db"), upload_dir=str(folder / "bytes"))
    app = TusASGIApp(TusServer(storage=storage, base_path="/files"))
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")

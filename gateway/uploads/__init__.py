"""One file per use case of an upload: create, append, ask for the offset, download, end."""

"""README.md as somebody who types it finds it."""

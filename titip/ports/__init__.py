"""Where the rooms meet: narrow interfaces, joined in config/wiring/."""

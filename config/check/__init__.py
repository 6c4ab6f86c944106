"""`titip check`: look at everything before trouble does."""

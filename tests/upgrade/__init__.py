"""Folders that older versions made, opened by this one."""

"""Disks that are full, fail, or are not there: on real file systems."""

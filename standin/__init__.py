"""Stand in for what nobody can have on a laptop: a registry that stalls, and a Google Drive.

Both are real HTTP servers on loopback, as strict as the originals where strictness matters, with
faults that are switched on from outside. The demo, the tests and anybody's dry run use them.
"""

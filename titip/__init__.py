"""The words and the rules of Titip: no I/O, no clock, the standard library alone."""

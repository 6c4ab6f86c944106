"""Far sides that may answer anything, in process and on a clock of their own."""

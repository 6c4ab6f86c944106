"""What HTTP, tus and the IETF draft say: pure functions, no I/O, no event loop."""

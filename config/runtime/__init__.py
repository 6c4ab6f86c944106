"""What a running process needs: the log, the clock, sockets, stopping."""

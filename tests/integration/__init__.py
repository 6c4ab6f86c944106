"""Several rooms together, over real sockets and real files."""

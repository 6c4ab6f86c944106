"""One file's way to the gateway: digest, look up, send, prove, remember."""

"""One connection to the gateway, bounded in size and time, and what its answers mean."""

"""What stands beside aiohttp on a connection: limits, framing, informational responses."""

"""Takes uploads in: the tus protocol over aiohttp."""

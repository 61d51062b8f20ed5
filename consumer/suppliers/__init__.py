"""The suppliers' room: the only one that knows wire names, httpx and aiohttp (SUPPLIERS)."""

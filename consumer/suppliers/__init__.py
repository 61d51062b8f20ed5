"""The suppliers' room: the only one that knows wire names and httpx (SUPPLIERS)."""

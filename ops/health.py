"""Asking a process of ours how it is, the way a load balancer does."""

from __future__ import annotations

import asyncio
from typing import Final

ANYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - a comparison, nothing is bound
"""Addresses that mean "all of this machine's", and where to ask then."""
_PATIENCE: Final = 5.0


async def says_yes(host: str, port: int, path: str) -> bool:
    """Tell whether ``GET path`` is answered with 200; nobody there, or no answer within 5 s, is a no."""
    try:
        async with asyncio.timeout(_PATIENCE):
            reader, writer = await asyncio.open_connection(ANYWHERE.get(host, host), port)
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
                return b" 200 " in await reader.readline()
            finally:
                writer.close()
    except OSError:
        # TimeoutError is one too.
        return False

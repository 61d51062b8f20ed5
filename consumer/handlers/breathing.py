"""Long work in slices: a call that has a slot of the quota must go out when it is due, not when we are done."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

T = TypeVar("T")

_AT_A_TIME: Final = 25
"""Events that are made and encoded together: some 2 ms of work."""


async def slices(items: Sequence[T]) -> AsyncIterator[Sequence[T]]:
    """Yield ``items`` some at a time, and let others run in between."""
    for start in range(0, len(items), _AT_A_TIME):
        if start:
            await asyncio.sleep(0)
        yield items[start : start + _AT_A_TIME]

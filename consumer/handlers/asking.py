"""The calls of one batch: what each brings, or why it brings nothing.

What the supplier refuses, or answers in another shape, fails what that call was for; what ends a call for other reasons
ends the others too, and the whole batch goes round.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TypeVar

from consumer.domain.errors import Malformed, Rejected

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

K = TypeVar("K")
T = TypeVar("T")

AT_ONCE: Final = 20
"""Calls of one batch under way, or waiting for a slot of the quota. Where that is low, those of all batches in hand
have to have their turn before one of them has waited too long."""


async def answers(asks: Mapping[K, Callable[[], Awaitable[T]]]) -> dict[K, T | Rejected | Malformed]:
    """Make the calls ``asks`` and return what came of each.

    Raises:
        SupplierError: one of the calls has no answer, or none of several has a readable one.
    """
    free = asyncio.Semaphore(AT_ONCE)

    async def one(ask: Callable[[], Awaitable[T]]) -> T | Rejected | Malformed:
        async with free:
            try:
                return await ask()
            except (Rejected, Malformed) as error:
                return error

    try:
        async with asyncio.TaskGroup() as group:
            asked = {key: group.create_task(one(ask)) for key, ask in asks.items()}
    except ExceptionGroup as group:
        # What ended the first of them: the others were called off for it, or say the same.
        raise group.exceptions[0] from None
    found = {key: task.result() for key, task in asked.items()}
    misshapen = [answer for answer in found.values() if isinstance(answer, Malformed)]
    if misshapen and len(misshapen) == len(found):
        # Not the trouble of one of them: the supplier has changed its format, and a person has to see how.
        raise misshapen[0]
    return found


def last_refusal(answered: Mapping[K, T | Rejected | Malformed]) -> Rejected | None:
    """Return the supplier's last no among ``answered``, if it said any."""
    refusals = [answer for answer in answered.values() if isinstance(answer, Rejected)]
    return refusals[-1] if refusals else None

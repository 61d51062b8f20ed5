"""The calls of one batch: what each brings, or why it brings nothing.

What the supplier refuses, or answers in another shape, fails what that call was for. A call without an answer is made
again a moment later, for as long as the others have brought something: their answers are not thrown away for it, and
in a pause of some seconds, as after a 429, no call is made twice. After that the whole batch goes round.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TypeVar

from consumer.domain.errors import Malformed, Rejected, Resting, SupplierError, Throttled, Transient

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

K = TypeVar("K")
T = TypeVar("T")

AT_ONCE: Final = 20
"""Calls of one batch under way, or waiting for a slot of the quota. Where that is low, those of all batches in hand
have to have their turn before one of them has waited too long."""
WAITS: Final = (1.5, 3.0, 6.0)
"""Seconds before each further round; the first outlasts the rest that follows on a 429 without ``Retry-After``."""
LONGEST: Final = 120.0
"""Seconds after which no further round begins."""


async def answers(asks: Mapping[K, Callable[[], Awaitable[T]]]) -> dict[K, T | Rejected | Malformed]:
    """Make the calls ``asks`` and return what came of each, in their order.

    Raises:
        SupplierError: one of the calls has no answer, or none of several has a readable one.
    """
    found: dict[K, T | Rejected | Malformed] = {}
    until = asyncio.get_running_loop().time() + LONGEST
    for wait in (*WAITS, None):
        unanswered = await _round({key: ask for key, ask in asks.items() if key not in found}, found)
        if not unanswered:
            break
        passing = all(isinstance(error, Transient | Throttled | Resting) for error in unanswered)
        if not found or not passing or wait is None or asyncio.get_running_loop().time() > until:
            raise unanswered[0]
        await asyncio.sleep(wait)
    misshapen = [answer for answer in found.values() if isinstance(answer, Malformed)]
    if misshapen and len(misshapen) == len(found):
        # Not the trouble of one of them: the supplier has changed its format, and a person has to see how.
        raise misshapen[0]
    return {key: found[key] for key in asks}


async def _round(
    asks: Mapping[K, Callable[[], Awaitable[T]]], found: dict[K, T | Rejected | Malformed]
) -> list[SupplierError]:
    """Make calls, put what they bring into ``found``, and return why the others have no answer."""
    free, unanswered = asyncio.Semaphore(AT_ONCE), list[SupplierError]()

    async def one(key: K, ask: Callable[[], Awaitable[T]]) -> None:
        async with free:
            try:
                found[key] = await ask()
            except (Rejected, Malformed) as error:
                found[key] = error
            except SupplierError as error:
                unanswered.append(error)

    try:
        async with asyncio.TaskGroup() as group:
            for key, ask in asks.items():
                group.create_task(one(key, ask))
    except ExceptionGroup as group:
        # No supplier's: our database, or a fault of ours. It ended the other calls.
        raise group.exceptions[0] from None
    return unanswered


def last_refusal(answered: Mapping[K, T | Rejected | Malformed]) -> Rejected | None:
    """Return the supplier's last no among ``answered``, if it said any."""
    refusals = [answer for answer in answered.values() if isinstance(answer, Rejected)]
    return refusals[-1] if refusals else None

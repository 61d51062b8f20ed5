"""The calls of one batch: what each brings, or why it brings nothing.

What the supplier refuses, or answers in another shape, fails what that call was for. A call without an answer is made
again a moment later, for as long as others have brought something: their answers are not thrown away for it, and in a
pause of some seconds, as after a 429, no call is made twice. What then has none still has failed too, unless the
supplier is at rest: only that, and a supplier that answers nothing at all, sends the whole batch round.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from consumer.domain.errors import Malformed, Rejected, Resting, SupplierError, Throttled, Transient

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

K = TypeVar("K")
T = TypeVar("T")

NoAnswer: TypeAlias = Rejected | Malformed | Transient
"""Why a call has brought nothing, and nothing but what it was for has failed."""

AT_ONCE: Final = 20
"""Calls of one batch under way, or waiting for a slot of the quota. Where that is low, those of all batches in hand
have to have their turn before one of them has waited too long."""
WAITS: Final = (1.1, 3.0, 6.0)
"""Seconds before each further round; the first outlasts the rest that follows on a 429 without ``Retry-After``."""
LONGEST: Final = 120.0
"""Seconds after which no further round begins."""
LOOK_EVERY: Final = 1.0
"""Seconds until it is asked again whether calls are still wanted."""


class NotWanted(Exception):
    """The calls that were left are not wanted any more."""


async def answers(
    asks: Mapping[K, Callable[[], Awaitable[T]]], *, wanted: Callable[[], Awaitable[bool]] | None = None
) -> dict[K, T | NoAnswer]:
    """Make the calls ``asks`` and return what came of each, in their order.

    Args:
        asks: by what each is for.
        wanted: asked once a second or so whether to go on; None: to the end.

    Raises:
        SupplierError: the supplier is at rest, gives no call an answer, or none of several a readable one.
        NotWanted: said by ``wanted``.
    """
    found: dict[K, T | NoAnswer] = {}
    unanswered: dict[K, SupplierError] = {}
    watch = _Watch(wanted)
    for wait in (*WAITS, None):
        unanswered = await _round({key: ask for key, ask in asks.items() if key not in found}, found, watch)
        if not unanswered:
            break
        passing = all(isinstance(error, Transient | Throttled | Resting) for error in unanswered.values())
        if not found or not passing:
            raise next(iter(unanswered.values()))
        if wait is None or watch.seconds > LONGEST:
            break
        await asyncio.sleep(wait)
    for key, error in unanswered.items():
        if not isinstance(error, Transient):
            raise error
        found[key] = error
    misshapen = [answer for answer in found.values() if isinstance(answer, Malformed)]
    if misshapen and len(misshapen) == len(found):
        # Not the trouble of one of them: the supplier has changed its format, and a person has to see how.
        raise misshapen[0]
    return {key: found[key] for key in asks}


def last_refusal(answered: Mapping[K, T | NoAnswer]) -> Rejected | None:
    """Return the supplier's last no among ``answered``, if it said any."""
    refusals = [answer for answer in answered.values() if isinstance(answer, Rejected)]
    return refusals[-1] if refusals else None


class _Watch:
    """Asks now and then whether the calls are still wanted."""

    def __init__(self, wanted: Callable[[], Awaitable[bool]] | None) -> None:
        self._wanted = wanted
        self._asking = asyncio.Lock()
        self._clock = asyncio.get_running_loop().time
        self._began = self._asked = self._clock()

    @property
    def seconds(self) -> float:
        """Since the first call."""
        return self._clock() - self._began

    async def look(self) -> None:
        """Raise `NotWanted` if they are not; costs nothing while little time has passed."""
        if self._wanted is None:
            return
        # Who comes while another asks waits for what he hears.
        async with self._asking:
            if self._clock() - self._asked < LOOK_EVERY:
                return
            if not await self._wanted():
                raise NotWanted
            self._asked = self._clock()


async def _round(
    asks: Mapping[K, Callable[[], Awaitable[T]]], found: dict[K, T | NoAnswer], watch: _Watch
) -> dict[K, SupplierError]:
    """Make calls, put what they bring into ``found``, and return why the others have no answer."""
    free, unanswered = asyncio.Semaphore(AT_ONCE), dict[K, SupplierError]()

    async def one(key: K, ask: Callable[[], Awaitable[T]]) -> None:
        async with free:
            await watch.look()
            try:
                found[key] = await ask()
            except (Rejected, Malformed) as error:
                found[key] = error
            except SupplierError as error:
                unanswered[key] = error

    try:
        async with asyncio.TaskGroup() as group:
            for key, ask in asks.items():
                group.create_task(one(key, ask))
    except ExceptionGroup as group:
        # No supplier's: not wanted, our database, or a fault of ours. It ended the other calls.
        raise group.exceptions[0] from None
    return unanswered

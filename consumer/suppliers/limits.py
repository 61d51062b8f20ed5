"""How long a call may take and how many may be under way: what keeps one supplier's trouble from filling the service.

`Gate` is the one place that every business call passes on its way out: whatever else may hold a call back belongs
there.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from consumer.domain.recoverability import Policy
    from consumer.suppliers.operation import Operation

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Time-outs of one supplier's calls (DESIGN section 6).

    Attributes:
        token: seconds for a login.
        call: seconds for one call.
    """

    token: float = 10.0
    call: float = 30.0

    def total(self, policy: Policy) -> timedelta:
        """Return the deadline of one business call: a login, each try, and the pauses between them.

        A lease on what the call changes must outlast this.
        """
        tries = 1 + policy.immediate_retries
        pauses = sum(
            (
                min(policy.immediate_delay * policy.immediate_factor**repeat, policy.immediate_cap)
                for repeat in range(policy.immediate_retries)
            ),
            timedelta(0),
        )
        return timedelta(seconds=self.token + self.call * tries) + pauses


class Gate:
    """A bulkhead: at most ``at_once`` business calls of one supplier under way. Logins do not pass it.

    Sized to the connection pool, so that calls wait here, where waiting ends with "nothing was sent".
    """

    def __init__(self, at_once: int) -> None:
        self._free = asyncio.Semaphore(at_once)

    async def enter(self, operation: Operation[T], *, within: float, subject: str | None) -> None:
        """Let one call through; `leave` follows in any case.

        Raises:
            Transient: it was not its turn ``within`` so many seconds; nothing was sent.
        """
        if not self._free.locked():
            await self._free.acquire()
            return
        try:
            async with asyncio.timeout(within):
                await self._free.acquire()
        except TimeoutError as error:
            what = f"too many calls were under way for {within:g} s"
            raise operation.not_sent(what, code="bulkhead_full", subject=subject) from error

    def leave(self) -> None:
        """End what `enter` began."""
        self._free.release()

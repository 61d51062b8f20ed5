"""How long a call may take, how many may be under way, how many a second: what keeps trouble from filling the service.

`Gate` is the one place that every business call passes on its way out:

    enter       the bulkhead: at most so many calls of one supplier under way
    clear       before each send, repeats too: the brake (is it at rest?) and the account's quota

A login takes no slot: the documented limit is on calls, an account's process makes one login at a time and few an hour,
and a login that stood in the queue would keep all those waiting who stand before it and need its token.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol, TypeVar

from consumer.domain.errors import Resting

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


class Quota(Protocol):
    """An account's calls a second, shared by all processes that use the account."""

    async def take(self, within: float) -> bool:
        """Wait for the next slot and take it; False, at once, if it lies further away than ``within`` seconds.

        Raises:
            BooksUnavailable: the slots are kept in our database, which does not answer.
        """
        ...


class Brake(Protocol):
    """Whether calls to a supplier may begin at all."""

    def held(self) -> str | None:
        """Return why not, in words for a person; None: they may. Asked before each send: be quick."""
        ...


class Unlimited:
    """The quota of who has none to keep."""

    async def take(self, within: float) -> bool:
        """Say yes at once."""
        del within
        return True


class Released:
    """The brake of who is never held back: a probe, a person's look."""

    def held(self) -> str | None:
        """Say that calls may begin."""
        return None


class Gate:
    """Bulkhead, brake and quota of one supplier's business calls. Logins do not pass it.

    Args:
        at_once: calls under way together; sized to the connection pool, so that calls wait here, where waiting ends
            with "nothing was sent".
        quota: the account's.
        brake: the supplier's.
    """

    def __init__(self, at_once: int, quota: Quota, brake: Brake) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._quota = quota
        self._brake = brake

    async def enter(self, operation: Operation[T], *, within: float, subject: str | None) -> None:
        """Let one call into the bulkhead; `leave` follows in any case.

        Raises:
            Resting: it was not its turn ``within`` so many seconds; nothing was sent. Those before it may wait for the
                quota, so this is no failure.
        """
        if not self._free.locked():
            await self._free.acquire()
            return
        try:
            async with asyncio.timeout(within):
                await self._free.acquire()
        except TimeoutError as error:
            what = f"too many calls were under way for {within:g} s; nothing was sent"
            raise operation.error(Resting, what, code="bulkhead_full", subject=subject) from error

    async def clear(self, operation: Operation[T], *, within: float, subject: str | None) -> None:
        """Wait for a slot of the quota; a supplier at rest gets no call, nor does one that came to rest meanwhile.

        Raises:
            Resting: the supplier is at rest, or no slot is free ``within`` so many seconds; nothing was sent.
            BooksUnavailable: the quota cannot be asked.
        """
        self.unless_held(operation, subject)
        if not await self._quota.take(within):
            what = f"the account's calls are taken for the next {within:g} s; nothing was sent"
            raise operation.error(Resting, what, code="quota_taken", subject=subject)
        self.unless_held(operation, subject)

    def leave(self) -> None:
        """End what `enter` began."""
        self._free.release()

    def unless_held(self, operation: Operation[T], subject: str | None) -> None:
        """Ask the brake alone, as before a login, which takes no slot.

        Raises:
            Resting: the supplier is at rest.
        """
        reason = self._brake.held()
        if reason is not None:
            raise operation.error(Resting, f"{reason}; nothing was sent", code="at_rest", subject=subject)

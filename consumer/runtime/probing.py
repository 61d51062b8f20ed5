"""Asks what rests whether it is back: one harmless call when its pause is over, and again at growing intervals.

Nothing is fetched while it asks, so that a supplier that is down sees one call where a lane on trial would spend an
attempt of one message after the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.domain.errors import Malformed, Rejected, RelayError
from consumer.domain.recoverability import Attempt, PauseLane, SitOut, decide
from consumer.observability.logging import get_logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from consumer.domain.recoverability import Policy
    from consumer.runtime.pause_board import PauseBoard
    from consumer.runtime.pauses import Pause

log = get_logger(__name__)


class Probing:
    """Probes one resource, one call at a time, for as long as the service runs.

    Args:
        resource: supplier name.
        board: where its pauses stand.
        check: makes the call, once, past the brake; raises `RelayError` if the resource is not back.
        policy: how the pause grows.
    """

    def __init__(self, resource: str, board: PauseBoard, check: Callable[[], Awaitable[None]], policy: Policy) -> None:
        self._resource = resource
        self._board = board
        self._check = check
        self._policy = policy

    async def once(self) -> None:
        """Wait until the resource has to be probed, probe it, and tell the board."""
        pause = await self._board.until_due(self._resource)
        log.debug("probing", resource=self._resource)
        try:
            await self._check()
        except (Rejected, Malformed):
            # Who says no, or says it in another shape, is there and has let us in.
            self._board.passed(pause)
        except RelayError as error:
            self._failed(pause, error)
        else:
            self._board.passed(pause)

    def _failed(self, pause: Pause, error: RelayError) -> None:
        policy = self._policy
        rest, longest, cause, alert = policy.probe_first, policy.probe_cap, error, False
        action = decide(error, Attempt(immediate=policy.immediate_retries), policy)
        if isinstance(action, PauseLane) and action.resource == self._resource:
            rest, longest, alert = action.rest, action.longest, action.alert
        elif isinstance(action, PauseLane | SitOut):
            # No call was made, for our database is away or no slot was free: nothing was learnt.
            cause, alert = pause.cause, pause.alert
        self._board.failed(pause, rest=rest, longest=longest, cause=cause, alert=alert)

"""What becomes of a message that cannot end now: what `consumer.domain.recoverability` decides, carried out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from consumer.domain.errors import RelayError
from consumer.domain.letters import note_of
from consumer.domain.recoverability import Attempt, PauseLane, RetryIn, SitOut, Snooze, decide
from consumer.observability.logging import get_logger
from schemas.faults import InvalidEvent

if TYPE_CHECKING:
    from consumer.domain.delivery import Settlement
    from consumer.domain.recoverability import Policy
    from consumer.runtime.courier import Courier
    from consumer.runtime.passage import Passage
    from consumer.runtime.pause_board import PauseBoard

log = get_logger(__name__)


class Aftermath:
    """Retries, snoozes, pauses and dead letters of one lane.

    Args:
        lane: name of the lane (its queue).
        courier: sends messages on within the broker.
        pauses: what is at rest.
        policy: how patient we are.
    """

    def __init__(self, lane: str, courier: Courier, pauses: PauseBoard, policy: Policy) -> None:
        self._lane = lane
        self._courier = courier
        self._pauses = pauses
        self._policy = policy

    async def of(self, passage: Passage, error: BaseException) -> Settlement:
        """Do what recoverability decides on ``error``."""
        delivery = passage.delivery
        now = datetime.now(UTC)
        note = note_of(error)
        passage.note = note
        failed = passage.failed(note, now)
        attempt = Attempt(delivery.attempt, immediate=self._policy.immediate_retries, snoozed=delivery.snoozed)
        action = decide(error, attempt, self._policy)
        match action:
            case RetryIn(delay, number):
                passage.outcome = "retry"
                return await self._courier.retry(delivery, failed, delay=delay, attempt=number)
            case Snooze(delay):
                passage.outcome = "snoozed"
                return await self._courier.snooze(delivery, delay=delay)
            case PauseLane(resource, rest, longest, alert, lapse) if isinstance(error, RelayError):
                self._pauses.pause(resource, rest=rest, longest=longest, cause=error, alert=alert, lapse=lapse)
                return await self.sit_out(passage)
            case SitOut():
                return await self.sit_out(passage)
            case _:
                # A refusal that no handler turned into a result, and an immediate retry that no call made, are bugs:
                # parked like one, with the words that there are.
                passage.outcome = "rejected" if isinstance(error, InvalidEvent) else "dead_lettered"
                if note.traceback is not None:
                    log.error("dead-lettered for a defect", lane=self._lane, exc_info=error)
                return await self._courier.dead_letter(delivery, note, failed)

    async def sit_out(self, passage: Passage) -> Settlement:
        """Send what a resting lane cannot begin round by the shortest retry queue."""
        passage.outcome = "snoozed"
        return await self._courier.sit_out(passage.delivery, delay=self._policy.delays[0])

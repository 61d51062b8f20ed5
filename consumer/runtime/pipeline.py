"""The way of one message through a lane, step by step.

    gate → decode → suspicion → inbox → turn → handler → unit of work → ack        (and results to the outbox relay)
                                            ↘ failure → recoverability → retry | snooze | pause | dead letter | refusal

Each step is a method of its own. What happens on a failure is decided by `consumer.domain.recoverability` and carried
out by `consumer.runtime.aftermath`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from consumer.domain.delivery import Delivery, Settlement
from consumer.domain.errors import AlreadyDone, Defect, RelayError, Stale
from consumer.domain.outcome import Ending
from consumer.domain.recoverability import DATABASE, Policy
from consumer.domain.results import outgoing
from consumer.domain.writes import ClearSuspect, MarkSuspect, UnitOfWork, Write
from consumer.handlers.breathing import slices
from consumer.observability.logging import get_logger, message_context
from consumer.runtime.aftermath import Aftermath
from consumer.runtime.passage import Passage
from consumer.runtime.pauses import Fetching
from schemas.codec import decode
from schemas.faults import FieldError, InvalidEvent
from schemas.registry import is_result

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.domain.outcome import Handler, Outcome
    from consumer.domain.writes import InboxEntry, OutboxMessage
    from consumer.runtime.books import BatchedBooks
    from consumer.runtime.courier import Courier
    from consumer.runtime.outbox_relay import OutboxRelay
    from consumer.runtime.pause_board import PauseBoard
    from consumer.runtime.turns import Solitude, Turns
    from schemas.envelope import Event

log = get_logger(__name__)

SUSPECT_AFTER = 3
"""Returns after which a delivery runs alone (DESIGN section 3)."""
CONVICTED_AFTER = 2
"""Lone runs that came to no end after which it is dead-lettered."""
READ_ANEW = 3
"""How often what changed under our hands is read again before its event goes round by the retry queue."""


class PipelineObserver(Protocol):
    """Told about each message once; metrics hang here."""

    def began(self, lane: str) -> None:
        """A delivery is in hand."""
        ...

    def ended(self, lane: str, type_: str | None, outcome: str, *, seconds: float, age: float) -> None:
        """A delivery has come to an end; ``age`` is seconds since the event was first seen."""
        ...


class Pipeline:
    """Carries the deliveries of one lane.

    Args:
        lane: name of the lane (its queue).
        resources: what the lane's work needs.
        handlers: what each event type means.
        books: our state.
        courier: sends messages on within the broker.
        relay: sends results out.
        pauses: what is at rest.
        turns: one at a time for each subject, over all lanes of the process.
        solitude: together or alone, over all lanes of the process.
        policy: how patient we are.
        max_event_bytes: bodies above it are refused.
        observer: told about each message.
    """

    def __init__(
        self,
        lane: str,
        *,
        resources: frozenset[str],
        handlers: Mapping[str, Handler],
        books: BatchedBooks,
        courier: Courier,
        relay: OutboxRelay,
        pauses: PauseBoard,
        turns: Turns,
        solitude: Solitude,
        policy: Policy,
        max_event_bytes: int,
        observer: PipelineObserver,
    ) -> None:
        self._lane = lane
        self._resources = resources
        self._handlers = handlers
        self._books = books
        self._relay = relay
        self._pauses = pauses
        self._turns = turns
        self._solitude = solitude
        self._max_event_bytes = max_event_bytes
        self._observer = observer
        self._aftermath = Aftermath(lane, courier, pauses, policy)

    async def carry(self, delivery: Delivery) -> Settlement:
        """Take ``delivery`` to its end; returns how it ends for the broker."""
        self._observer.began(self._lane)
        passage = Passage(delivery)
        settlement = Settlement.LEAVE
        try:
            settlement = await self._gate(passage)
        finally:
            self._observer.ended(
                self._lane,
                passage.type,
                passage.outcome,
                seconds=passage.seconds,
                age=(datetime.now(UTC) - delivery.first_seen).total_seconds(),
            )
            log.info("message", lane=self._lane, attempt=delivery.attempt, **passage.for_log())
        return settlement

    async def _gate(self, passage: Passage) -> Settlement:
        """A paused lane begins nothing: what has not begun goes round by the shortest retry queue."""
        if self._pauses.fetching(self._resources) is Fetching.PAUSED:
            return await self._aftermath.sit_out(passage)
        return await self._decode(passage)

    async def _decode(self, passage: Passage) -> Settlement:
        delivery = passage.delivery
        try:
            event = decode(delivery.body, routing_key=delivery.event_routing_key, max_bytes=self._max_event_bytes)
            if is_result(event.type):
                raise _not_for_us(event)
        except InvalidEvent as error:
            return await self._aftermath.of(passage, error)
        passage.read(event)
        with message_context(
            event_id=event.id,
            so_id=passage.subject,
            lane=self._lane,
            attempt=delivery.attempt,
            traceparent=event.traceparent,
        ):
            return await self._suspicion(passage, event)

    async def _suspicion(self, passage: Passage, event: Event) -> Settlement:
        if passage.delivery.delivery_count >= SUSPECT_AFTER:
            return await self._alone(passage, event)
        async with self._solitude.together():
            return await self._inbox(passage, event)

    async def _alone(self, passage: Passage, event: Event) -> Settlement:
        """A message that was in hand when its consumer died runs alone, its id committed first."""
        key = passage.suspect_key
        async with self._solitude.alone():
            try:
                if await self._books.suspicion(key) >= CONVICTED_AFTER:
                    return await self._aftermath.of(passage, _killer())
                await self._books.commit(UnitOfWork((MarkSuspect(key, datetime.now(UTC)),)))
            except RelayError as error:
                return await self._aftermath.of(passage, error)
            log.warning(
                "delivery runs alone: its consumers died before it came to an end",
                lane=self._lane,
                event_id=event.id,
                returns=passage.delivery.delivery_count,
            )
            settlement = await self._inbox(passage, event)
            # However it ended: this process is alive.
            await self._acquit(key)
            return settlement

    async def _acquit(self, key: str) -> None:
        try:
            await self._books.commit(UnitOfWork((ClearSuspect(key),)))
        except RelayError as error:
            log.warning("a suspect's mark stays until retention clears it", error=error)

    async def _inbox(self, passage: Passage, event: Event) -> Settlement:
        try:
            # Copies of one event take turns too, where there is no order that they are about.
            async with self._turns.turn(passage.subject or passage.suspect_key):
                try:
                    return await self._unless_done(passage, event)
                finally:
                    if passage.order is not None:
                        self._books.let_go(passage.order)
        except Exception as error:  # noqa: BLE001 - recoverability decides on every error; one that is not ours is a bug
            return await self._aftermath.of(passage, error)

    async def _unless_done(self, passage: Passage, event: Event) -> Settlement:
        if self._pauses.fetching(self._resources) is Fetching.PAUSED:
            # It waited for its turn while the lane went to rest.
            return await self._aftermath.sit_out(passage)
        if passage.delivery.replay is not None and await self._done_meanwhile(passage, passage.delivery.replay, event):
            return Settlement.ACK
        done = await self._books.inbox(passage.key, about=passage.order)
        if done is not None:
            return await self._duplicate(passage, done)
        handler = self._handlers.get(event.type)
        if handler is None:
            raise Defect(
                f"nothing here handles {event.type}: it is kept in the dead letters, for a replay once something does",
                code="no_handler",
            )
        try:
            await self._carry_out(passage, event, handler)
        except AlreadyDone:
            done = await self._books.inbox(passage.key)
            if done is None:
                raise
            return await self._duplicate(passage, done)
        self._pauses.lift(DATABASE)
        return Settlement.ACK

    async def _carry_out(self, passage: Passage, event: Event, handler: Handler) -> None:
        """Decide and commit; where somebody else wrote in between, decide anew on what the books say now, at once.

        No call that changes something is repeated by that: while one is under way its order is written under a lease,
        by nobody else. Who lost the lease finds the order taken, or what became of it.
        """
        for left in reversed(range(READ_ANEW + 1)):
            outcome = await handler(event, passage.key)
            try:
                await self._commit(passage, event, outcome)
            except Stale:
                if not left:
                    raise
            else:
                return

    async def _done_meanwhile(self, passage: Passage, run: str, event: Event) -> bool:
        """See whether a replay sent it, and whether its event was carried through without that: then that is noted."""
        letter_id = await self._books.replayed_letter(run, passage.key)
        if letter_id is None:
            return False
        before = await self._books.inbox(passage.key)
        passage.belongs_to(run, letter_id)
        if before is None or before.outcome == Ending.REFUSED or await self._books.inbox(passage.key) is not None:
            return False
        await self._books.commit(UnitOfWork((passage.done(event.type, before.outcome, datetime.now(UTC)),)))
        passage.outcome = "duplicate"
        return True

    async def _duplicate(self, passage: Passage, done: InboxEntry) -> Settlement:
        """An event that is done has no second effect; its results go out again under the same ids."""
        if done.digest != passage.digest:
            raise InvalidEvent(
                [
                    FieldError(
                        field="id",
                        expected="an id that no other event of this source has",
                        input="id used twice: the same source and id came before with another body",
                    )
                ],
                event_id=passage.key.event_id,
                source=passage.key.source,
                type_=passage.type,
                subject=passage.subject,
            )
        again = await self._relay.send_again(await self._books.outbox_of(passage.key))
        passage.outcome = "duplicate"
        return Settlement.ACK if again else Settlement.LEAVE

    async def _commit(self, passage: Passage, event: Event, outcome: Outcome) -> None:
        now = datetime.now(UTC)
        passage.subject = outcome.subject or passage.subject
        rows: list[OutboxMessage] = []
        async for some in slices(outcome.results):
            rows += outgoing(
                some,
                key=passage.key,
                correlationid=event.id,
                traceparent=event.traceparent,
                now=now,
            )
        writes: list[Write] = [
            passage.done(event.type, outcome.ending.value, now),
            *outcome.writes,
            *rows,
        ]
        if outcome.refusal is not None:
            writes.append(passage.refused(self._lane, outcome.refusal, now))
        await self._books.commit(UnitOfWork(tuple(writes)))
        passage.outcome = outcome.ending.value
        self._relay.hand_over(rows)


def _not_for_us(event: Event) -> InvalidEvent:
    return InvalidEvent(
        [FieldError("type", "a type that is taken in: this one only goes out, on relay.results", f'"{event.type}"')],
        event_id=event.id,
        source=event.source,
        type_=event.type,
        subject=event.subject,
    )


def _killer() -> Defect:
    return Defect(
        "its consumer died each time that it was in hand, twice while it ran alone: this message kills the process",
        code="kills_its_consumer",
    )

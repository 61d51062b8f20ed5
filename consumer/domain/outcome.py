"""What a handler hands back: everything that has to hold and go out once its event is done, as one value.

The pipeline turns an `Outcome` into a unit of work (inbox, the handler's writes, outbox) and commits it whole. A
handler never publishes and never acknowledges.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pydantic import BaseModel

    from consumer.domain.errors import Rejected, Unmatched
    from consumer.domain.writes import InboxKey, Write
    from schemas.envelope import Event


class Ending(StrEnum):
    """How an event ended; the label of the inbox row, of the log line and of ``relay_messages_total``."""

    DONE = "done"
    REFUSED = "refused"
    SUPERSEDED = "superseded"
    HELD = "held"
    """Kept in the books until it can be applied; its result follows then."""
    PARTIAL = "partial"


@dataclass(frozen=True, slots=True)
class Result:
    """One message to be sent, not yet numbered: its id derives from the inbox key, its type and its subject.

    Attributes:
        type: event type; one of ours to ourselves goes to ``relay.events``.
        data: its data model.
        subject: ``so_id`` or other subject.
        key: inbox key that it is told under; None: that of the event in hand.
        correlationid: id of the event that it answers; None: that of the event in hand.
        causationid: id of the event that brought it about, where that is another than the one it answers.
    """

    type: str
    data: BaseModel
    subject: str | None = None
    key: InboxKey | None = None
    correlationid: str | None = None
    causationid: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an event.

    Attributes:
        ending: how it ended.
        results: result events, in the order in which they go out.
        writes: what has to be written with them.
        refusal: the supplier's no, or what else a person has to see of an event that is done; goes to the ledger.
        subject: the order that it turned out to be about, where the event itself does not say.
    """

    ending: Ending
    results: tuple[Result, ...]
    writes: tuple[Write, ...] = ()
    refusal: Rejected | Unmatched | None = None
    subject: str | None = None


class Handler(Protocol):
    """What an event type means."""

    async def __call__(self, event: Event, key: InboxKey) -> Outcome:
        """Carry ``event`` out.

        Returning means that the outcome may be committed. `consumer.domain.recoverability` decides on any `RelayError`;
        anything else is a bug. Called again after a crash or a retry with the same key: what was already done must
        not be done twice.
        """
        ...

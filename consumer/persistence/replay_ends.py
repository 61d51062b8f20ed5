"""How the letters of a replay end: what became of those that went, and those that shall not go any more.

Outcomes are read from the inbox and the ledger, where the event itself wrote them. Each end is written to the replay's
letter and to the dead letter in one stroke, a bite at a time: each method is part of one transaction that holds the
replay's row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import BigInteger, and_, bindparam, delete, func, literal_column, select, update

from consumer.domain.outcome import Ending
from consumer.domain.replay import ItemStatus, message_id
from consumer.domain.results import SOURCE
from consumer.domain.writes import LetterStatus
from consumer.persistence import tables
from consumer.persistence.bulk import Incoming
from consumer.persistence.letters import hold_letters
from consumer.persistence.replay_looks import ITEMS, LETTERS
from rabbitmq.topology import RETURN

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection
    from sqlalchemy.engine.interfaces import Dialect

_INBOX = tables.inbox
_OUTBOX = tables.outbox
_DISPATCHED: ColumnElement[str] = literal_column("'dispatched'")
BITE: Final = 500
"""Letters that end in one transaction."""


@dataclass(frozen=True, slots=True)
class End:
    """How one letter of a replay ends.

    Attributes:
        position: its place in the replay.
        letter_id: which it is.
        status: succeeded, failed or skipped.
        letter: the letter's status from now on.
        reason: why, where it has not simply succeeded.
        came_back_as: the letter that it came back as.
    """

    position: int
    letter_id: str
    status: ItemStatus
    letter: LetterStatus
    reason: str | None = None
    came_back_as: str | None = None


class ReplayEnds:
    """Statements on ``replay_letters`` and ``dead_letters``."""

    def __init__(self, dialect: Dialect) -> None:
        ended = Incoming.of(dialect, ITEMS, "replay_id", "position", "status", "reason", "ended_at", "new_letter_id")
        self._end = ended.bulk(
            update(ITEMS)
            .where(ITEMS.c.replay_id == ended.rows.c.replay_id, ITEMS.c.position == ended.rows.c.position)
            .values({name: ended.rows.c[name] for name in ("status", "reason", "ended_at", "new_letter_id")})
        )
        closed = Incoming.of(dialect, LETTERS, "id", "status", "closed_at")
        self._close = closed.bulk(
            update(LETTERS)
            .where(LETTERS.c.id == closed.rows.c.id, LETTERS.c.status == _text(LetterStatus.REPLAYING))
            .values(status=closed.rows.c.status, closed_at=closed.rows.c.closed_at)
        )
        under_way = and_(ITEMS.c.replay_id == bindparam("replay"), ITEMS.c.status == _text(ItemStatus.SENT))
        of_run = and_(ITEMS.c.event_id == _INBOX.c.event_id, ITEMS.c.event_source == _INBOX.c.source)
        self._done = (
            select(ITEMS.c.position, ITEMS.c.letter_id, _INBOX.c.outcome)
            .select_from(ITEMS.join(_INBOX, and_(of_run, _INBOX.c.run == ITEMS.c.replay_id)))
            .where(under_way, _INBOX.c.outcome != _text(Ending.REFUSED))
            .limit(BITE)
        )
        came_back = and_(
            LETTERS.c.run == ITEMS.c.replay_id,
            LETTERS.c.event_id == ITEMS.c.event_id,
            LETTERS.c.event_source == ITEMS.c.event_source,
            LETTERS.c.status != _text(LetterStatus.CLOSED),
        )
        words = func.coalesce(LETTERS.c.supplier_message, LETTERS.c.message).label("words")
        self._back = (
            select(ITEMS.c.position, ITEMS.c.letter_id, LETTERS.c.id.label("new_id"), words)
            .select_from(ITEMS.join(LETTERS, came_back))
            .where(under_way)
            .limit(BITE)
        )
        self._of_status = (
            select(ITEMS.c.position, ITEMS.c.letter_id)
            .where(ITEMS.c.replay_id == bindparam("replay"), ITEMS.c.status == bindparam("status"))
            .order_by(ITEMS.c.position)
            .limit(bindparam("limit", type_=BigInteger))
        )

    def hear(self, connection: Connection, replay_id: str, now: datetime) -> tuple[int, int]:
        """Take note of what became of letters that went; return how many succeeded, and how many failed again.

        One whose event is done is replayed. One that came back is closed in favour of the new letter, which names it.
        """
        back = {row.position: row for row in connection.execute(self._back, {"replay": replay_id})}
        done = {row.position: row for row in connection.execute(self._done, {"replay": replay_id})}
        failed = [
            End(row.position, row.letter_id, ItemStatus.FAILED, LetterStatus.CLOSED, row.words, row.new_id)
            for row in back.values()
        ]
        succeeded = [
            End(row.position, row.letter_id, ItemStatus.SUCCEEDED, LetterStatus.REPLAYED, _unless_done(row.outcome))
            for row in done.values()
            if row.position not in back
        ]
        self.write(connection, replay_id, [*failed, *succeeded], now)
        return len(succeeded), len(failed)

    def release(self, connection: Connection, replay_id: str, why: str, now: datetime) -> int:
        """Open a bite of those letters again that have not gone; return how many, 0 when none is left."""
        waiting = self._some(connection, replay_id, ItemStatus.WAITING)
        ends = [End(place, letter_id, ItemStatus.SKIPPED, LetterStatus.OPEN, why) for place, letter_id in waiting]
        self.write(connection, replay_id, ends, now)
        return len(ends)

    def give_up(self, connection: Connection, replay_id: str, why: str, now: datetime) -> int:
        """Open a bite of those letters again that went and were not heard of, once nothing more is heard.

        Returns:
            Of how many letters something was written down; 0 when none is left.
        """
        if heard := sum(self.hear(connection, replay_id, now)):
            return heard
        lost = self._some(connection, replay_id, ItemStatus.SENT)
        ends = [End(place, letter_id, ItemStatus.FAILED, LetterStatus.OPEN, why) for place, letter_id in lost]
        self.write(connection, replay_id, ends, now)
        return len(ends)

    def write(self, connection: Connection, replay_id: str, ends: Sequence[End], now: datetime) -> None:
        """Write ends down. What was sent of them goes from the outbox, with its customer: it has served its time."""
        if not ends:
            return
        letters = {
            end.letter_id: (end.letter_id, end.letter.value, None if end.letter is LetterStatus.OPEN else now)
            for end in ends
        }
        hold_letters(connection, letters)
        items = [(replay_id, end.position, end.status.value, end.reason, now, end.came_back_as) for end in ends]
        self._end.execute(connection, items)
        self._close.execute(connection, [letters[letter_id] for letter_id in sorted(letters)])
        sent = [message_id(replay_id, end.position) for end in ends if end.status is not ItemStatus.SKIPPED]
        # Who marks messages as dispatched has many, in another order; what is not marked yet is left to `forget`.
        connection.execute(delete(_OUTBOX).where(_OUTBOX.c.id.in_(sent), _OUTBOX.c.status == _DISPATCHED))

    def forget(self, connection: Connection, replay_id: str) -> None:
        """Delete what a replay that is over has left in the outbox."""
        of_it = (_OUTBOX.c.source == SOURCE, _OUTBOX.c.event_id == replay_id, _OUTBOX.c.exchange == RETURN)
        connection.execute(delete(_OUTBOX).where(*of_it))

    def _some(self, connection: Connection, replay_id: str, status: ItemStatus) -> list[tuple[int, str]]:
        wanted = {"replay": replay_id, "status": status.value, "limit": BITE}
        return [(row.position, row.letter_id) for row in connection.execute(self._of_status, wanted)]


def _unless_done(outcome: str) -> str | None:
    """Return how an event ended, where it did not just do what it asks for."""
    return None if outcome == Ending.DONE.value else outcome


def _text(value: str) -> Any:
    return literal_column(f"'{value}'")

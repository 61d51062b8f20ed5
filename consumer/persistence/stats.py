"""What the books say of work that is left: open letters, and messages that wait for the broker."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from consumer.persistence.columns import database_time

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from consumer.domain.errors import ErrorClass
    from consumer.persistence.letters import Letters
    from consumer.persistence.outbox import Outbox


@dataclass(frozen=True, slots=True)
class Stats:
    """What the books say at this moment; read from small indexes, whatever the history.

    Attributes:
        open_letters: open letters by lane and error class.
        outbox_pending: messages not confirmed by the broker yet.
        outbox_oldest_age: age of the oldest of them, by the database's clock; None when there is none.
    """

    open_letters: dict[tuple[str, ErrorClass], int]
    outbox_pending: int
    outbox_oldest_age: timedelta | None


def stats(letters: Letters, outbox: Outbox, connection: Connection) -> Stats:
    """Return what `Stats` says."""
    pending, oldest = outbox.pending(connection)
    return Stats(
        open_letters=letters.count_open(connection),
        outbox_pending=pending,
        outbox_oldest_age=None if oldest is None else max(database_time(connection) - oldest, timedelta(0)),
    )

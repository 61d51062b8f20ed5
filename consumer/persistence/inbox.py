"""The inbox: which events are done. Its key is what makes a second delivery harmless."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, select

from consumer.domain.outcome import Ending
from consumer.domain.writes import InboxEntry, InboxKey
from consumer.persistence import tables
from consumer.persistence.bulk import Incoming, Step
from consumer.persistence.keys import KeySet

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import Connection
    from sqlalchemy.engine.interfaces import Dialect

_TABLE = tables.inbox


class Inbox:
    """Statements on ``inbox``."""

    def __init__(self, dialect: Dialect) -> None:
        self._add = Incoming.of(dialect, _TABLE).insert(_TABLE).ignored()
        self._keys = KeySet(dialect, "source", "event_id", "run")
        wanted = self._keys.rows.c
        self._find = select(_TABLE).select_from(self._keys.rows).join(
            _TABLE,
            and_(
                _TABLE.c.source == wanted.source,
                _TABLE.c.event_id == wanted.event_id,
                _TABLE.c.run == wanted.run,
            ),
        )  # fmt: skip

        self._events = KeySet(dialect, "source", "event_id")
        event = self._events.rows.c
        self._of_events = select(_TABLE).select_from(self._events.rows).join(
            _TABLE, and_(_TABLE.c.source == event.source, _TABLE.c.event_id == event.event_id)
        )  # fmt: skip

    def adding(self, entries: Sequence[InboxEntry]) -> Step:
        """Write ``entries`` (each key once), unless some key is there already."""
        return Step(self._add, sorted(map(_row, entries), key=lambda row: row[:3]), whole=True)

    def find(self, connection: Connection, keys: Collection[InboxKey]) -> dict[InboxKey, InboxEntry]:
        """Return those of ``keys`` that are done."""
        if not keys:
            return {}
        parameters = self._keys.parameters([(key.source, key.event_id, key.run) for key in keys])
        result = connection.execute(self._find, parameters)
        entries = (InboxEntry(InboxKey(source, event_id, run), *rest) for source, event_id, run, *rest in result)
        return {entry.key: entry for entry in entries}

    def ended(self, connection: Connection, events: Collection[InboxKey]) -> dict[InboxKey, InboxEntry]:
        """Return how those events ended that did, by whatever run: refused only where none of them ended otherwise."""
        if not events:
            return {}
        parameters = self._events.parameters([(event.source, event.event_id) for event in events])
        result = connection.execute(self._of_events, parameters)
        entries = [InboxEntry(InboxKey(source, event_id, run), *rest) for source, event_id, run, *rest in result]
        # Of several the last stays.
        entries.sort(key=lambda entry: (entry.outcome != Ending.REFUSED, entry.done_at))
        return {InboxKey(entry.key.source, entry.key.event_id): entry for entry in entries}


def _row(entry: InboxEntry) -> tuple[object, ...]:
    key = entry.key
    return (
        key.source,
        key.event_id,
        key.run,
        entry.digest,
        entry.type,
        entry.outcome,
        entry.done_at,
        entry.subject,
        entry.first_seen_at,
        entry.attempts,
    )

"""Cancelling a sync that is under way: what is open of it, its row, what tells so and the audit row, all at once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from consumer.domain.sync_end import cancelled
from consumer.persistence.outbox import Outbox

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from consumer.domain.audit import AuditEntry
    from consumer.domain.writes import SyncLogRow
    from consumer.persistence.audit import Audit
    from consumer.persistence.engine import Database
    from consumer.persistence.sync_log import SyncLog
    from consumer.persistence.sync_plans import SyncPlans


class SyncCancelling:
    """The part of `consumer.persistence.store.Store` that a person stops syncs through.

    Args:
        database: of the store.
        audit: writes the row of the audit log.
        plans: what is under way.
        sync_log: the sync's row.
    """

    def __init__(self, database: Database, audit: Audit, plans: SyncPlans, sync_log: SyncLog) -> None:
        self._database = database
        self._audit = audit
        self._plans = plans
        self._sync_log = sync_log
        # Who cancels sends nothing: a running service does, at once.
        self._outbox = Outbox(database.dialect, claim=timedelta(0))

    async def cancel(self, sync_id: str, entry: AuditEntry) -> SyncLogRow | None:
        """Stop a sync for good; what its batches have done by now stands.

        Args:
            sync_id: id of its row in ``haier_sync_log``.
            entry: who does it, when and why.

        Returns:
            The finished row; None: it is not under way, and nothing is written.
        """

        def stopped(connection: Connection) -> SyncLogRow | None:
            end = self._plans.cancel(connection, sync_id, entry.at)
            if end is None:
                return None
            row, messages = cancelled(end, entry.actor, entry.at)
            self._sync_log.write(connection, [row])
            self._outbox.add(connection, messages)
            self._audit.add(connection, entry)
            return row

        return await self._database.write(stopped)

"""Heads of the audit chain on their way to the log, which `relay audit verify` compares (DESIGN section 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.domain.audit import HEAD_LINE, HEAD_STREAM, told
from consumer.observability.logging import get_logger

if TYPE_CHECKING:
    from consumer.domain.audit import AuditRow
    from consumer.persistence.store import Store

log = get_logger(__name__)


def log_head(row: AuditRow) -> None:
    """Log a row of the audit log that is committed."""
    log.info(HEAD_LINE, stream=HEAD_STREAM, **told(row))


class HeadWatch:
    """Logs the newest head when it is another one than before: of processes that keep no log, too.

    Args:
        store: our database.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: tuple[int, str | None] | None = None

    async def run(self) -> None:
        """Look once."""
        head = await self._store.audit_head()
        if head is None or (head.sequence, head.mac) == self._known:
            return
        self._known = (head.sequence, head.mac)
        log_head(head)

"""What people do to the running service, each deed in one transaction with its row in the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.domain.interventions import SupplierPause
from consumer.persistence.accounts import StoredAccounts
from consumer.persistence.pauses import SupplierPauses

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import Connection

    from consumer.domain.audit import AuditEntry, AuditRow
    from consumer.persistence.audit import Audit, AuditFilter
    from consumer.persistence.engine import Database


class Interventions:
    """The part of `consumer.persistence.store.Store` that people act through.

    Args:
        database: of the store.
        audit: writes the rows of the audit log.
    """

    def __init__(self, database: Database, audit: Audit) -> None:
        self._database = database
        self._audit = audit
        self._supplier_pauses = SupplierPauses(database.dialect)
        self.accounts = StoredAccounts(database, audit)

    async def audit(self, entry: AuditEntry) -> AuditRow:
        """Write down an act that changes nothing else in the books; return its row, the head of the chain."""
        return await self._database.write(lambda connection: self._audit.add(connection, entry))

    async def audit_log(self, *, after: int = 0, limit: int = 1_000) -> Sequence[AuditRow]:
        """Return rows of the audit log behind number ``after``, the oldest first."""
        return await self._database.read(lambda connection: self._audit.page(connection, after, limit))

    async def audit_head(self) -> AuditRow | None:
        """Return the newest row of the audit log."""
        return await self._database.read(self._audit.head)

    async def audit_macs(self, numbers: Collection[int]) -> dict[int, str | None]:
        """Return the signatures of those rows of the audit log that are there."""
        return await self._database.read(lambda connection: self._audit.macs(connection, numbers))

    async def acts(self, wanted: AuditFilter, limit: int) -> Sequence[AuditRow]:
        """Return up to ``limit`` rows of the audit log, the newest first."""
        return await self._database.read(lambda connection: self._audit.search(connection, wanted, limit))

    async def pause_supplier(self, supplier: str, entry: AuditEntry) -> AuditRow:
        """Pause a supplier until a person resumes it, for all processes and across restarts.

        One that is paused already is from now on paused by whom ``entry`` names, for his reason.

        Returns:
            The row of the audit log, the head of its chain.
        """
        pause = SupplierPause(supplier, entry.actor, entry.reason or "no reason given", entry.at)

        def paused(connection: Connection) -> AuditRow:
            self._supplier_pauses.pause(connection, pause)
            return self._audit.add(connection, entry)

        return await self._database.write(paused)

    async def resume_supplier(self, supplier: str, entry: AuditEntry) -> AuditRow | None:
        """End a person's pause of a supplier.

        Returns:
            The row of the audit log; None if nobody had paused it: then nothing is written.
        """

        def resumed(connection: Connection) -> AuditRow | None:
            return self._audit.add(connection, entry) if self._supplier_pauses.resume(connection, supplier) else None

        return await self._database.write(resumed)

    async def supplier_pauses(self) -> dict[str, SupplierPause]:
        """Return what people have paused, by supplier."""
        return await self._database.read(self._supplier_pauses.standing)

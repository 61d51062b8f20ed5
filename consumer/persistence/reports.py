"""``supplier_reports``: what running processes say of the suppliers, one row each, kept while they go on saying it.

Ages are by the database's clock: the processes' own clocks need not agree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import bindparam, delete, or_, select

from consumer.domain.supplier_report import FRESH, StoredReport, SupplierReport
from consumer.observability.logging import get_logger
from consumer.persistence import tables
from consumer.persistence.bulk import ALWAYS, Incoming
from consumer.persistence.columns import database_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from consumer.persistence.engine import Database

log = get_logger(__name__)

_TABLE = tables.supplier_reports
_REPORT: Final = TypeAdapter(SupplierReport)
_FORGOTTEN: Final = FRESH * 3
"""Age at which whoever reports deletes the row of a process that no longer does."""


class Reports:
    """The table, by itself: no report belongs into a transaction with anything else.

    Every method raises `DatabaseUnavailable` when the database cannot be used now.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._put = (
            Incoming.of(database.dialect, _TABLE)
            .insert(_TABLE)
            .replaced(when=lambda _: ALWAYS, columns=["report", "reported_at"])
        )
        # What was reported in the future was before the database's clock was set back. Whoever lives reports anew; the
        # row of a dead process would count as fresh, and perhaps as the one whose turn it is, until that time comes.
        self._forget = delete(_TABLE).where(
            or_(_TABLE.c.reported_at < bindparam("before"), _TABLE.c.reported_at > bindparam("after"))
        )
        self._withdraw = delete(_TABLE).where(_TABLE.c.process == bindparam("ended"))
        self._fresh = (
            select(_TABLE)
            .where(_TABLE.c.reported_at.between(bindparam("since"), bindparam("until")))
            .order_by(_TABLE.c.process, _TABLE.c.supplier)
        )

    async def write(self, process: str, reports: Sequence[SupplierReport]) -> None:
        """Put the reports of ``process`` in place of its earlier ones, and delete those of processes that ended."""
        texts = sorted((report.supplier, _REPORT.dump_json(report).decode()) for report in reports)

        def put(connection: Connection) -> None:
            now = database_time(connection)
            self._put.execute(connection, [(process, supplier, text, now) for supplier, text in texts])
            connection.execute(self._forget, {"before": now - _FORGOTTEN, "after": now + FRESH})

        await self._database.write(put)

    async def withdraw(self, process: str) -> None:
        """Delete the reports of ``process``, which ends."""
        await self._database.write(lambda connection: connection.execute(self._withdraw, {"ended": process}))

    async def fresh(self) -> Sequence[StoredReport]:
        """Return the reports of the processes that run, by process and supplier.

        A report that cannot be read, such as one of a version to come, is left out and told in the log.
        """

        def find(connection: Connection) -> list[StoredReport]:
            now = database_time(connection)
            found = []
            for row in connection.execute(self._fresh, {"since": now - FRESH, "until": now + FRESH}):
                try:
                    report = _REPORT.validate_json(row.report)
                except ValidationError as error:
                    log.warning("report of another version not read", process=row.process, failures=error.error_count())
                    continue
                found.append(StoredReport(row.process, now - row.reported_at, report))
            return found

        return await self._database.read(find)

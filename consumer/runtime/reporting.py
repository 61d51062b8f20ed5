"""Telling the books every few seconds what this process sees of the suppliers, and hearing what the others see.

Who hears the others also knows whose turn it is where one of many is enough: the process whose name comes first does
it. That costs no claim; that two do it for a moment while one comes or goes does no harm to anything done so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from consumer.domain.errors import BooksUnavailable
from consumer.domain.supplier_report import Rest, RestKind, SupplierReport
from consumer.observability.logging import get_logger
from consumer.runtime.pauses import Fetching
from consumer.suppliers.circuit import is_open

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from consumer.domain.supplier_report import AccountSeen, StoredReport
    from consumer.observability.metrics import Metrics
    from consumer.runtime.call_window import CallWindow
    from consumer.runtime.pause_board import PauseBoard

log = get_logger(__name__)


class ReportBooks(Protocol):
    """Where reports lie (`consumer.persistence.reports`)."""

    async def write(self, process: str, reports: Sequence[SupplierReport]) -> None:
        """Put the reports of ``process`` in place of its earlier ones."""
        ...

    async def withdraw(self, process: str) -> None:
        """Delete the reports of ``process``."""
        ...

    async def fresh(self) -> Sequence[StoredReport]:
        """Return the reports of the processes that run."""
        ...


class Peers:
    """The processes that run, as they told last.

    Args:
        process: the name of this one.
    """

    def __init__(self, process: str) -> None:
        self.process = process
        self._reports: Sequence[StoredReport] = ()

    def heard(self, reports: Sequence[StoredReport]) -> None:
        """Take note of what all of them told."""
        self._reports = reports

    @property
    def first(self) -> bool:
        """Whether it is this process that does what one is enough for; nobody is before the first report."""
        return min((stored.process for stored in self._reports), default=None) == self.process

    def others(self, supplier: str) -> list[StoredReport]:
        """Return what the other processes told of ``supplier``."""
        return [
            stored for stored in self._reports if stored.process != self.process and stored.report.supplier == supplier
        ]


class Reporting:
    """Reports of this process, one for each supplier.

    Args:
        books: where they go.
        peers: told what all processes say.
        suppliers: names.
        window: this process's calls.
        board: what is at rest.
        quota_used: given a supplier, the share of its account's quota that this process uses.
        metrics: told that share.
        mask: takes out of a pause's cause what must not be shown.
        account_of: given a supplier, whose account this process uses; None where there is no choice, or none yet.
    """

    def __init__(
        self,
        books: ReportBooks,
        peers: Peers,
        *,
        suppliers: Sequence[str],
        window: CallWindow,
        board: PauseBoard,
        quota_used: Callable[[str], float],
        metrics: Metrics,
        mask: Callable[[str], str],
        account_of: Callable[[str], AccountSeen | None] = lambda _: None,
    ) -> None:
        self._books = books
        self._peers = peers
        self._suppliers = suppliers
        self._window = window
        self._board = board
        self._quota_used = quota_used
        self._metrics = metrics
        self._mask = mask
        self._account_of = account_of

    async def run(self) -> None:
        """Report once, and hear the others.

        Raises:
            BooksUnavailable: nothing was told or heard; what was heard last stands.
        """
        reports = [self.report(supplier) for supplier in self._suppliers]
        for report in reports:
            self._metrics.quota_used(report.supplier, report.quota_used)
        await self._books.write(self._peers.process, reports)
        self._peers.heard(await self._books.fresh())

    async def withdraw(self) -> None:
        """Say that this process ends, so that nobody takes its last report for a sign of life."""
        try:
            await self._books.withdraw(self._peers.process)
        except BooksUnavailable as error:
            # They are out of date in some seconds by themselves.
            log.info("reports of this process not withdrawn", error=error)

    def report(self, supplier: str) -> SupplierReport:
        """Return what this process says of ``supplier`` now."""
        window = self._window
        return SupplierReport(
            supplier=supplier,
            window=window.seconds,
            calls=window.figures(supplier),
            quota_used=self._quota_used(supplier),
            up=window.up(supplier),
            token_age=window.token_age(supplier),
            idle=window.idle(supplier),
            rest=self._rest(supplier),
            last_error=window.last_error(supplier),
            account=self._account_of(supplier),
        )

    def _rest(self, supplier: str) -> Rest | None:
        held = next((pause for pause in self._board.holds() if pause.supplier == supplier), None)
        if held is not None:
            return Rest(RestKind.PERSON, f"paused by {held.paused_by}: {held.reason}", since=held.paused_at)
        pause = self._board.pause_of(supplier)
        if pause is None:
            return None
        on_trial = self._board.fetching((supplier,)) is Fetching.TRIAL
        kind = RestKind.CIRCUIT if is_open(pause.cause) else RestKind.PAUSE
        return Rest(
            RestKind.TRIAL if on_trial else kind,
            self._mask(pause.cause.message),
            error_class=pause.cause.error_class.value,
            since=pause.since,
            next_probe=None if on_trial else pause.ends_at,
            alert=pause.alert,
        )

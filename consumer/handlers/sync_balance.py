"""``sync.balance.requested``: ask Haier for the payers' balances, and report them. Nothing of it is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.domain.errors import Malformed
from consumer.domain.outcome import Ending, Outcome, Result
from consumer.handlers.order_calls import utc_now
from schemas.results import AccountBalanceReported, Payer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from consumer.domain.goods import PayerBalance
    from consumer.domain.ports import BalanceObserver, HaierBalances, SyncAccount
    from consumer.domain.writes import InboxKey
    from schemas.envelope import Event


class SyncBalanceHandler:
    """Carries out ``sync.balance.requested``.

    Args:
        haier: the supplier.
        account: tells which account calls at Haier are made with now.
        observer: told every balance; metrics hang here.
    """

    def __init__(
        self, haier: HaierBalances, account: Callable[[], Awaitable[SyncAccount]], observer: BalanceObserver
    ) -> None:
        self._haier = haier
        self._account = account
        self._observer = observer

    async def __call__(self, event: Event, key: InboxKey) -> Outcome:  # noqa: ARG002 (as every handler)
        """Ask and report.

        Raises:
            SupplierError: no balance could be had.
        """
        account, now = await self._account(), utc_now()
        payers = await self._haier.balances()
        if not payers:
            raise Malformed(
                "haier.balance: expected one payer of the account at least, got none",
                code="no_payer",
                supplier="haier",
                operation="balance",
            )
        for payer in payers:
            self._observer.payer_balance(payer.payer_code, payer.balance)
        report = AccountBalanceReported(
            customer_code=account.customer_code, reported_at=now, payers=tuple(_told(payer) for payer in payers)
        )
        return Outcome(Ending.DONE, (Result("account.balance.reported", report, subject=account.customer_code),))


def _told(payer: PayerBalance) -> Payer:
    return Payer(
        sale_group_code=payer.sales_group_code,
        sale_group_name=payer.sales_group_name,
        payer_account_code=payer.payer_code,
        payer_account_name=payer.payer_name,
        payer_account_balance=payer.balance,
    )

"""The Haier client that follows the active account: one face for all who call, with another client behind it in turn.

Calls in flight end on the client that they began with; then it is closed. Nothing waits for a change, and nothing is
dropped by one. An account that cannot be used changes nothing: the one before goes on serving, and that is said.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, Protocol

from consumer.accounts.sealing import Unsealable
from consumer.domain.errors import BooksUnavailable, Misconfigured
from consumer.domain.ports import SyncAccount
from consumer.observability.logging import get_logger
from consumer.settings import AccountRefused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from datetime import datetime, timedelta

    from consumer.accounts.choosing import AccountChoice, AccountInUse
    from consumer.domain.account import Account
    from consumer.domain.goods import PayerBalance, Price, Stock
    from consumer.domain.looks import Look
    from consumer.domain.ports import Listing
    from consumer.domain.product import Product
    from consumer.domain.shipping import Shipment
    from consumer.suppliers.haier.client import HaierClient

log = get_logger(__name__)

_NONE: Final = (
    "no account at Haier: HAIER_* is missing or incomplete in the environment, and no stored account is active. "
    "Set them, or `relay config activate NAME`"
)


class Line(Protocol):
    """A client of one account, with all that is its own: connections, quota."""

    @property
    def client(self) -> HaierClient:
        """The client."""
        ...

    def quota_used(self) -> float:
        """Return what this process used of the account's quota during the last minute, as a fraction."""
        ...

    async def aclose(self) -> None:
        """Close the client and all that is its own."""
        ...


class _Serving:
    """A line, how many calls are on it, and whether it is still the one for new calls."""

    def __init__(self, line: Line, account: AccountInUse) -> None:
        self.line = line
        self._haier, self._origin = account.haier, account.origin
        self._calls = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def fits(self, account: AccountInUse) -> bool:
        """Whether the line would be built the same for ``account``: a new revision may change only syncs."""
        return (self._haier, self._origin) == (account.haier, account.origin)

    @asynccontextmanager
    async def call(self) -> AsyncIterator[HaierClient]:
        self._calls += 1
        self._idle.clear()
        try:
            yield self.line.client
        finally:
            self._calls -= 1
            if not self._calls:
                self._idle.set()

    async def close_when_idle(self) -> None:
        await self._idle.wait()
        await self.line.aclose()


class SwitchedHaier:
    """Implements `HaierClient`'s calls over the account that serves.

    Args:
        choice: says which account serves.
        build: makes a line for an account.
        longest_call: of every client that ``build`` makes.
        learn: told the secrets of an account before it is used, so that no log shows them.
        on_switch: told after each change of the account that calls are made with, but not of the first one.
    """

    def __init__(
        self,
        choice: AccountChoice,
        build: Callable[[AccountInUse], Line],
        *,
        longest_call: timedelta,
        learn: Callable[[frozenset[str]], None],
        on_switch: Callable[[], None],
    ) -> None:
        self._choice = choice
        self._build = build
        self._longest_call = longest_call
        self._learn = learn
        self._on_switch = on_switch
        self._serving: _Serving | None = None
        self._in_use: AccountInUse | None = None
        self._known = False
        self._trouble: str | None = None
        self._refused: Account | None = None
        self._looking = asyncio.Lock()
        self._closing: dict[asyncio.Task[None], _Serving] = {}

    # ---- which account ----

    @property
    def in_use(self) -> AccountInUse | None:
        """The account that calls are made with; None: none, or not known yet."""
        return self._in_use

    @property
    def trouble(self) -> str | None:
        """Why the active stored account is not the one in use, for a person; None: it is."""
        return self._trouble

    async def config_id(self) -> str | None:
        """Return the id of the stored account that calls are made with; None: the environment's.

        Raises:
            BooksUnavailable: it is not known yet, and the database does not answer.
        """
        await self._first_look()
        return None if self._in_use is None else self._in_use.config_id

    async def sync_account(self) -> SyncAccount:
        """Return the account that calls are made with, as requests for syncs need to know it.

        Raises:
            BooksUnavailable: it is not known yet, and the database does not answer.
            Misconfigured: there is none.
        """
        await self._first_look()
        if self._in_use is None:
            raise Misconfigured(self._trouble or _NONE, code="no_account", supplier="haier", operation="products")
        return SyncAccount(
            config_id=self._in_use.config_id,
            customer_code=self._in_use.haier.customer_code,
            prices=self._in_use.sync.sync_prices,
            stock=self._in_use.sync.sync_stock,
            counties=self._in_use.sync.county_codes,
        )

    async def look(self) -> None:
        """Take up the account that serves now, if it is another one than before.

        Raises:
            BooksUnavailable: the database does not answer; nothing has changed.
        """
        async with self._looking:
            await self._look()

    async def follow(self) -> None:
        """As `look`, now and then beside the work: a database that is away is told by others."""
        try:
            await self.look()
        except BooksUnavailable:
            return

    async def _first_look(self) -> None:
        if not self._known:
            async with self._looking:
                if not self._known:
                    await self._look()

    async def _look(self) -> None:
        account = await self._choice.active()
        if account is not None and account == self._refused:
            return
        self._refused = None
        try:
            found = self._choice.of_the_environment() if account is None else self._choice.opened(account)
        except (Unsealable, AccountRefused) as error:
            self._refuse(account, error)
        else:
            self._trouble = None
            self._take_up(found)
        self._known = True

    def _refuse(self, account: Account | None, error: Unsealable | AccountRefused) -> None:
        self._refused = account
        self._trouble = str(error)
        # The sentence goes under `error`, which takes exceptions whole; it holds no secret.
        log.error(
            "active account not usable; the one before stays in use",
            error=error,
            config_id=None if account is None else account.id,
            revision=None if account is None else account.revision,
        )

    def _take_up(self, found: AccountInUse | None) -> None:
        before, self._in_use = self._in_use, found
        if self._known and found == before:
            return
        if found is None:
            log.error("no account at Haier is left: calls to it wait until there is one")
            self._exchange(None)
            return
        self._learn(found.secrets())
        if self._serving is None or not self._serving.fits(found):
            self._exchange(_Serving(self._build(found), found))
        log.info("account at Haier in use", config_id=found.config_id, revision=found.revision)

    def _exchange(self, new: _Serving | None) -> None:
        old, self._serving = self._serving, new
        if old is not None:
            closing = asyncio.create_task(old.close_when_idle(), name="closing the client of the account before")
            self._closing[closing] = old
            closing.add_done_callback(self._closing.pop)
        if self._known:
            self._on_switch()

    @asynccontextmanager
    async def _client(self, operation: str) -> AsyncIterator[HaierClient]:
        await self._first_look()
        if self._serving is None:
            raise Misconfigured(self._trouble or _NONE, code="no_account", supplier="haier", operation=operation)
        async with self._serving.call() as client:
            yield client

    # ---- what a client does ----

    @property
    def longest_call(self) -> timedelta:
        """See `HaierClient.longest_call`."""
        return self._longest_call

    def used_ratio(self) -> float:
        """Return what this process used of the quota of the account in use during the last minute."""
        return 0.0 if self._serving is None else self._serving.line.quota_used()

    async def login(self) -> None:
        """See `HaierClient.login`."""
        async with self._client("token") as client:
            await client.login()

    async def check(self) -> None:
        """See `HaierClient.check`."""
        async with self._client("products") as client:
            await client.check()

    async def products(self, codes: Sequence[str], *, since: datetime | None = None) -> Look[Product]:
        """See `HaierClient.products`."""
        async with self._client("products") as client:
            return await client.products(codes, since=since)

    @asynccontextmanager
    async def listing(self) -> AsyncIterator[Listing]:
        """See `HaierClient.listing`; all of its reading is with the account that gave the answer."""
        async with self._client("products") as client, client.listing() as listing:
            yield listing

    async def prices(self, codes: Sequence[str]) -> Look[Price]:
        """See `HaierClient.prices`."""
        async with self._client("prices") as client:
            return await client.prices(codes)

    async def stock(self, product_code: str, county_code: str) -> Stock:
        """See `HaierClient.stock`."""
        async with self._client("stock") as client:
            return await client.stock(product_code, county_code)

    async def shipments(
        self, order_no: str, *, delivery_record_code: str | None = None, member_id: str | None = None
    ) -> Sequence[Shipment]:
        """See `HaierClient.shipments`."""
        async with self._client("logistics") as client:
            return await client.shipments(order_no, delivery_record_code=delivery_record_code, member_id=member_id)

    async def balances(self) -> Sequence[PayerBalance]:
        """See `HaierClient.balances`."""
        async with self._client("balance") as client:
            return await client.balances()

    async def aclose(self) -> None:
        """Close the client in use, and those whose calls have not ended, together with their calls."""
        left = dict(self._closing)
        for closing in left:
            closing.cancel()
        if left:
            await asyncio.wait(left)
        # Cancelled before it had begun, a task has done nothing; a line that was being closed can be closed again.
        open_ = [serving for closing, serving in left.items() if closing.cancelled()]
        for serving in (*open_, *((self._serving,) if self._serving is not None else ())):
            await serving.line.aclose()

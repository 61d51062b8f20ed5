"""Haier's calls of one account, typed in our own words (SUPPLIERS, Haier); `consumer.domain.ports` has the goods calls.

Each asks anew, since what is asked for is wanted as it is now; but for products by code, where a look that was taken
since the caller's own request will do (`consumer.suppliers.cache`).
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from consumer.domain.looks import Look
from consumer.domain.ports import PRICES_PER_CALL, PRODUCTS_PER_CALL
from consumer.settings import ENVIRONMENT
from consumer.suppliers.account import Account
from consumer.suppliers.calling import Caller
from consumer.suppliers.haier import mapping
from consumer.suppliers.haier.listing import SpooledListing
from consumer.suppliers.haier.login import HaierLogin
from consumer.suppliers.haier.operations import HaierOperations
from consumer.suppliers.spooling import spooled

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import timedelta

    import httpx

    from consumer.domain.goods import PayerBalance, Price, Stock
    from consumer.domain.ports import Listing
    from consumer.domain.product import Product
    from consumer.domain.shipping import Shipment
    from consumer.settings import HaierSettings, Origin
    from consumer.suppliers.authorised import Conduct
    from consumer.suppliers.cache import ProductCache

PROBE: Final = "RELAY-PROBE"
"""A product code that nobody has."""


class HaierClient:
    """One account at Haier.

    Every call may raise any `SupplierError` but `UnknownOutcome`, since none changes anything: `Malformed` names the
    place of what is missing, e.g. ``3.productCode``. Immediate repeats have been made by then. A look is as old as the
    moment before its call: the answer is at least as new as that, however long it took.

    Args:
        settings: of the account.
        transport: closed by whoever made it.
        conduct: time-outs, repeats, limits, metrics.
        cache: of this account's products; None remembers none.
        origin: where the settings stand, for error messages.
    """

    def __init__(
        self,
        settings: HaierSettings,
        transport: httpx.AsyncBaseTransport,
        conduct: Conduct,
        *,
        cache: ProductCache | None = None,
        origin: Origin = ENVIRONMENT,
    ) -> None:
        self._settings = settings
        self._cache = cache
        self._operations = HaierOperations.at(settings.base_url, origin)
        caller = Caller(transport, conduct.observer)
        login = HaierLogin(settings, caller, conduct.timeouts.token, origin)
        self._account = Account("haier", login, caller, conduct, login.credentials)

    @property
    def longest_call(self) -> timedelta:
        """How long one call of this client takes at most, repeats included."""
        return self._account.longest

    async def login(self) -> None:
        """Log in anew, whether or not there is a token; for ``relay doctor``.

        Raises:
            SupplierError: the login failed.
        """
        await self._account.login()

    async def check(self) -> None:
        """Probe whether calls may go on: ask once for a product that does not exist, also while Haier is at rest.

        Raises:
            SupplierError: not yet (`consumer.suppliers.account.Account.probe`).
        """
        await self._account.probe(self._operations.products, mapping.products_body(self._settings, [PROBE]))

    async def aclose(self) -> None:
        """End a login that is under way."""
        await self._account.aclose()

    async def products(self, codes: Sequence[str], *, since: datetime | None = None) -> Look[Product]:
        """Ask for the products of ``codes``, each once; a code that Haier does not know is not in the answer.

        Args:
            codes: `PRODUCTS_PER_CALL` at most.
            since: a look that was taken then or later, and is remembered, will do (``RELAY_PRODUCT_CACHE``); None: ask.

        Raises:
            ValueError: no code, or too many.
        """
        wanted = _for_one_call(codes, PRODUCTS_PER_CALL)
        remembered = None if since is None or self._cache is None else self._cache.look(wanted, since=since)
        if remembered is not None:
            return remembered
        seen_at = datetime.now(UTC)
        read = await self._account.call(self._operations.products, mapping.products_body(self._settings, wanted))
        look = Look(seen_at, tuple(mapping.product(wire) for wire in read.found), tuple(read.unreadable))
        if self._cache is not None:
            self._cache.keep(look)
        return look

    @asynccontextmanager
    async def listing(self) -> AsyncIterator[Listing]:
        """Ask for every procurable product; within the block the answer is here, whole, in a file.

        Raises:
            Malformed: of its first entries none can be read.
        """
        async with spooled() as spool:
            seen_at = datetime.now(UTC)
            operation = self._operations.listing.into(spool)
            await self._account.call(operation, mapping.products_body(self._settings, None))
            yield SpooledListing(seen_at, spool)

    async def prices(self, codes: Sequence[str]) -> Look[Price]:
        """Ask for the prices of ``codes``, each once; a code that Haier does not know is not in the answer.

        Raises:
            ValueError: no code, or more than `PRICES_PER_CALL`.
        """
        body = mapping.prices_body(self._settings, _for_one_call(codes, PRICES_PER_CALL))
        seen_at = datetime.now(UTC)
        read = await self._account.call(self._operations.prices, body)
        return Look(seen_at, tuple(mapping.price(wire) for wire in read.found), tuple(read.unreadable))

    async def stock(self, product_code: str, county_code: str) -> Stock:
        """Return the stock of one product for one county.

        Args:
            product_code: Haier's code.
            county_code: six digits, GB/T 2260.

        Raises:
            Rejected: Haier does not know one of them.
        """
        body = mapping.stock_body(self._settings, product_code, county_code)
        subject = f"product {product_code} in county {county_code}"
        found = await self._account.call(self._operations.stock, body, subject=subject)
        return mapping.stock(found, product_code, county_code)

    async def shipments(
        self, order_no: str, *, delivery_record_code: str | None = None, member_id: str | None = None
    ) -> Sequence[Shipment]:
        """Return an order's parcels from all three lists, each with the list it came from; none if nothing is sent yet.

        Args:
            order_no: the SO number, e.g. ``SO.20190106.000003``.
            delivery_record_code: only of this delivery.
            member_id: as Haier gave it, where it asks for one.
        """
        body = mapping.logistics_body(
            self._settings, order_no, delivery_record_code=delivery_record_code, member_id=member_id
        )
        subject = f"order {order_no}"
        found = await self._account.call(self._operations.logistics, body, subject=subject)
        return mapping.order_shipments(found, order_no)

    async def balances(self) -> Sequence[PayerBalance]:
        """Return the balance of each payer of the account."""
        body = mapping.balance_body(self._settings)
        found = await self._account.call(self._operations.balance, body)
        return [mapping.balance(wire) for wire in found]


def _for_one_call(codes: Sequence[str], most: int) -> list[str]:
    """Return ``codes``, each once.

    Raises:
        ValueError: there is none, which Haier would take for a wish for everything, or there are too many.
    """
    once = list(dict.fromkeys(codes))
    if not 0 < len(once) <= most:
        raise ValueError(f"one call takes 1 to {most} codes, not {len(once)}")
    return once

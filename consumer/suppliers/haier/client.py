"""Haier's calls of one account, typed in our own words (SUPPLIERS, Haier); `consumer.domain.ports` has the goods calls.

A list longer than one call takes is asked for in parts, one after the other; when a part fails, the whole look fails.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from consumer.domain.ports import PRICES_PER_CALL, PRODUCTS_PER_CALL
from consumer.settings import ENVIRONMENT
from consumer.suppliers.account import Account
from consumer.suppliers.calling import Caller
from consumer.suppliers.haier import mapping
from consumer.suppliers.haier.login import HaierLogin
from consumer.suppliers.haier.operations import HaierOperations
from consumer.suppliers.parts import parts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    import httpx

    from consumer.domain.goods import PayerBalance, Price, Stock
    from consumer.domain.product import Product
    from consumer.domain.shipping import Shipment
    from consumer.settings import HaierSettings, Origin
    from consumer.suppliers.authorised import Conduct
    from consumer.suppliers.cache import ProductCache
    from consumer.suppliers.haier.wire import PriceWire

PROBE: Final = "RELAY-PROBE"
"""A product code that nobody has."""


class HaierClient:
    """One account at Haier.

    Every call may raise any `SupplierError` but `UnknownOutcome`, since none changes anything: `Malformed` names the
    place of what is missing, e.g. ``3.productCode``. Immediate repeats have been made by then.

    Args:
        settings: of the account.
        transport: closed by whoever made it.
        conduct: time-outs, repeats, limits, metrics.
        cache: of this account's products; None asks each time.
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
        """How long one call of this client takes at most, repeats included; a split list makes several."""
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

    async def procurable_products(self, codes: Sequence[str] | None) -> Sequence[Product]:
        """Return the products of ``codes``, in their order and each once, or every procurable product for None.

        A code that Haier does not know is not in the answer. With a cache, what was asked for by code not long ago
        (``RELAY_PRODUCT_CACHE``) is not asked for again; `Product.seen_at` says how old the look is.
        """
        if codes is None:
            catalogue = await self._products(None)
            if self._cache is not None:
                self._cache.renew(catalogue)
            return catalogue
        wanted = list(dict.fromkeys(codes))
        found = self._cache.known(wanted) if self._cache is not None and wanted else {}
        for part in parts((code for code in wanted if code not in found), PRODUCTS_PER_CALL):
            answer = await self._products(part)
            if self._cache is not None:
                self._cache.keep(answer)
            found |= {product.product_code: product for product in answer}
        # What Haier spells otherwise than it was asked for comes last.
        return [found[code] for code in dict.fromkeys((*wanted, *found)) if code in found]

    async def prices(self, codes: Sequence[str]) -> Sequence[Price]:
        """Return the prices of ``codes``, each once; a code that Haier does not know is not in the answer."""
        found: list[PriceWire] = []
        for part in parts(codes, PRICES_PER_CALL):
            body = mapping.prices_body(self._settings, part)
            answer = await self._account.call(self._operations.prices, body)
            found += answer
        return [mapping.price(wire) for wire in found]

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

    async def _products(self, codes: Sequence[str] | None) -> list[Product]:
        body = mapping.products_body(self._settings, codes)
        # Before it is asked: the answer is at least as new as that, however long it takes.
        seen_at = datetime.now(UTC)
        found = await self._account.call(self._operations.products, body)
        return [mapping.product(wire, seen_at) for wire in found]

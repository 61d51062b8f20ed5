"""Haier's goods calls behind `consumer.domain.ports.HaierGoods` (SUPPLIERS, Haier)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import httpx

from consumer.domain.errors import Rejected
from consumer.domain.ports import PRODUCTS_PER_CALL
from consumer.suppliers.authorised import Authorised, Conduct
from consumer.suppliers.calling import Caller
from consumer.suppliers.haier import mapping
from consumer.suppliers.haier.login import CREDENTIALS, HaierLogin
from consumer.suppliers.haier.wire import ProductWire, read_products
from consumer.suppliers.oauth2 import TokenProvider
from consumer.suppliers.operation import MEGABYTE, Operation

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from consumer.domain.product import Product
    from consumer.settings import HaierSettings

_HEADERS: Final = (
    (b"Content-Type", b"application/json; charset=utf-8"),
    (b"Accept", b"application/json"),
    (b"Accept-Encoding", b"identity"),
)
_PRODUCTS: Final = (
    "/yilihuo/jsh-service-goods-mall-search/api/product-info/procurable-products-out/check-procurable-products"
)
_WHOLE_LIST: Final = 64 * MEGABYTE
"""The list of every procurable product comes in one answer."""
_PROBE: Final = "RELAY-PROBE"


class HaierClient:
    """One account at Haier.

    Args:
        settings: of the account.
        transport: closed by whoever made it.
        conduct: time-outs, repeats, limits, metrics.
    """

    def __init__(self, settings: HaierSettings, transport: httpx.AsyncBaseTransport, conduct: Conduct) -> None:
        self._settings = settings
        self._conduct = conduct
        caller = Caller(transport, conduct.observer)
        self._tokens = TokenProvider(HaierLogin(settings, caller, conduct.timeouts.token), supplier="haier")
        self._calls = Authorised(caller, self._tokens, conduct, _HEADERS, CREDENTIALS)
        self._products: Operation[list[ProductWire]] = Operation(
            supplier="haier",
            name="products",
            url=httpx.URL(settings.base_url.rstrip("/") + _PRODUCTS),
            changes=False,
            read=read_products,
            settings="HAIER_BASE_URL",
            largest=_WHOLE_LIST,
        )

    @property
    def longest_call(self) -> timedelta:
        """How long one call of this client takes at most, repeats included."""
        return self._conduct.longest

    async def login(self) -> None:
        """Log in anew, whether or not there is a token; for ``relay doctor``.

        Raises:
            SupplierError: the login failed.
        """
        await self._tokens.renewed()

    async def check(self) -> None:
        """Probe whether a paused lane may go on: one call that changes nothing, for a product that does not exist.

        Raises:
            SupplierError: not yet. A refusal of the product is none: who refuses is up and lets us in.
        """
        try:
            await self.procurable_products([_PROBE])
        except Rejected:
            return

    async def aclose(self) -> None:
        """End a login that is under way."""
        await self._tokens.aclose()

    async def procurable_products(self, codes: Sequence[str] | None) -> Sequence[Product]:
        """Return the products of ``codes``, or every procurable product for None.

        Raises:
            ValueError: more than `PRODUCTS_PER_CALL` codes, or none at all: Haier would take that for "every product".
            SupplierError: as for every call.
        """
        if codes is not None and not 1 <= len(codes) <= PRODUCTS_PER_CALL:
            raise ValueError(f"Haier takes 1 to {PRODUCTS_PER_CALL} product codes a call, not {len(codes)}")
        body = mapping.products_body(self._settings, codes)
        found = await self._calls.call(self._products, body, self._conduct.tries())
        return [mapping.product(wire) for wire in found]

"""YLH's calls of one account, typed in our own words (SUPPLIERS, YLH); `consumer.domain.ports` has the order calls.

What a change leaves open when its answer is missing: `consumer.suppliers.ylh.changing`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from consumer.domain.errors import Rejected
from consumer.domain.parts import parts
from consumer.domain.ports import ALREADY_AT_SUPPLIER, ORDERS_PER_CALL, UNKNOWN_ORDER, OrderArrived
from consumer.observability.logging import get_logger
from consumer.suppliers.account import Account
from consumer.suppliers.calling import Caller
from consumer.suppliers.ylh import mapping
from consumer.suppliers.ylh.changing import changed, recoded, said
from consumer.suppliers.ylh.login import CREDENTIALS, YlhLogin
from consumer.suppliers.ylh.operations import YlhOperations

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime, timedelta

    import httpx

    from consumer.domain.shipping import DeliveryPhoto, Shipment
    from consumer.settings import YlhSettings
    from consumer.suppliers.authorised import Conduct
    from consumer.suppliers.operation import Operation
    from schemas.events import OrderCancelled, OrderPaid

PROBE: Final = "SO.00000000.000000"
"""An SO number that no order has."""

_log = get_logger(__name__)


class YlhClient:
    """One account at YLH.

    Args:
        settings: of the account.
        transport: closed by whoever made it.
        conduct: time-outs, repeats, limits, metrics.
    """

    def __init__(self, settings: YlhSettings, transport: httpx.AsyncBaseTransport, conduct: Conduct) -> None:
        self._settings = settings
        self._operations = YlhOperations.of(settings)
        caller = Caller(transport, conduct.observer)
        login = YlhLogin(settings, caller, conduct.timeouts.token)
        self._account = Account("ylh", login, caller, conduct, CREDENTIALS)

    @property
    def longest_call(self) -> timedelta:
        """How long one call of this client takes at most, repeats included; a lease on its order must outlast it."""
        return self._account.longest

    async def login(self) -> None:
        """Log in anew, whether or not there is a token; for ``relay doctor``.

        Raises:
            SupplierError: the login failed.
        """
        await self._account.login()

    async def check(self) -> None:
        """Probe whether calls may go on: ask once where an order is that does not exist, also while YLH is at rest.

        Raises:
            SupplierError: not yet (`consumer.suppliers.account.Account.probe`).
        """
        await self._account.probe(self._operations.logistics, mapping.logistics_body([PROBE]))

    async def aclose(self) -> None:
        """End a login that is under way."""
        await self._account.aclose()

    def create_body(self, order: OrderPaid) -> bytes:
        """Build the body of a create.

        Raises:
            Rejected: code ``single_unit``, several units in one order while ``RELAY_YLH_SINGLE_UNIT=reject``.
        """
        units = mapping.total_quantity(order)
        if units > 1 and self._settings.single_unit != "off":
            self._several_units(order.so_id, units)
        return mapping.create_body(
            order,
            source_system=self._settings.source_system,
            shop_name=self._settings.shop_name,
            seller_code=self._settings.seller_code,
        )

    async def create(self, so_id: str, body: bytes, *, unanswered: bool) -> OrderArrived:
        """Send a create; an answer that got lost within this very call counts as unanswered too.

        Raises:
            Rejected: YLH said no; code ``already_at_supplier`` for a duplicate that proves nothing.
            UnknownOutcome: it may or may not have arrived.
            SupplierError: nothing arrived.
        """
        tries = self._account.tries()
        duplicate = self._settings.duplicate_pattern
        try:
            number = await changed(
                self._account, self._operations.create, body, tries, subject=_order(so_id), settles=duplicate
            )
        except Rejected as refusal:
            if not said(refusal, duplicate):
                raise
            if unanswered or tries.unanswered is not None:
                return OrderArrived(None, by_duplicate=True)
            what = f"YLH has order {so_id} already, and not from an earlier send of ours that is unanswered"
            raise recoded(refusal, ALREADY_AT_SUPPLIER, what) from refusal
        return OrderArrived(number)

    def cancel_body(self, cancel: OrderCancelled, *, source_system: str | None, now: datetime) -> bytes:
        """Build the body of a cancel; ``source_system`` None takes the account's."""
        return mapping.cancel_body(cancel, source_system=source_system or self._settings.source_system, now=now)

    async def cancel(self, so_id: str, body: bytes) -> None:
        """Send a cancel; returning means accepted, not done.

        Raises:
            Rejected: code ``order_unknown`` when YLH has no such order, ``refused`` otherwise.
            UnknownOutcome: it may or may not have been accepted.
            SupplierError: nothing arrived.
        """
        await self._changed_order(self._operations.cancel, so_id, body)

    def reschedule_body(self, order_no: str, *, distribution_on: date | None, install_on: date | None) -> bytes:
        """Build the body of a reschedule; each day ends at 23:59:59 in China, and what is None stays as it is.

        Args:
            order_no: the order's ``retail_order_no``, else its ``ext_order_no``.
            distribution_on: new day of delivery.
            install_on: new day of installation.

        Raises:
            ValueError: neither day is given.
        """
        return mapping.reschedule_body(order_no, distribution_on=distribution_on, install_on=install_on)

    async def reschedule(self, order_no: str, body: bytes) -> None:
        """Send a reschedule; returning means that YLH took it.

        Raises:
            Rejected: code ``order_unknown`` when YLH has no such order, ``refused`` otherwise.
            UnknownOutcome: it may or may not have been taken.
            SupplierError: nothing arrived.
        """
        await self._changed_order(self._operations.reschedule, order_no, body)

    async def photos(self, order_no: str) -> Sequence[DeliveryPhoto]:
        """Return the photos of an order's delivery and installation; none if there are none yet.

        Args:
            order_no: the SO number, e.g. ``SO.20250430.000001``.

        Raises:
            Rejected: YLH does not have the order.
            SupplierError: as for every look.
        """
        found = await self._account.call(
            self._operations.photos, mapping.photos_body(order_no), subject=_order(order_no)
        )
        return [mapping.photo(wire) for wire in found]

    async def shipments(self, order_nos: Sequence[str]) -> Sequence[Shipment]:
        """Return the parcels of all these orders; of an order that YLH has not sent, or does not have, there are none.

        Each order is asked for once, `ORDERS_PER_CALL` in one call.

        Raises:
            SupplierError: as for every look; one call that fails fails all.
        """
        found: list[Shipment] = []
        for part in parts(order_nos, ORDERS_PER_CALL):
            records = await self._account.call(self._operations.logistics, mapping.logistics_body(part))
            found += mapping.order_shipments(records)
        return found

    async def _changed_order(self, operation: Operation[None], order_no: str, body: bytes) -> None:
        unknown = self._settings.unknown_order_pattern
        try:
            await changed(
                self._account, operation, body, self._account.tries(), subject=_order(order_no), settles=unknown
            )
        except Rejected as refusal:
            if said(refusal, unknown):
                raise recoded(refusal, UNKNOWN_ORDER, f"YLH has no order {order_no}") from refusal
            raise

    def _several_units(self, so_id: str, units: int) -> None:
        what = f"order {so_id} has {units} units; YLH notes one unit for each order"
        if self._settings.single_unit == "reject":
            raise Rejected(
                f"{what}: send one sub-order for each unit (RELAY_YLH_SINGLE_UNIT=reject)",
                code="single_unit",
                supplier="ylh",
                operation="create",
            )
        _log.warning("several units in one order", so_id=so_id, count=units)


def _order(order_no: str) -> str:
    return f"order {order_no}"

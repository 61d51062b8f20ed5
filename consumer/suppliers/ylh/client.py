"""YLH's order calls behind `consumer.domain.ports.YlhOrders` (SUPPLIERS, "YLH: the order's life").

Within one call an unknown outcome stays one until an answer settles it: when the repeat after it fails otherwise
(throttled, no connection, a pause), the caller still gets `UnknownOutcome`, so that its books keep the send as
unanswered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from consumer.domain.errors import Rejected, SupplierError, UnknownOutcome
from consumer.domain.ports import OrderArrived
from consumer.observability.logging import get_logger
from consumer.suppliers.authorised import Authorised, Conduct
from consumer.suppliers.calling import Caller
from consumer.suppliers.oauth2 import TokenProvider
from consumer.suppliers.operation import Operation, Said
from consumer.suppliers.ylh import addresses, mapping
from consumer.suppliers.ylh.login import CREDENTIALS, YlhLogin
from consumer.suppliers.ylh.wire import read_accepted, read_created

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    import httpx

    from consumer.settings import YlhSettings
    from schemas.events import OrderCancelled, OrderPaid

T = TypeVar("T")

_log = get_logger(__name__)

_HEADERS: Final = (
    (b"Content-Type", b"application/json; charset=utf-8"),
    (b"Accept", b"application/json"),
    (b"Accept-Encoding", b"identity"),
)


class YlhClient:
    """One account at YLH.

    Args:
        settings: of the account.
        transport: closed by whoever made it.
        conduct: time-outs, repeats, limits, metrics.
    """

    def __init__(self, settings: YlhSettings, transport: httpx.AsyncBaseTransport, conduct: Conduct) -> None:
        self._settings = settings
        self._conduct = conduct
        caller = Caller(transport, conduct.observer)
        self._tokens = TokenProvider(YlhLogin(settings, caller, conduct.timeouts.token), supplier="ylh")
        self._calls = Authorised(caller, self._tokens, conduct, _HEADERS, CREDENTIALS)
        self._create = _changing("create", addresses.address(settings, *addresses.CREATE), read_created)
        self._cancel = _changing("cancel", addresses.address(settings, *addresses.CANCEL), read_accepted)

    @property
    def longest_call(self) -> timedelta:
        """How long one call of this client takes at most, repeats included; a lease on its order must outlast it."""
        return self._conduct.longest

    async def login(self) -> None:
        """Log in anew, whether or not there is a token; for ``relay doctor``.

        Raises:
            SupplierError: the login failed.
        """
        await self._tokens.renewed()

    async def check(self) -> None:
        """Probe whether a paused lane may go on; a login is the one call at YLH that changes no order.

        Raises:
            SupplierError: not yet.
        """
        await self._tokens.renewed()

    async def aclose(self) -> None:
        """End a login that is under way."""
        await self._tokens.aclose()

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

        A refusal of the repeat within this call, other than for a duplicate, is reported as the `UnknownOutcome` of the
        first send: the books then know, when the message comes round, that it is a resend.

        Raises:
            Rejected: YLH said no; code ``already_at_supplier`` for a duplicate that proves nothing.
            UnknownOutcome: it may or may not have arrived.
            SupplierError: nothing arrived.
        """
        tries = self._conduct.tries()
        try:
            return OrderArrived(await self._calls.call(self._create, body, tries, subject=_order(so_id)))
        except Rejected as refusal:
            if not self._settings.duplicate_pattern.search(refusal.supplier_message or ""):
                if tries.unanswered is not None:
                    # The first send may have been taken, and the repeat refused for another reason.
                    raise tries.unanswered from refusal
                raise
            if unanswered or tries.unanswered is not None:
                return OrderArrived(None, by_duplicate=True)
            raise _recoded(
                refusal,
                "already_at_supplier",
                f"YLH has order {so_id} already, and not from an earlier send of ours that is unanswered",
            ) from refusal
        except UnknownOutcome:
            raise
        except SupplierError as error:
            if tries.unanswered is not None:
                raise tries.unanswered from error
            raise

    def cancel_body(self, cancel: OrderCancelled, *, source_system: str | None, now: datetime) -> bytes:
        """Build the body of a cancel; ``source_system`` None takes the account's."""
        return mapping.cancel_body(cancel, source_system=source_system or self._settings.source_system, now=now)

    async def cancel(self, so_id: str, body: bytes) -> None:
        """Send a cancel; returning means accepted, not done.

        A refusal of the repeat within this call may only mean that the first send was taken: it is not reported as a
        refusal but as the `UnknownOutcome` of that send. The books then know, when the message comes round, that it
        is a resend.

        Raises:
            Rejected: code ``order_unknown`` when YLH has no such order, ``refused`` otherwise.
            UnknownOutcome: it may or may not have been accepted.
            SupplierError: nothing arrived.
        """
        tries = self._conduct.tries()
        try:
            await self._calls.call(self._cancel, body, tries, subject=_order(so_id))
        except Rejected as refusal:
            if self._settings.unknown_order_pattern.search(refusal.supplier_message or ""):
                raise _recoded(refusal, "order_unknown", f"YLH has no order {so_id}") from refusal
            if tries.unanswered is not None:
                raise tries.unanswered from refusal
            raise
        except UnknownOutcome:
            raise
        except SupplierError as error:
            if tries.unanswered is not None:
                raise tries.unanswered from error
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


def _changing(name: str, url: httpx.URL, read: Callable[[Said], T]) -> Operation[T]:
    return Operation(supplier="ylh", name=name, url=url, changes=True, read=read, settings="YLH_BASE_URL and YLH_ENV")


def _order(so_id: str) -> str:
    return f"order {so_id}"


def _recoded(refusal: Rejected, code: str, message: str) -> Rejected:
    return Rejected(
        message,
        code=code,
        supplier=refusal.supplier,
        operation=refusal.operation,
        supplier_code=refusal.supplier_code,
        supplier_message=refusal.supplier_message,
        status=refusal.status,
    )

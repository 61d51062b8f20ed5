"""The order's life at YLH: create, cancel, reschedule, as SUPPLIERS ("YLH: the order's life") has them.

Each function checks a request as the supplier would, has its effect on the ledger, and returns the answer's ``data``.
Consignee and address are checked and forgotten.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from hashlib import sha256
from typing import Literal

from sandbox import reading
from sandbox.catalogue import Catalogue
from sandbox.config import SandboxConfig
from sandbox.ledger import Ledger, Order
from sandbox.wire import JSON, Refusal

CANCELLED = "20003"
FOREIGN_SELLER = "20004"
NO_SUCH_GOODS = "20005"
SUMS_DIFFER = "20006"
ENDED = "20007"

SELLER_CODE = re.compile(r"[0-9]{8}")
CENT = Decimal("0.01")
MANDATORY_TEXTS = (
    ("shopName", 100),
    ("consigneeName", 64),
    ("consigneeMobile", 32),
    ("onlineNo", 64),
    ("province", 64),
    ("city", 64),
    ("area", 64),
    ("detailAddress", 500),
)


class DuplicateOrder(Refusal):
    """The ``soId`` was pushed before."""

    def __init__(self) -> None:
        super().__init__("20001", "子单号重复，请勿重复推送")


class UnknownOrder(Refusal):
    """No order of that number was ever taken in."""

    def __init__(self) -> None:
        super().__init__("20002", "订单不存在")


@dataclass(frozen=True, slots=True)
class Effect:
    """Something that was taken in, and about which YLH decides: a callback tells how."""

    order: Order
    method: Literal["confirm", "cancel"]


class YlhOrders:
    """Create, cancel and reschedule on one ledger; ``tell`` hears of each effect that YLH goes on to decide about."""

    def __init__(
        self, config: SandboxConfig, ledger: Ledger, catalogue: Catalogue, tell: Callable[[Effect], None]
    ) -> None:
        self._config = config
        self._ledger = ledger
        self._catalogue = catalogue
        self._tell = tell

    def create(self, payload: JSON) -> JSON:
        """Take an order in; a ``soId`` that was taken before is refused as a duplicate."""
        request = reading.document(payload)
        so_id = reading.text(request, "soId", longest=64)
        order = self._ledger.order(so_id)
        with _counting_refusals(order):
            self._check_create(request)
            if order.creates and self._config.refuse_duplicates:
                raise DuplicateOrder
            goods = self._goods(request)
        order.creates += 1
        order.state = "created"
        order.online_no = reading.text(request, "onlineNo")
        order.goods = goods
        order.distribution_time = _as_sent(request, "distributionTime")
        order.install_time = _as_sent(request, "installTime")
        order.created_at = time.time()
        if order.retail_order_no is None:
            self._number(order, _day_of(reading.moment(request, "createTime")))
        self._tell(Effect(order, "confirm"))
        return {"soId": so_id, "retailOrderNo": order.retail_order_no}

    def cancel(self, payload: JSON) -> JSON:
        """Take a cancel in, to be decided: an order that never came is unknown, one cancelled or ended is refused."""
        request = reading.document(payload)
        so_id = reading.text(request, "soId", longest=64)
        order = self._ledger.order(so_id)
        with _counting_refusals(order):
            reading.text(request, "sourceSystem", longest=64)
            reading.text(request, "cancelReason")
            if not isinstance(request.get("cancelTime"), str):
                raise Refusal(reading.WRONG, "cancelTime格式错误，应为字符串")
            reading.moment(request, "cancelTime")
            if not order.creates:
                raise UnknownOrder
            if order.state == "settled":
                raise Refusal(ENDED, "订单已完结，不能取消")
            if order.state in {"cancelling", "cancelled"} and self._config.refuse_second_cancel:
                raise Refusal(CANCELLED, "订单已取消，不能再次取消")
        order.cancels += 1
        if order.state != "cancelled":
            order.state = "cancelling"
        self._tell(Effect(order, "cancel"))
        return True

    def reschedule(self, payload: JSON) -> JSON:
        """Move delivery or installation; the number may be the retail order number or Haier's own."""
        request = reading.document(payload)
        order = self._ledger.by_number(reading.text(request, "retailOrderNo", longest=64))
        if order is None:
            raise UnknownOrder
        with _counting_refusals(order):
            delivery = reading.optional_day(request, "distributionTime")
            installation = reading.optional_day(request, "installTime")
            if delivery is None and installation is None:
                raise Refusal(reading.MISSING, "distributionTime和installTime不能同时为空")
            if order.state in {"cancelling", "cancelled"}:
                raise Refusal(CANCELLED, "订单已取消，不能改约")
            if not order.stands:
                raise Refusal(ENDED, "订单已完结或已拒单，不能改约")
        order.reschedules += 1
        order.distribution_time = _as_sent(request, "distributionTime") or order.distribution_time
        order.install_time = _as_sent(request, "installTime") or order.install_time
        return True

    def _check_create(self, request: Mapping[str, JSON]) -> None:
        reading.text(request, "sourceSystem", longest=64)
        for name, longest in MANDATORY_TEXTS:
            reading.text(request, name, longest=longest)
        seller = reading.text(request, "sellerCode")
        if not SELLER_CODE.fullmatch(seller):
            raise Refusal(reading.WRONG, "sellerCode格式错误，应为8位数字")
        if seller != self._config.credentials.ylh_seller_code:
            raise Refusal(FOREIGN_SELLER, "商家编码sellerCode不正确")
        reading.optional_text(request, "town", longest=64)
        reading.optional_text(request, "remark")
        reading.moment(request, "createTime")
        delivery = reading.optional_day(request, "distributionTime")
        installation = reading.optional_day(request, "installTime")
        together = "true" if delivery is not None and delivery == installation else "false"
        if request.get("deliveryInstall") != together:
            raise Refusal(reading.WRONG, f"deliveryInstall不正确，应为字符串{together}")

    def _goods(self, request: Mapping[str, JSON]) -> tuple[tuple[str, int], ...]:
        lines = request.get("itemList")
        if not isinstance(lines, list) or not lines:
            raise Refusal(reading.MISSING, "itemList不能为空")
        goods: list[tuple[str, int]] = []
        units, amount = 0, Decimal(0)
        for line in map(reading.document, lines):
            product_code, quantity = reading.text(line, "productCode", longest=64), reading.whole(line, "itemQty")
            reading.money(line, "retailPrice")
            reading.money(line, "discountAmount")
            amount += reading.money(line, "actualPrice") * quantity
            units += quantity
            self._check_procurable(product_code)
            goods.append((product_code, quantity))
        if reading.whole(request, "totalQty") != units:
            raise Refusal(SUMS_DIFFER, "totalQty与商品明细数量之和不一致")
        if abs(reading.money(request, "totalAmt") - amount) > CENT * units:
            raise Refusal(SUMS_DIFFER, "totalAmt与商品明细金额之和不一致")
        return tuple(goods)

    def _check_procurable(self, product_code: str) -> None:
        found = self._catalogue.find(product_code)
        if found is None and self._config.refuse_unknown_products:
            raise Refusal(NO_SUCH_GOODS, f"商品编码{product_code}无效")
        if found is not None and not found.procurable:
            raise Refusal(NO_SUCH_GOODS, f"商品{product_code}暂不可采")

    def _number(self, order: Order, day: str) -> None:
        drawn = int.from_bytes(sha256(order.so_id.encode()).digest()[:8])
        while True:
            digits = f"{drawn % 10**12:012d}"
            retail, own = f"SO.{day}.{digits}", f"10{digits}"
            if self._ledger.by_number(retail) is None and self._ledger.by_number(own) is None:
                break
            drawn += 1
        self._ledger.numbered(order, retail, own)


def _day_of(milliseconds: int) -> str:
    return _day_named((milliseconds // 1000 + reading.SHANGHAI_AHEAD) // reading.DAY)


@lru_cache(maxsize=64)
def _day_named(days_since_1970: int) -> str:
    return f"{date(1970, 1, 1) + timedelta(days=days_since_1970):%Y%m%d}"


@contextmanager
def _counting_refusals(order: Order) -> Iterator[None]:
    """Note on the order's page what is refused inside."""
    try:
        yield
    except DuplicateOrder:
        order.duplicates_refused += 1
        raise
    except Refusal:
        order.refused += 1
        raise


def _as_sent(request: Mapping[str, JSON], name: str) -> str | None:
    value = request.get(name)
    return None if value is None else str(value)

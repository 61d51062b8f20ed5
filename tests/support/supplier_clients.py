"""Our supplier clients on a sandbox, with a short policy, and the orders that tests send."""

from __future__ import annotations

from collections import Counter
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from consumer.domain.recoverability import Policy
from consumer.settings import load
from consumer.suppliers.authorised import Conduct
from consumer.suppliers.haier.client import HaierClient
from consumer.suppliers.limits import Released, Timeouts, Unlimited
from consumer.suppliers.transport import Transport
from consumer.suppliers.ylh.client import YlhClient
from schemas.events import OrderCancelled, OrderPaid

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from consumer.domain.ports import HaierGoods, OrderArrived, YlhOrders
    from consumer.suppliers.cache import ProductCache
    from consumer.suppliers.limits import Brake, Quota
    from sandbox.testing import Box

NOW = datetime(2026, 1, 2, tzinfo=UTC)
NOTHING: Mapping[str, str] = {}
ONCE = Policy(immediate_retries=0)
TWICE = Policy(immediate_retries=1, immediate_delay=timedelta(milliseconds=2))


class Heard:
    """Counts the calls of one supplier by operation and outcome."""

    def __init__(self, supplier: str) -> None:
        self._supplier = supplier
        self.calls: Counter[tuple[str, str]] = Counter()

    def supplier_call(self, supplier: str, operation: str, outcome: str, *, seconds: float, status: int | None) -> None:
        assert supplier == self._supplier
        assert seconds >= 0
        assert status is None or 100 <= status < 600
        self.calls[operation, outcome] += 1


class Held:
    """A brake that is on."""

    def held(self) -> str:
        return "the supplier is at rest"


@asynccontextmanager
async def ylh_client(
    box: Box,
    *,
    policy: Policy = TWICE,
    call: float = 5.0,
    heard: Heard | None = None,
    settings: Mapping[str, str] = NOTHING,
    quota: Quota | None = None,
    brake: Brake | None = None,
) -> AsyncIterator[YlhClient]:
    section = load({**box.environment(), **settings}, dotenv=None, need=["ylh"]).ylh
    conduct = _conduct(policy, call, heard or Heard("ylh"), quota, brake)
    async with Transport() as transport:
        client = YlhClient(section, transport, conduct)
        _port: YlhOrders = client
        yield client
        await client.aclose()


@asynccontextmanager
async def haier_client(
    box: Box,
    *,
    call: float = 5.0,
    heard: Heard | None = None,
    settings: Mapping[str, str] = NOTHING,
    brake: Brake | None = None,
    cache: ProductCache | None = None,
) -> AsyncIterator[HaierClient]:
    section = load({**box.environment(), **settings}, dotenv=None, need=["haier"]).haier
    conduct = _conduct(TWICE, call, heard or Heard("haier"), None, brake)
    async with Transport() as transport:
        client = HaierClient(section, transport, conduct, cache=cache)
        _port: HaierGoods = client
        yield client
        await client.aclose()


def _conduct(policy: Policy, call: float, heard: Heard, quota: Quota | None, brake: Brake | None) -> Conduct:
    timeouts = Timeouts(token=5.0, call=call)
    return Conduct(timeouts, policy, 100, heard, quota or Unlimited(), brake or Released())


def order(so_id: str = "SO-1", **changes: Any) -> OrderPaid:
    item = {
        "product_code": "BX0000001",
        "quantity": 1,
        "retail_price": "2999.00",
        "discount": "99.50",
        "actual_price": "2899.50",
        "is_gift": False,
    }
    data: dict[str, Any] = {
        "so_id": so_id,
        "online_no": "T1",
        "version": 1,
        "created_at": "2026-01-01T10:00:00+08:00",
        "consignee": {
            "name": "张三",
            "mobile": "13800138000",
            "province": "山东省",
            "city": "青岛市",
            "area": "崂山区",
            "address": "海尔路1号",
        },
        "items": [item],
        "total_amount": "2899.50",
        "distribution_on": "2026-01-05",
        "install_on": "2026-01-05",
        "government_subsidy": True,
    }
    return OrderPaid.model_validate(data | changes)


def cancel_of(so_id: str = "SO-1") -> OrderCancelled:
    return OrderCancelled.model_validate(
        {"so_id": so_id, "version": 2, "reason": "不要了", "cancelled_at": "2026-01-01T10:00:00+08:00"}
    )


async def create(client: YlhClient, so_id: str = "SO-1", *, unanswered: bool = False) -> OrderArrived:
    return await client.create(so_id, client.create_body(order(so_id)), unanswered=unanswered)


async def cancel(client: YlhClient, so_id: str = "SO-1") -> None:
    await client.cancel(so_id, client.cancel_body(cancel_of(so_id), source_system=None, now=NOW))

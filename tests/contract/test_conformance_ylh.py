"""One suite for our YLH client: the sandbox over real HTTP, and recorded answers in every shape (SUPPLIERS)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest

from consumer.domain.errors import Rejected
from consumer.domain.ports import OrderArrived
from consumer.settings import load
from consumer.suppliers.authorised import Conduct
from consumer.suppliers.transport import Transport
from consumer.suppliers.ylh.client import YlhClient
from schemas.events import OrderCancelled, OrderPaid
from tests.support.ylh_sides import Side, is_order_number, sides

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SIDES = sides()
NOW = datetime(2026, 1, 2, tzinfo=UTC)
FIFTH, SIXTH = "1767628799000", "1767715199000"
"""23:59:59 of 5 and 6 January 2026 in China."""


@pytest.fixture(params=SIDES)
async def side(request: pytest.FixtureRequest) -> AsyncIterator[Side]:
    async with SIDES[request.param]() as there:
        yield there


@pytest.fixture
async def client(side: Side) -> AsyncIterator[YlhClient]:
    section = load(dict(side.settings), dotenv=None, need=["ylh"]).ylh
    async with Transport() as transport:
        ours = YlhClient(section, transport, Conduct())
        yield ours
        await ours.aclose()


def paid(so_id: str = "SO-1") -> OrderPaid:
    return OrderPaid.model_validate(
        {
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
            "items": [
                {
                    "product_code": "BX0000001",
                    "quantity": 1,
                    "retail_price": "2999.00",
                    "discount": "0",
                    "actual_price": "2899.50",
                    "is_gift": False,
                }
            ],
            "total_amount": "2899.50",
            "government_subsidy": False,
        }
    )


async def created(client: YlhClient, so_id: str = "SO-1", *, unanswered: bool = False) -> OrderArrived:
    return await client.create(so_id, client.create_body(paid(so_id)), unanswered=unanswered)


async def cancel(client: YlhClient, so_id: str) -> None:
    wanted = OrderCancelled.model_validate(
        {"so_id": so_id, "version": 2, "reason": "不要了", "cancelled_at": "2026-01-01T10:00:00+08:00"}
    )
    await client.cancel(so_id, client.cancel_body(wanted, source_system=None, now=NOW))


async def test_a_create_brings_the_orders_number(client: YlhClient) -> None:
    arrived = await created(client)
    assert is_order_number(arrived.retail_order_no)
    assert not arrived.by_duplicate


async def test_a_second_create_is_a_duplicate_that_proves_arrival_only_of_an_unanswered_send(client: YlhClient) -> None:
    await created(client)
    with pytest.raises(Rejected) as caught:
        await created(client)
    assert caught.value.code == "already_at_supplier"
    assert await created(client, unanswered=True) == OrderArrived(None, by_duplicate=True)


async def test_a_cancel_is_taken_or_names_an_unknown_order(client: YlhClient) -> None:
    await created(client)
    await cancel(client, "SO-1")
    with pytest.raises(Rejected) as caught:
        await cancel(client, "SO-NEVER")
    assert caught.value.code == "order_unknown"


@pytest.mark.parametrize(
    ("distribution_on", "install_on", "held"),
    [
        (date(2026, 1, 5), None, (FIFTH, None)),
        (None, date(2026, 1, 6), (None, SIXTH)),
        (date(2026, 1, 5), date(2026, 1, 6), (FIFTH, SIXTH)),
    ],
)
async def test_a_reschedule_sends_the_given_days_and_no_others(
    side: Side,
    client: YlhClient,
    distribution_on: date | None,
    install_on: date | None,
    held: tuple[str | None, str | None],
) -> None:
    number = (await created(client)).retail_order_no
    assert number is not None
    body = client.reschedule_body(number, distribution_on=distribution_on, install_on=install_on)
    await client.reschedule(number, body)
    assert await side.days(number) == held


async def test_a_reschedule_of_an_unknown_order(client: YlhClient) -> None:
    body = client.reschedule_body("SO.NEVER", distribution_on=date(2026, 1, 5), install_on=None)
    with pytest.raises(Rejected) as caught:
        await client.reschedule("SO.NEVER", body)
    assert (caught.value.code, caught.value.operation) == ("order_unknown", "reschedule")


async def test_photos(side: Side, client: YlhClient) -> None:
    found = await client.photos(side.sent)
    assert tuple(found) == side.photos
    assert all(photo.taken_at is None or photo.taken_at.tzinfo for photo in found)


async def test_the_photos_of_an_unknown_order_are_refused(client: YlhClient) -> None:
    with pytest.raises(Rejected) as caught:
        await client.photos("SO.NEVER")
    assert caught.value.supplier_message == "订单不存在"


async def test_shipments(side: Side, client: YlhClient) -> None:
    assert tuple(await client.shipments([side.sent])) == side.shipments


async def test_an_unknown_order_has_no_shipments(client: YlhClient) -> None:
    assert await client.shipments(["SO.NEVER"]) == []


async def test_a_long_list_goes_in_parts_of_a_hundred_and_each_order_once(side: Side, client: YlhClient) -> None:
    orders = [*(f"SO.NEVER.{number}" for number in range(230)), side.sent, side.sent]
    assert tuple(await client.shipments(orders)) == side.shipments
    assert await side.calls() == 3


async def test_no_orders_ask_for_nothing(side: Side, client: YlhClient) -> None:
    assert await client.shipments([]) == []
    assert await side.calls() == 0


async def test_a_probe_makes_one_call(side: Side, client: YlhClient) -> None:
    await client.check()
    assert await side.calls() == 1

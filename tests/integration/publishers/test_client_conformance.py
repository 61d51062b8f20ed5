"""One suite for the typed client, run against the fake and against a broker: what holds for one holds for the other."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from publishers.order_system import OrderSystemEvents
from publishers.orders import RelayPublisher
from publishers.outgoing import BrokerAway
from publishers.testing import FakeRelay
from schemas.codec import decode, encode, new_event
from schemas.envelope import Event
from schemas.events import Consignee, OrderItem, OrderStatusRequested
from schemas.faults import InvalidEvent
from tests.integration.publishers.sides import SOURCE, Side

if TYPE_CHECKING:
    from publishers.streaming import Outcome, Progress

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
CONSIGNEE = {
    "name": "张三",
    "mobile": "13800000000-1234",
    "province": "北京市",
    "city": "北京市",
    "area": "朝阳区",
    "address": "阜通东大街6号院",
}
ITEM = {
    "product_code": "GA0SZC00U",
    "quantity": 2,
    "retail_price": "3299.00",
    "discount": "300",
    "actual_price": Decimal(2999),
    "is_gift": False,
}


async def paid(relay: OrderSystemEvents, **other: object) -> Event:
    values: dict[str, object] = {
        "so_id": "SO-1",
        "online_no": "3456789012345678",
        "version": 1,
        "created_at": NOON,
        "consignee": CONSIGNEE,
        "items": [ITEM],
        "total_amount": "5998.00",
        "government_subsidy": False,
        **other,
    }
    return await relay.order_paid(**values)  # type: ignore[arg-type] # some tests pass what is wrong on purpose


Call = Callable[[OrderSystemEvents], Awaitable[Event]]
CALLS: dict[str, tuple[Call, dict[str, object]]] = {
    "order.cancelled": (
        lambda r: r.order_cancelled(so_id="SO-1", version=2, reason="customer", cancelled_at=NOON),
        {"so_id": "SO-1", "version": 2, "reason": "customer", "cancelled_at": "2026-01-31T12:00:00Z"},
    ),
    "order.rescheduled": (
        lambda r: r.order_rescheduled(so_id="SO-1", version=3, install_on=date(2026, 2, 3)),
        {"so_id": "SO-1", "version": 3, "install_on": "2026-02-03"},
    ),
    "order.status.requested": (lambda r: r.order_status_requested(so_id="SO-1"), {"so_id": "SO-1"}),
    "sync.products.requested": (
        lambda r: r.sync_products(product_codes=["A", "B"], with_prices=True),
        {"product_codes": ["A", "B"], "with_prices": True},
    ),
    "sync.prices.requested": (lambda r: r.sync_prices(), {}),
    "sync.stock.requested": (
        lambda r: r.sync_stock(county_codes=("110105",), product_codes=("A",)),
        {"product_codes": ["A"], "county_codes": ["110105"]},
    ),
    "sync.logistics.requested": (
        lambda r: r.sync_logistics(scope="open", detail=True),
        {"scope": "open", "detail": True},
    ),
    "sync.balance.requested": (lambda r: r.sync_balance(), {}),
}


@pytest.mark.parametrize("type_", CALLS)
async def test_each_event_arrives_as_the_contract_has_it(side: Side, type_: str) -> None:
    call, data = CALLS[type_]
    event = await call(side.relay)
    (arrived,) = await side.arrived()
    assert (arrived.routing_key, arrived.type, arrived.message_id) == (type_, type_, event.id)
    assert arrived.content_type == "application/cloudevents+json"
    assert decode(arrived.body, routing_key=type_) == event
    written = json.loads(arrived.body)
    assert written["source"] == SOURCE
    assert written["data"] == data


async def test_a_paid_order_takes_models_mappings_decimals_and_text(side: Side) -> None:
    first = await paid(side.relay, correlationid="checkout-77", traceparent="00-aa-bb-01", remark="送货前请电话联系")
    second = await paid(
        side.relay,
        consignee=Consignee.model_validate(CONSIGNEE),
        items=(OrderItem.model_validate(ITEM),),
        total_amount=Decimal("5998.00"),
        created_at="2026-01-31T12:00:00Z",
        remark="送货前请电话联系",
    )
    assert first.data == second.data
    one, _ = await side.arrived()
    written = json.loads(one.body)
    assert written["subject"] == "SO-1"
    assert written["correlationid"] == "checkout-77"
    assert written["traceparent"] == "00-aa-bb-01"
    assert written["data"]["consignee"] == CONSIGNEE
    assert written["data"]["items"][0]["actual_price"] == "2999"
    assert "distribution_on" not in written["data"]


@pytest.mark.parametrize(
    ("other", "field"),
    [
        ({"version": 0}, "data.version"),
        ({"items": []}, "data.items"),
        ({"items": [{**ITEM, "quantity": 0}]}, "data.items.0.quantity"),
        ({"total_amount": "1.00"}, "data.total_amount"),
        ({"total_amount": 5998.0}, "data.total_amount"),
        ({"distribution_on": "2026-02-30"}, "data.distribution_on"),
        ({"consignee": {**CONSIGNEE, "mobile": "1" * 33}}, "data.consignee.mobile"),
        ({"so_id": "no blanks"}, "data.so_id"),
        ({"so_id": None}, "data.so_id"),
        ({"created_at": datetime(2026, 1, 31)}, "data.created_at"),  # noqa: DTZ001 - the point: no zone
        ({"event_id": ""}, "id"),
        ({"event_id": "x" * 129}, "id"),
    ],
)
async def test_what_breaks_the_contract_is_told_by_field_and_not_sent(
    side: Side, other: dict[str, object], field: str
) -> None:
    with pytest.raises(InvalidEvent) as caught:
        await paid(side.relay, **other)
    assert caught.value.errors[0].field == field
    assert await side.arrived() == []


async def test_no_personal_data_stands_in_what_is_raised(side: Side) -> None:
    with pytest.raises(InvalidEvent) as caught:
        await paid(side.relay, consignee={**CONSIGNEE, "name": 7, "mobile": "13800000000" * 4})
    error: BaseException | None = caught.value
    while error is not None:
        assert "13800000000" not in str(error)
        assert "阜通东大街" not in str(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


async def test_the_same_call_with_the_same_id_makes_the_same_bytes(side: Side) -> None:
    """The service takes one id with two bodies for a mistake, so a time of our own making must not differ."""
    for _ in range(2):
        await paid(side.relay, event_id="SO-1/1")
        await asyncio.sleep(0.01)
    first, second = await side.arrived()
    assert first == second
    assert first.message_id == "SO-1/1"


async def test_a_type_that_is_not_for_order_systems_is_refused_before_it_is_sent(side: Side) -> None:
    event = new_event("order.status.requested", OrderStatusRequested(so_id="SO-1"), source=SOURCE)
    for type_ in ("supplier.callback.confirmed", "order.payed", "order.push.succeeded"):
        with pytest.raises(InvalidEvent, match=r"type: expected one of order\.cancelled, "):
            await side.relay.publish_event(event.model_copy(update={"type": type_}))
    assert await side.arrived() == []


async def test_an_event_larger_than_the_service_reads_is_refused_before_it_is_sent(side: Side) -> None:
    with pytest.raises(InvalidEvent, match="at most 262144 bytes"):
        await side.relay.sync_prices(product_codes=["P" * 60] * 5000)
    assert await side.arrived() == []


async def test_lines_are_sent_one_by_one_and_told_by_their_number(side: Side) -> None:
    good = [
        encode(new_event("order.status.requested", OrderStatusRequested(so_id=f"SO-{n}"), source=SOURCE))
        for n in range(40)
    ]
    odd_bytes = good[0].replace(b'{"specversion"', b'{ "specversion"')
    lines: list[bytes | str] = [
        odd_bytes + b"\n",
        b"\n",
        b"{not json\n",
        *good[1:20],
        good[20].decode(),
        b'{"type":"x"}',
        *good[21:],
    ]
    steps: list[Progress] = []
    outcomes = [o async for o in side.relay.publish_lines(lines, window=8, progress=steps.append)]
    assert [o.number for o in outcomes] == [1, *range(3, 44)]
    assert [o.number for o in outcomes if o.error is not None] == [3, 24]
    assert all(isinstance(o.error, InvalidEvent) for o in outcomes if o.error is not None)
    assert (steps[-1].read, steps[-1].confirmed, steps[-1].failed) == (42, 40, 2)
    arrived = await side.arrived()
    assert len(arrived) == 40
    assert odd_bytes in {a.body for a in arrived}


async def test_events_from_a_generator_are_streamed(side: Side) -> None:
    async def events() -> AsyncIterator[Event]:
        for number in range(25):
            yield new_event("order.status.requested", OrderStatusRequested(so_id=f"SO-{number}"), source=SOURCE)

    outcomes: list[Outcome] = [o async for o in side.relay.publish_events(events(), window=4)]
    assert [(o.number, o.error) for o in outcomes] == [(n, None) for n in range(1, 26)]
    assert [decode(a.body).subject for a in await side.arrived()] == [f"SO-{n}" for n in range(25)]


async def test_a_closed_client_says_so(side: Side) -> None:
    assert isinstance(side.relay, RelayPublisher | FakeRelay)
    await side.relay.close()
    with pytest.raises(BrokerAway, match="closed"):
        await side.relay.sync_balance()


@pytest.mark.parametrize("make", [FakeRelay, lambda source: RelayPublisher("amqp://127.0.0.1/", source=source)])
async def test_a_client_that_was_not_started_says_so(make: Callable[..., OrderSystemEvents]) -> None:
    with pytest.raises(RuntimeError, match="not started"):
        await make(source=SOURCE).sync_balance()

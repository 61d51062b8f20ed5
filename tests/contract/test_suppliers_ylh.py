"""Creating an order at YLH, against the sandbox over real HTTP, fault by fault (DESIGN section 6; SUPPLIERS, YLH)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from consumer.domain.errors import (
    Misconfigured,
    Rejected,
    SupplierError,
    Throttled,
    Unauthorised,
    UnknownOutcome,
)
from consumer.domain.ports import OrderArrived
from sandbox.config import SandboxConfig
from sandbox.testing import Box, running_sandbox
from tests.support.supplier_clients import (
    ONCE,
    Heard,
    cancel,
    create,
    order,
    ylh_client,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def box() -> AsyncIterator[Box]:
    async with running_sandbox() as running:
        yield running


@pytest.mark.parametrize("shape", ["envelope", "bare"])
@pytest.mark.parametrize("environment", ["dev", "pre", "prod"])
async def test_an_order_is_created_and_cancelled(shape: Any, environment: Any) -> None:
    async with running_sandbox(SandboxConfig(shape=shape, ylh_env=environment)) as box, ylh_client(box) as client:
        arrived = await create(client)
        await cancel(client)
        seen = await box.order("SO-1")
    assert arrived.retail_order_no == seen["retail_order_no"] is not None
    assert not arrived.by_duplicate
    assert (seen["creates"], seen["cancels"], seen["state"]) == (1, 1, "cancelled")


async def test_a_success_without_a_number_is_a_success(box: Box) -> None:
    await box.add_fault({"call": "ylh.create", "effect": "no_order_number"})
    async with ylh_client(box) as client:
        assert await create(client) == OrderArrived(None)


async def test_a_lost_answer_is_cleared_up_by_the_resend_within_the_same_call(box: Box) -> None:
    await box.add_fault({"call": "ylh.create", "nth": [1], "effect": "lost_answer"})
    async with ylh_client(box) as client:
        assert await create(client) == OrderArrived(None, by_duplicate=True)
    assert (await box.order("SO-1"))["creates"] == 1


async def test_a_lost_answer_is_cleared_up_by_a_later_call_that_says_so(box: Box) -> None:
    await box.add_fault({"call": "ylh.create", "nth": [1], "effect": "lost_answer"})
    async with ylh_client(box, policy=ONCE) as client:
        with pytest.raises(UnknownOutcome):
            await create(client)
        assert await create(client, unanswered=True) == OrderArrived(None, by_duplicate=True)
    assert (await box.order("SO-1"))["creates"] == 1


async def test_a_duplicate_that_proves_nothing_is_a_refusal(box: Box) -> None:
    async with ylh_client(box) as client:
        await create(client)
        with pytest.raises(Rejected) as caught:
            await create(client)
    assert caught.value.code == "already_at_supplier"
    assert caught.value.supplier_message == "子单号重复，请勿重复推送"
    assert caught.value.supplier_code == "20001"


async def test_a_text_about_goods_that_repeat_is_another_matter(box: Box) -> None:
    await box.add_fault({"call": "ylh.create", "effect": "refuse", "message": "商品编码重复"})
    async with ylh_client(box) as client:
        with pytest.raises(Rejected) as caught:
            await create(client, unanswered=True)
    assert caught.value.code == "refused"


async def test_a_503_is_sent_once_more(box: Box) -> None:
    heard = Heard("ylh")
    await box.add_fault({"call": "ylh.create", "nth": [1], "effect": "status", "status": 503})
    async with ylh_client(box, heard=heard) as client:
        assert (await create(client)).retail_order_no is not None
    assert heard.calls == {("token", "ok"): 1, ("create", "unknown_outcome"): 1, ("create", "ok"): 1}
    assert (await box.order("SO-1"))["creates"] == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"effect": "status", "status": 500},
        {"effect": "status", "status": 503},
        {"effect": "hang"},
        {"effect": "delay", "seconds": 2},
        {"effect": "late_effect", "seconds": 2},
        {"effect": "lost_answer"},
        {"effect": "reset"},
        {"effect": "broken_json"},
        {"effect": "other_shape"},
        {"effect": "other_shape", "body": "[]"},
        {"effect": "other_shape", "body": '{"success": true, "data": "SO.1"}'},
        {"effect": "truncate"},
        {"effect": "wrong_content_type"},
    ],
    ids=lambda fault: "-".join(str(value) for value in fault.values()),
)
async def test_whatever_follows_the_first_byte_and_is_no_readable_answer_leaves_a_create_unknown(
    box: Box, fault: dict[str, object]
) -> None:
    await box.add_fault({"call": "ylh.create"} | fault)
    async with ylh_client(box, policy=ONCE, call=0.3) as client:
        with pytest.raises(UnknownOutcome):
            await create(client)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"effect": "refuse", "code": "30009", "message": "库存不足"}, Rejected),
        ({"effect": "status", "status": 400}, Rejected),
        ({"effect": "status", "status": 403}, Unauthorised),
        ({"effect": "status", "status": 404}, Misconfigured),
        ({"effect": "status", "status": 405}, Misconfigured),
        ({"effect": "redirect", "location": "http://elsewhere.invalid/"}, Misconfigured),
        ({"effect": "status", "status": 429}, Throttled),
    ],
)
async def test_a_readable_no_is_not_sent_again(box: Box, fault: dict[str, object], kind: type[SupplierError]) -> None:
    heard = Heard("ylh")
    await box.add_fault({"call": "ylh.create"} | fault)
    async with ylh_client(box, heard=heard) as client:
        with pytest.raises(kind):
            await create(client)
    assert heard.calls["create", kind.error_class.value] == 1
    assert sum(heard.calls.values()) == 2


async def test_a_refusal_keeps_the_suppliers_words(box: Box) -> None:
    await box.add_fault({"call": "ylh.create", "effect": "refuse", "code": "30009", "message": "收货人张三信息有误"})
    async with ylh_client(box) as client:
        with pytest.raises(Rejected) as caught:
            await create(client)
    assert (caught.value.supplier_code, caught.value.supplier_message) == ("30009", "收货人张三信息有误")
    assert "张三" not in str(caught.value)


@pytest.mark.parametrize("after", [{"effect": "status", "status": 429}, {"effect": "status", "status": 403}])
async def test_an_unknown_outcome_stays_unknown_when_the_repeat_is_turned_away(
    box: Box, after: dict[str, object]
) -> None:
    await box.add_fault(
        {"call": "ylh.create", "nth": [1], "effect": "lost_answer"}, {"call": "ylh.create", "nth": [1]} | after
    )
    async with ylh_client(box) as client:
        with pytest.raises(UnknownOutcome):
            await create(client)
        await client.login()
        assert (await create(client, unanswered=True)).by_duplicate


@pytest.mark.parametrize(
    ("wish", "least", "most"),
    [("7", 7, 7), ("date", 3, 60), (None, None, None), ("Thu, 01 Jan 1970 00:00:00 GMT", 0, 0)],
)
async def test_429_says_how_long_to_rest(box: Box, wish: str | None, least: int | None, most: int | None) -> None:
    if wish == "date":
        wish = (datetime.now(UTC) + timedelta(seconds=30)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    await box.add_fault({"call": "ylh.create", "effect": "status", "status": 429, "retry_after": wish})
    async with ylh_client(box) as client:
        with pytest.raises(Throttled) as caught:
            await create(client)
    rest = caught.value.retry_after
    if rest is None or least is None or most is None:
        assert rest is None
        assert least is None
    else:
        assert timedelta(seconds=least) <= rest <= timedelta(seconds=most)


async def test_several_units_are_sent_or_refused_as_the_setting_says(box: Box) -> None:
    item = order().items[0].model_dump(mode="json") | {"quantity": 2}
    several = order(items=[item], total_amount="5799.00")
    for setting in ("off", "warn"):
        async with ylh_client(box, settings={"RELAY_YLH_SINGLE_UNIT": setting}) as client:
            assert b'"totalQty":2' in client.create_body(several)
    async with ylh_client(box, settings={"RELAY_YLH_SINGLE_UNIT": "reject"}) as client:
        client.create_body(order())
        with pytest.raises(Rejected) as caught:
            client.create_body(several)
    assert caught.value.code == "single_unit"


async def test_a_backlog_goes_through_a_hundred_at_once(box: Box) -> None:
    async with ylh_client(box) as client:
        await asyncio.gather(*(create(client, f"SO-{number}") for number in range(500)))
    assert (await box.summary())["creates"] == 500

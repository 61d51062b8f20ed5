"""Cancelling and rescheduling an order at YLH, and what a failure leaves open (DESIGN section 6; SUPPLIERS, YLH)."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import TYPE_CHECKING

import pytest

from consumer.domain.errors import (
    BooksUnavailable,
    CalledOff,
    Rejected,
    UnknownOutcome,
)
from sandbox.testing import Box, running_sandbox
from tests.support.supplier_clients import (
    ONCE,
    Heard,
    cancel,
    create,
    ylh_client,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from consumer.suppliers.ylh.client import YlhClient


@pytest.fixture
async def box() -> AsyncIterator[Box]:
    async with running_sandbox() as running:
        yield running


async def test_a_cancel_of_an_order_that_ylh_does_not_have(box: Box) -> None:
    async with ylh_client(box) as client:
        with pytest.raises(Rejected) as caught:
            await cancel(client, "SO-NEVER")
    assert (caught.value.code, caught.value.supplier_message) == ("order_unknown", "订单不存在")


async def test_a_cancel_refused_at_the_first_try_is_a_refusal(box: Box) -> None:
    async with ylh_client(box) as client:
        await create(client)
        await cancel(client)
        with pytest.raises(Rejected) as caught:
            await cancel(client)
    assert caught.value.code == "refused"


async def test_a_cancel_refused_only_after_a_lost_answer_stays_unknown(box: Box) -> None:
    await box.add_fault({"call": "ylh.cancel", "nth": [1], "effect": "lost_answer"})
    async with ylh_client(box) as client:
        await create(client)
        with pytest.raises(UnknownOutcome):
            await cancel(client)
    assert (await box.order("SO-1"))["cancels"] == 1


@pytest.mark.parametrize("effect", ["lost_answer", "broken_json", "other_shape", "hang"])
async def test_a_cancel_without_a_readable_answer_is_unknown(box: Box, effect: str) -> None:
    await box.add_fault({"call": "ylh.cancel", "effect": effect})
    async with ylh_client(box, policy=ONCE, call=0.3) as client:
        await create(client)
        with pytest.raises(UnknownOutcome):
            await cancel(client)


async def reschedule(client: YlhClient, number: str) -> None:
    body = client.reschedule_body(number, distribution_on=date(2026, 1, 9), install_on=None)
    await client.reschedule(number, body)


async def number_of(client: YlhClient) -> str:
    number = (await create(client)).retail_order_no
    assert number is not None
    return number


async def test_a_reschedule_whose_answer_was_lost_is_sent_again(box: Box) -> None:
    heard = Heard("ylh")
    await box.add_fault({"call": "ylh.reschedule", "nth": [1], "effect": "lost_answer"})
    async with ylh_client(box, heard=heard) as client:
        await reschedule(client, await number_of(client))
    assert (heard.calls["reschedule", "unknown_outcome"], heard.calls["reschedule", "ok"]) == (1, 1)
    assert (await box.order("SO-1"))["reschedules"] == 2


@pytest.mark.parametrize("effect", ["lost_answer", "broken_json", "other_shape", "hang"])
async def test_a_reschedule_without_a_readable_answer_is_unknown(box: Box, effect: str) -> None:
    await box.add_fault({"call": "ylh.reschedule", "effect": effect})
    async with ylh_client(box, policy=ONCE, call=0.3) as client:
        number = await number_of(client)
        with pytest.raises(UnknownOutcome):
            await reschedule(client, number)


@pytest.mark.parametrize(
    "after",
    [{"effect": "refuse", "message": "当前状态不能改约"}, {"effect": "status", "status": 429}],
    ids=lambda fault: str(fault["effect"]),
)
async def test_a_reschedule_turned_away_only_after_a_lost_answer_stays_unknown(
    box: Box, after: dict[str, object]
) -> None:
    await box.add_fault(
        {"call": "ylh.reschedule", "nth": [1], "effect": "lost_answer"}, {"call": "ylh.reschedule", "nth": [1]} | after
    )
    async with ylh_client(box) as client:
        number = await number_of(client)
        with pytest.raises(UnknownOutcome):
            await reschedule(client, number)


async def test_a_reschedule_refused_at_the_first_try_is_a_refusal(box: Box) -> None:
    async with ylh_client(box) as client:
        number = await number_of(client)
        await cancel(client)
        with pytest.raises(Rejected) as caught:
            await reschedule(client, number)
    assert (caught.value.code, caught.value.supplier_message) == ("refused", "订单已取消，不能改约")


class OutOfReach:
    """A quota whose database is gone after the first call."""

    def __init__(self) -> None:
        self.asked = 0

    async def take(self, within: float) -> bool:
        assert within >= 0
        self.asked += 1
        if self.asked > 1:
            raise BooksUnavailable("the database does not answer", code="database_unavailable")
        return True


async def test_an_unknown_outcome_outlives_a_quota_that_cannot_be_asked_for_the_repeat(box: Box) -> None:
    await box.add_fault({"call": "ylh.create", "nth": [1], "effect": "lost_answer"})
    async with ylh_client(box, quota=OutOfReach()) as client:
        with pytest.raises(UnknownOutcome):
            await create(client)
    assert (await box.order("SO-1"))["creates"] == 1


class Slots:
    """A quota that gives the first ``free`` slots, then none."""

    def __init__(self, free: int) -> None:
        self._free = free
        self.waiting = asyncio.Event()

    async def take(self, within: float) -> bool:
        self._free -= 1
        if self._free < 0:
            self.waiting.set()
            await asyncio.sleep(within)
        return True


@pytest.mark.parametrize("free", [0, 1], ids=["never sent", "sent once, unanswered"])
async def test_a_cancelled_call_says_whether_it_was_sent(box: Box, free: int) -> None:
    await box.add_fault({"call": "ylh.create", "effect": "lost_answer"})
    slots = Slots(free)

    async def made(client: YlhClient) -> type[BaseException] | None:
        try:
            await create(client)
        except asyncio.CancelledError as stop:
            return type(stop)
        return None

    async with ylh_client(box, quota=slots) as client:
        call = asyncio.create_task(made(client))
        await asyncio.wait_for(slots.waiting.wait(), 5)
        call.cancel()
        assert await call is (asyncio.CancelledError if free else CalledOff)
    assert (await box.summary())["orders"] == free

"""Four processes fight over ten orders, one of them killed now and then: never two calls for one order at once.

Each order gets many events at the same moment, most of them twice, which spread over all processes. What keeps them
apart is the lease in the order's row, and nothing else: they share no memory.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Final

import pytest

from consumer.domain.order import OrderState
from sandbox import CallbackConfig, SandboxConfig
from sandbox.testing import running_sandbox
from tests.support.crew import crewed
from tests.support.events import cancelled, event, paid
from tests.support.receiver import receiver_process
from tests.support.relay import eventually, system
from tests.support.sockets import free_port

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.relay import Relay

LATENCY: Final = 0.05
"""Seconds that every answer of the sandbox takes: two calls at once would end less than that apart."""
ORDERS: Final = [f"SO{number}" for number in range(10)]
DAYS: Final = [f"2026-12-{day:02d}" for day in range(1, 7)]
ENDINGS: Final = frozenset(
    {
        "order.push.succeeded",
        "order.superseded",
        "order.reschedule.succeeded",
        "order.cancel.accepted",
        "order.cancel.succeeded",
    }
)


def _events(so_id: str, *, cancel: bool) -> list[dict[str, Any]]:
    moves = [
        event(
            "order.rescheduled",
            {"so_id": so_id, "version": version, "distribution_on": day},
            event_id=f"moved-{so_id}-{version}",
            subject=so_id,
        )
        for version, day in enumerate(DAYS, 2)
    ]
    once = [paid(so_id), *moves, *([cancelled(so_id, version=99)] if cancel else [])]
    return [*once, *once]


async def _answered(relay: Relay, wanted: set[str]) -> bool:
    return wanted <= {result["correlationid"] for result in relay.results if result["type"] in ENDINGS}


@pytest.mark.timeout(240)
async def test_one_worker_at_a_time_on_an_order(amqp_url: str, database_url: str, tmp_path: Path) -> None:
    lots = random.Random(7)  # noqa: S311 - no secret
    events = [one for number, so_id in enumerate(ORDERS) for one in _events(so_id, cancel=number % 2 == 0)]
    lots.shuffle(events)
    wanted = {document["id"] for document in events}
    async with AsyncExitStack() as stack:
        # A create whose answer is lost is found by its duplicate, without the number that a reschedule needs: that
        # comes with the callback.
        port = free_port()
        callbacks = CallbackConfig(url=f"http://127.0.0.1:{port}/callbacks/ylh")
        sandbox = running_sandbox(SandboxConfig(latency=LATENCY, callbacks=callbacks))
        # Patient, so that what is slow on a busy machine is not dead-lettered: then it would have another end.
        patience = {"RELAY_SUPPLIER_TIMEOUT": "4s", "RELAY_RETRY_DELAYS": "200ms,500ms,1s,2s,4s"}
        settings = {**patience, "RELAY_CALLBACK_PORT": str(port)}
        relay = await stack.enter_async_context(system(amqp_url, database_url, sandbox, **settings))
        await stack.enter_async_context(receiver_process(tmp_path, relay.environment))
        crew = await stack.enter_async_context(crewed(relay, lots, tmp_path / "log"))
        await relay.send(*events)
        await asyncio.sleep(1)
        await crew.kill_one()
        await asyncio.sleep(1)
        await crew.kill_one()
        await eventually(lambda: _answered(relay, wanted), within=120)
        await crew.drain()
        ledger, summary, calls = await relay.box.ledger(), await relay.box.summary(), await relay.box.calls()
        books = await relay.store.orders(ORDERS)

    assert summary["doubled"] == 0
    for number, so_id in enumerate(ORDERS):
        page, order = ledger["orders"].get(so_id), books[so_id]
        if number % 2 == 0:
            assert order.state in {OrderState.CANCELLING, OrderState.CANCELLED}
            assert page is None or page["state"] in {"cancelled", "unknown"}
        else:
            assert (order.state, order.applied_version) == (OrderState.CONFIRMED, len(DAYS) + 1)
            assert (order.days.distribution_on, page["creates"]) == (DAYS[-1], 1)
        # At the supplier no call for an order began before the one before it had ended.
        numbers = {so_id, order.retail_order_no}
        ended = sorted(call["at"] for call in calls if call["call"].startswith("ylh.") and numbers & set(call["keys"]))
        gaps = [later - earlier for earlier, later in itertools.pairwise(ended)]
        assert all(gap > LATENCY * 0.8 for gap in gaps), (so_id, gaps)

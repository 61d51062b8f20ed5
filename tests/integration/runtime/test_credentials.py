"""Credentials that a supplier refuses, put right while we run: an alert, a pause that lifts itself, no order hurt."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from consumer.runtime.pauses import Fetching
from tests.support.events import paid
from tests.support.relay import serving, system

if TYPE_CHECKING:
    from pathlib import Path

    from consumer.bootstrap import Wiring
    from consumer.domain.delivery import Delivery, Settlement

ORDERS = 30
YLH = frozenset({"ylh", "database"})


def _attempts_of(wiring: Wiring) -> set[int]:
    """The attempts that deliveries of the orders' lane come with from now on."""
    attempts: set[int] = set()
    (orders,) = [one for one in wiring.subscribers if one.queue == "relay.orders"]
    handle = orders._handle

    async def noted(delivery: Delivery) -> Settlement:
        attempts.add(delivery.attempt)
        return await handle(delivery)

    orders._handle = noted
    return attempts


@pytest.mark.parametrize(
    ("call", "status"),
    [("ylh.token", 401), ("ylh.create", 401), ("ylh.create", 403)],
    ids=["the login is refused", "a fresh token is refused", "our address is not on the list"],
)
async def test_refused_credentials_pause_the_lane_until_they_are_right(
    call: str, status: int, amqp_url: str, tmp_path: Path
) -> None:
    async with (
        system(
            amqp_url,
            f"sqlite+aiosqlite:///{tmp_path}/relay.db",
            RELAY_PROBE_FIRST="300ms",
            RELAY_PROBE_LONGEST="600ms",
        ) as relay,
        serving(relay) as wiring,
    ):
        attempts = _attempts_of(wiring)
        calls = [call] if call == "ylh.token" else [call, "ylh.logistics"]
        await relay.box.add_fault(*({"call": one, "effect": "status", "status": status} for one in calls))
        await relay.send(*[paid(f"SO{number}") for number in range(ORDERS)])

        def gauge(name: str, **labels: str) -> float | None:
            return wiring._observer.registry.get_sample_value(name, labels)

        await relay.until(lambda: gauge("relay_supplier_alert", supplier="ylh", error_class="auth") == 1)
        assert gauge("relay_lane_paused", lane="relay.orders") == 1
        assert gauge("relay_lane_paused", lane="relay.catalog") == 0
        await asyncio.sleep(2)
        assert wiring.pauses.fetching(YLH) is Fetching.PAUSED
        assert gauge("relay_supplier_alert", supplier="ylh", error_class="auth") == 1
        assert not relay.results

        await relay.box.clear_faults()
        await relay.until(lambda: len(relay.of("order.push.succeeded")) == ORDERS)
        assert wiring.pauses.fetching(YLH) is Fetching.FULL
        assert gauge("relay_supplier_alert", supplier="ylh", error_class="auth") == 0
        assert gauge("relay_lane_paused", lane="relay.orders") == 0
        assert attempts == {1}, "an attempt was spent"
        assert not relay.of("order.push.failed")
        assert not relay.of("event.dead_lettered")
        assert (await relay.box.summary())["doubled"] == 0

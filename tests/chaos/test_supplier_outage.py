"""A supplier goes down with 500 orders waiting and comes back: it is spared, no order pays for it, the rest runs on.

``OUTAGE_SECONDS=60`` makes the outage as long as a real one; here it is short, and so are the probes' intervals.
``pytest -rP`` shows what was counted.
"""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from consumer.bootstrap.pausing import CallWatch
from consumer.domain.delivery import ATTEMPT
from consumer.runtime.pauses import Change
from consumer.suppliers.circuit import is_open
from rabbitmq.connection import connect
from rabbitmq.delays import parse_delays
from rabbitmq.topology import retry_queue
from sandbox.testing import running_sandbox
from tests.support.events import CODE, event, paid
from tests.support.relay import Relay, serving, system

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from aio_pika.abc import AbstractIncomingMessage

    from consumer.bootstrap import Wiring

OUTAGE = float(os.environ.get("OUTAGE_SECONDS", "8"))
ORDERS = 500
DELAYS = "500ms,1s,2s,4s"
LONGEST_PROBE = "3s" if OUTAGE > 20 else "1s"
MOST_CALLS = 30
BACK_WITHIN = 15.0


@dataclass(frozen=True)
class Call:
    began: float
    ended: float
    operation: str
    outcome: str


@dataclass
class Watch:
    """What was called and when, what went round, when the circuit opened."""

    calls: list[Call] = field(default_factory=list)
    attempts: dict[str, int] = field(default_factory=dict)
    opened: list[float] = field(default_factory=list)

    def between(self, since: float, until: float) -> list[Call]:
        return [call for call in self.calls if since <= call.began < until]


@asynccontextmanager
async def watching(relay: Relay, wiring: Wiring, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watch]:
    watch = Watch()
    hear = CallWatch.supplier_call

    def heard(
        self: CallWatch, supplier: str, operation: str, outcome: str, *, seconds: float, status: int | None
    ) -> None:
        now = time.monotonic()
        if supplier == "ylh":
            watch.calls.append(Call(now - seconds, now, operation, outcome))
        hear(self, supplier, operation, outcome, seconds=seconds, status=status)

    monkeypatch.setattr(CallWatch, "supplier_call", heard)
    tell = wiring.pauses._on_change

    def told(resource: str, change: Change) -> None:
        pause = wiring.pauses.pause_of(resource)
        if change is Change.RESTS and pause is not None and is_open(pause.cause):
            watch.opened.append(time.monotonic())
        assert tell is not None
        tell(resource, change)

    wiring.pauses._on_change = told

    async def take(incoming: AbstractIncomingMessage) -> None:
        attempt = incoming.headers[ATTEMPT]
        assert isinstance(attempt, int)
        assert incoming.message_id is not None
        watch.attempts[incoming.message_id] = max(attempt, watch.attempts.get(incoming.message_id, 0))

    connection = await connect(relay.settings.broker.amqp_url.get_secret_value(), name="tap")
    async with connection, connection.channel() as channel:
        queue = await channel.declare_queue(exclusive=True)
        for delay in parse_delays(DELAYS):
            await queue.bind(retry_queue(delay), "")
        await queue.consume(take, no_ack=True)
        yield watch


@asynccontextmanager
async def broken(relay: Relay, how: str) -> AsyncIterator[None]:
    """YLH down for the length of the block."""
    match how:
        case "refuses":
            await relay.box.refuse_connects()
        case "hangs":
            await relay.box.add_fault({"supplier": "ylh", "effect": "hang"})
        case _:
            await relay.box.add_fault({"supplier": "ylh", "effect": "status", "status": 503})
    yield
    if how == "refuses":
        await relay.box.accept_connects()
    else:
        await relay.box.clear_faults()


@pytest.mark.timeout(60 + 3 * OUTAGE)
@pytest.mark.parametrize("how", ["refuses", "hangs", "answers 503"])
async def test_an_outage_costs_few_calls_and_few_attempts_and_nobody_else_anything(
    how: str,
    amqp_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with AsyncExitStack() as stack:
        goods = await stack.enter_async_context(running_sandbox())
        await goods.add_fault({"call": "haier.products", "effect": "delay", "seconds": 0.1})
        relay = await stack.enter_async_context(
            system(
                amqp_url,
                f"sqlite+aiosqlite:///{tmp_path}/relay.db",
                **{name: value for name, value in goods.environment().items() if name.startswith("HAIER_")},
                RELAY_RETRY_DELAYS=DELAYS,
                RELAY_PROBE_FIRST="500ms",
                RELAY_PROBE_LONGEST=LONGEST_PROBE,
                RELAY_SUPPLIER_TIMEOUT="2s",
                RELAY_TOKEN_TIMEOUT="2s",
                RELAY_PRODUCT_CACHE="off",
            )
        )
        wiring = await stack.enter_async_context(serving(relay))
        watch = await stack.enter_async_context(watching(relay, wiring, monkeypatch))
        await relay.send(paid("SO-WARM"))
        await relay.result("order.push.succeeded", "SO-WARM")
        syncs = int(40 * (OUTAGE + BACK_WITHIN + 10))
        await relay.send(*[_sync(number) for number in range(syncs)])
        before = await _rate(relay, 3)
        async with broken(relay, how):
            down = time.monotonic()
            await relay.send(*[paid(f"SO{number}") for number in range(ORDERS)])
            during = await _rate(relay, OUTAGE - (time.monotonic() - down))
            assert len(relay.of("order.push.succeeded")) == 1
        back = time.monotonic()
        await relay.until(lambda: len(relay.of("order.push.succeeded")) == ORDERS + 1, within=BACK_WITHIN)
        took = time.monotonic() - back
        after = await _rate(relay, 3)
        assert _synced(relay) < syncs, "there was always something to sync"
        summary = await relay.box.summary()

    opened = watch.opened[0]
    in_flight = [call for call in watch.calls if down <= call.began < opened and call.outcome != "ok"]
    beyond = watch.between(opened, back)
    spent = {id_: attempt for id_, attempt in watch.attempts.items() if attempt > 1}
    told = (
        f"{how}: open after {opened - down:.2f} s, {len(in_flight)} calls before or in flight, {len(beyond)} beyond in "
        f"{OUTAGE:g} s, {len(spent)} of {ORDERS} spent an attempt, all done {took:.1f} s after; "
        f"syncs a second {before:.1f} before, {during:.1f} meanwhile, {after:.1f} after"
    )
    print(told)  # noqa: T201 - what was counted, for `pytest -rP`
    assert len(beyond) <= MOST_CALLS, told
    assert len(spent) <= len(in_flight), told
    assert set(spent.values()) <= {2}, told
    # Three seconds before and after are a short yardstick, and the machine has other tests to run: the bound is wide.
    assert during >= 0.5 * min(before, after), told
    assert not relay.of("event.dead_lettered")
    assert not relay.of("order.push.failed")
    assert (summary["orders"], summary["doubled"]) == (ORDERS + 1, 0)


def _sync(number: int) -> dict[str, object]:
    return event("sync.products.requested", {"product_codes": [CODE]}, event_id=f"sync-{number}")


def _synced(relay: Relay) -> int:
    return len([told for told in relay.of("sync_log.recorded") if told["data"]["sync_type"] == "products"])


async def _rate(relay: Relay, seconds: float) -> float:
    """Syncs that are done a second, over the next ``seconds``."""
    began, done = time.monotonic(), _synced(relay)
    await asyncio.sleep(seconds)
    return (_synced(relay) - done) / (time.monotonic() - began)

"""A stored account is activated while the service works: taken up in ten seconds, nothing in flight is dropped."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from consumer.accounts.choosing import rules_of
from consumer.accounts.desk import AccountDesk, Deed
from consumer.accounts.sealing import Vault, new_key
from consumer.settings import load
from sandbox.config import SandboxConfig
from sandbox.credentials import SANDBOX
from sandbox.testing import Box, running_sandbox
from tests.support.events import event
from tests.support.relay import Relay, serving, system

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

KEY, OTHER_KEY = new_key(), new_key()
CUSTOMER = "8800000099"
PROMISED = 10.0


@asynccontextmanager
async def world(amqp_url: str, database_url: str, **settings: str) -> AsyncIterator[tuple[Relay, Box]]:
    """A system with a key, and a second Haier that knows another customer only."""
    another = replace(SANDBOX, haier_client_id="another-client", haier_customer_code=CUSTOMER)
    async with (
        running_sandbox(SandboxConfig(credentials=another)) as box,
        system(amqp_url, database_url, RELAY_SECRET_KEY=KEY, **settings) as relay,
    ):
        yield relay, box


def config_of(box: Box, **changes: Any) -> dict[str, Any]:
    ours = {name.removeprefix("HAIER_").lower(): value for name, value in box.environment().items() if "HAIER_" in name}
    return {**ours, **changes}


def desk(relay: Relay, key: str = KEY) -> AccountDesk:
    return AccountDesk(relay.store.accounts, Vault([SecretStr(key)]), rules_of(relay.settings))


def deed() -> Deed:
    return Deed("test@here", datetime.now(UTC), "a test")


def wanted(number: int) -> dict[str, Any]:
    # Of each twenty of the sandbox's goods the eighth cannot be ordered.
    place = [place for place in range(200) if place % 20 != 7][number % 190]
    return event("sync.products.requested", {"product_codes": [f"BX{place + 1:07}"]}, event_id=f"sync-{number}")


async def calls(box: Box) -> int:
    return int((await box.ledger())["calls"].get("haier.products", 0))


async def test_an_account_is_taken_up_while_syncs_run_and_none_is_dropped(amqp_url: str, database_url: str) -> None:
    # Without a memory for products each sync makes its call.
    async with world(amqp_url, database_url, RELAY_PRODUCT_CACHE="off") as (relay, another), serving(relay):
        await relay.box.add_fault({"call": "haier.products", "effect": "delay", "seconds": 1.5, "every": 3})
        account = (await desk(relay).set("another", config_of(another), deed())).account
        sent = 0
        activated: float | None = None
        switched: float | None = None
        began = time.monotonic()
        while switched is None or time.monotonic() - switched < 2:
            await relay.send(wanted(sent))
            sent += 1
            await asyncio.sleep(0.1)
            if activated is None and time.monotonic() - began > 1:
                await desk(relay).activate("another", deed())
                activated = time.monotonic()
            if activated is not None and switched is None and await calls(another):
                switched = time.monotonic()
            assert activated is None or switched is not None or time.monotonic() - activated < PROMISED
        before = await calls(relay.box)
        await relay.until(lambda: len(relay.of("sync.completed")) == sent, within=30)
        logs = [result["data"]["sync_log"] for result in relay.of("sync.completed")]
        assert {row["status"] for row in logs} == {"success"}
        assert relay.of("event.dead_lettered") == []
        used = {row["config_id"] for row in logs}
        assert used == {None, account.id}
        # What was in flight ended where it had begun: no call was made twice, and nobody calls the old account now.
        assert await calls(relay.box) + await calls(another) == sent
        assert await calls(relay.box) == before
        for box in (relay.box, another):
            assert {status for answers in (await box.ledger())["statuses"].values() for status in answers} == {"200"}


async def test_what_cannot_be_decrypted_is_not_taken_up_and_what_is_mended_is(amqp_url: str, database_url: str) -> None:
    async with world(amqp_url, database_url) as (relay, another), serving(relay) as wiring:
        await relay.send(wanted(1))
        await relay.result("sync.completed")
        await desk(relay, OTHER_KEY).set("another", config_of(another), deed())
        await desk(relay, OTHER_KEY).activate("another", deed())
        await relay.until(lambda: wiring.suppliers.haier.trouble is not None, within=PROMISED)
        await relay.send(wanted(2))
        await relay.result("sync.completed", count=2)
        assert await calls(another) == 0
        await desk(relay).set("another", config_of(another), deed())
        await relay.until(lambda: wiring.suppliers.haier.trouble is None, within=PROMISED)
        await relay.send(wanted(3))
        await relay.result("sync.completed", count=3)
        assert await calls(another) == 1
        # Whoever reads the log or a mask from now on sees the secrets of neither.
        assert wiring.mask(f"it was {SANDBOX.haier_client_secret}") == "it was ***"


async def test_a_lane_that_rests_for_a_refused_account_goes_on_with_the_next_one_at_once(
    amqp_url: str, database_url: str
) -> None:
    async with world(amqp_url, database_url, RELAY_PROBE_FIRST="5m") as (relay, another):
        await desk(relay).set("wrong", config_of(another, client_secret="another-secret-than-that"), deed())
        await desk(relay).activate("wrong", deed())
        async with serving(relay) as wiring:
            await relay.send(wanted(1))
            await relay.until(lambda: wiring.pauses.pause_of("haier") is not None)
            assert wiring.mask("another-secret-than-that") == "***"
            await desk(relay).set("wrong", config_of(another), deed())
            done = await relay.result("sync.completed")
            assert done["data"]["sync_log"]["status"] == "success"
            assert relay.of("event.dead_lettered") == []


async def test_without_any_account_syncs_wait_until_there_is_one(amqp_url: str, database_url: str) -> None:
    async with world(amqp_url, database_url, RELAY_PROBE_FIRST="5m") as (relay, another):
        relay.settings = load({**relay.environment, "HAIER_CLIENT_ID": ""}, None, need=("broker", "database", "ylh"))
        async with serving(relay) as wiring:
            await relay.send(wanted(1))
            await relay.until(lambda: wiring.pauses.pause_of("haier") is not None)
            pause = wiring.pauses.pause_of("haier")
            assert pause is not None
            assert "relay config activate" in pause.cause.message
            await desk(relay).set("first", config_of(another), deed())
            await desk(relay).activate("first", deed())
            assert (await relay.result("sync.completed"))["data"]["sync_log"]["status"] == "success"

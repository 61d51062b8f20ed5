"""The sandbox calls our receiver back: two programs that share no code read SUPPLIERS alike."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any

import httpx

from rabbitmq.connection import connect
from sandbox import CallbackConfig, SandboxConfig
from sandbox.calling import Caller
from sandbox.testing import running_sandbox
from schemas.codec import decode
from tests.support.receiver import receiver_process
from tests.support.relay import Relay, system
from tests.support.sockets import free_port

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ORDERS = 40
DECISION_OF: Mapping[tuple[str, int], str] = {
    ("supplier.callback.confirmed", 1): "confirmed",
    ("supplier.callback.confirmed", 0): "refused",
    ("supplier.callback.out_of_stock", 1): "out_of_stock",
    ("supplier.callback.cancelled", 1): "cancelled",
    ("supplier.callback.cancelled", 0): "cancel_refused",
    ("supplier.callback.cancelled", 2): "settled",
}


async def _events(relay: Relay) -> list[bytes]:
    """All that waits in the lane of callbacks."""
    bodies: list[bytes] = []
    connection = await connect(relay.settings.broker.amqp_url.get_secret_value(), name="test: reading")
    async with connection, connection.channel() as channel:
        queue = await channel.get_queue("relay.callbacks", ensure=False)
        while (message := await queue.get(no_ack=True, fail=False)) is not None:
            bodies.append(message.body)
    return bodies


def _told(body: bytes) -> tuple[str, str, str]:
    """The order, the decision and its moment, as the event has them."""
    document: dict[str, Any] = json.loads(body)
    data = document["data"]
    moment = datetime.fromisoformat(data["occurred_at"])
    return data["platform_order_no"], DECISION_OF[document["type"], data["state"]], f"{moment:%Y%m%d%H%M%S}"


async def test_every_decision_of_ylh_becomes_one_event_and_nothing_else_does(amqp_url: str, tmp_path: Path) -> None:
    port = free_port()
    manners = CallbackConfig(
        url=f"http://127.0.0.1:{port}/callbacks/ylh",
        delay=(0, 0.3), refused=0.2, out_of_stock=0.3, intercepted=0.2, cancel_refused=0.3,
        settled=0.5, twice=0.5, overtaken=0.3, patience=0.5, early=0.3, foreign=0.1, forged=0.3, stale=0.3, seed=5,
    )  # fmt: skip
    supplier = running_sandbox(SandboxConfig(callbacks=manners))
    database_url = f"sqlite+aiosqlite:///{tmp_path}/relay.db"
    async with system(amqp_url, database_url, supplier, RELAY_CALLBACK_PORT=str(port)) as relay:
        async with receiver_process(tmp_path, relay.environment), httpx.AsyncClient(base_url=relay.box.url) as client:
            caller = Caller(relay.box, client)
            await caller.login()
            for number in range(ORDERS):
                assert (await caller.create(f"SO-{number}")).json()["success"]
                if number % 2:
                    await caller.cancel(f"SO-{number}")
            await relay.box.said_all()
            told, ledger = await relay.box.callbacks(), await relay.box.ledger()
        bodies = await _events(relay)
        letters = await relay.store.open_letters(100)

    kinds: dict[str, dict[str, int]] = told["kinds"]
    assert {kind: set(outcomes) for kind, outcomes in kinds.items() if kind in {"true", "repeated", "foreign"}} == {
        "true": {"200 taken"}, "repeated": {"200 taken"}, "foreign": {"200 taken"},
    }  # fmt: skip
    assert all(outcome.endswith("refused") for kind in ("forged", "stale") for outcome in kinds[kind])
    assert {letter.code for letter in letters} == {"outside_window"}
    assert len(letters) == sum(kinds["stale"].values())

    # A repetition is the same bytes.
    assert len(bodies) == sum(kinds[kind]["200 taken"] for kind in ("true", "repeated", "foreign"))
    distinct = {decode(body).id: body for body in bodies}
    assert len(set(bodies)) == len(distinct)
    ours = [told for told in map(_told, distinct.values()) if not told[0].startswith("NEVER-")]
    decided = [
        (so_id, made["word"], made["timestamp"])
        for so_id, page in ledger["orders"].items()
        for made in page["decisions"]
    ]
    assert Counter(ours) == Counter(decided)
    assert {word for _, word, _ in decided} == set(DECISION_OF.values()), "every kind of callback was among them"

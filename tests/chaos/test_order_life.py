"""Whatever order the messages come in, whoever crashes: our picture of each order and the supplier's agree.

Orders with random versions, duplicates, corrections, overtaking cancels and reschedules; callbacks at random times,
twice, out of order, before the create answered, forged, stale, for orders never sent, through the real receiver; faults
in every tenth call; four consumer processes of which one is killed every few seconds.

``ORDER_LIVES=2000`` makes it as large as it was meant; ``ORDER_LIFE_SEED`` draws another run. A failure names its seed.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from rabbitmq.connection import connect
from rabbitmq.topology import UNCLAIMED, Topology
from sandbox import CallbackConfig, Rule, SandboxConfig
from sandbox.testing import running_sandbox
from tests.support.crew import Crew, crewed
from tests.support.order_answers import Answers
from tests.support.order_lives import Plan, planned
from tests.support.order_truth import disagreements, history
from tests.support.receiver import receiver_process
from tests.support.relay import Relay, system
from tests.support.sockets import free_port

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from consumer.domain.writes import Letter

ORDERS = int(os.environ.get("ORDER_LIVES", "120"))
SEED = int(os.environ.get("ORDER_LIFE_SEED", "1122"))
SENT_WITHIN = max(6.0, ORDERS / 30)
WITHIN = 90 + ORDERS / 5
"""Seconds until all has come to its end; leases of the killed take half a minute of them."""
KILL_EVERY = 4.0

SETTINGS: Mapping[str, str] = {
    "RELAY_SUPPLIER_TIMEOUT": "2s",
    "RELAY_TOKEN_TIMEOUT": "2s",
    "RELAY_RETRY_DELAYS": "200ms,500ms,1s,2s,4s",
    "RELAY_PROBE_FIRST": "500ms",
    "RELAY_PROBE_LONGEST": "1s",
}
FAULTS: Mapping[str, tuple[float, Mapping[str, object]]] = {
    "503": (0.05, {"effect": "status", "status": 503}),
    "lost": (0.03, {"effect": "lost_answer"}),
    "broken": (0.015, {"effect": "broken_json"}),
    "429": (0.005, {"effect": "status", "status": 429, "retry_after": 0}),
}
"""Share of all changing calls, and what happens to them: one in ten."""
CALLS_FOR_A_TOKEN = 150

PENDING = "SELECT count(*) FROM outbox WHERE status = 'pending'"
LEASED = "SELECT count(*) FROM orders WHERE lease_until IS NOT NULL"

PERMITTED = {
    "refused": "YLH turned down a cancel or a reschedule of an order that it had ended itself",
    "refused_on_resend": "the same, of a reschedule whose first answer was lost",
    "cancel_refused": "YLH said by callback that a cancel failed, before its lost answer was asked for again",
    "already_settled": "a cancel or a reschedule that came after YLH's quantities",
    "order_refused": "a reschedule of an order that YLH does not deliver",
    "unmatched": "a callback for an order that nobody sent",
    "outside_window": "a callback signed a month ago",
}
"""Codes of letters that may be open at the end, and why."""


def _manners(port: int) -> CallbackConfig:
    return CallbackConfig(
        url=f"http://127.0.0.1:{port}/callbacks/ylh", delay=(0.0, 3.0), seed=SEED,
        refused=0.08, out_of_stock=0.15, intercepted=0.12, cancel_refused=0.2, settled=0.3,
        twice=0.2, overtaken=0.2, early=0.2, foreign=0.04, forged=0.05, stale=0.03,
    )  # fmt: skip


def _faults() -> tuple[Rule, ...]:
    """The first rule that hits a call has its effect: each later one draws among what is left."""
    rules = [{"call": "ylh.create", "every": CALLS_FOR_A_TOKEN, "effect": "revoke_tokens"}]
    left = 1.0
    for number, (share, fault) in enumerate(FAULTS.values()):
        rules += [
            {"call": call, "probability": share / left, "seed": SEED + number, **fault}
            for call in ("ylh.create", "ylh.cancel", "ylh.reschedule")
        ]
        left -= share
    return tuple(Rule.model_validate(rule) for rule in rules)


async def _send(relay: Relay, plan: Plan) -> None:
    clock = asyncio.get_running_loop().time
    began = clock()
    for sending in plan.sendings:
        await asyncio.sleep(max(0.0, began + sending.at - clock()))
        await relay.send(sending.document)


async def _kill(crew: Crew) -> None:
    while True:
        await asyncio.sleep(KILL_EVERY)
        await crew.kill_one()


async def _left(relay: Relay) -> dict[str, int]:
    """Messages in each queue that has any, but for results that nobody has to claim."""
    found: dict[str, int] = {}
    connection = await connect(relay.settings.broker.amqp_url.get_secret_value(), name="test: counting")
    async with connection, connection.channel() as channel:
        for queue in Topology.build(relay.settings.broker.retry_delays).queues:
            declared = await channel.declare_queue(queue.name, passive=True)
            if declared.declaration_result.message_count and queue.name != UNCLAIMED:
                found[queue.name] = declared.declaration_result.message_count
    return found


async def _counted(relay: Relay, *statements: str) -> list[int]:
    engine = create_async_engine(relay.settings.database.url.get_secret_value())
    try:
        async with engine.connect() as connection:
            return [int((await connection.execute(text(statement))).scalar_one()) for statement in statements]
    finally:
        await engine.dispose()


async def _letters(relay: Relay) -> list[Letter]:
    return await relay.store.open_letters(10 * ORDERS)


async def _callbacks_left(relay: Relay) -> int:
    """Distinct callbacks that the receiver took and that are neither done nor parked."""
    kinds = (await relay.box.callbacks())["kinds"]
    if "true" not in kinds:
        return 0
    assert set(kinds["true"]) == {"200 taken"}, f"the receiver turned YLH away: {kinds['true']}"
    taken: int = kinds["true"]["200 taken"] + kinds.get("foreign", {}).get("200 taken", 0)
    (done,) = await _counted(relay, "SELECT count(*) FROM inbox WHERE type LIKE 'supplier.callback.%'")
    parked = [
        letter for letter in await _letters(relay) if letter.lane == "relay.callbacks" and letter.code == "unmatched"
    ]
    return taken - done - len(parked)


async def _ended(relay: Relay, answers: Answers, sending: asyncio.Task[None]) -> str | None:
    """What is still to come; None: nothing."""
    if not sending.done():
        return "events to be sent"
    sending.result()
    missing = answers.missing(await _letters(relay))
    if missing:
        return f"{len(missing)} events have neither result nor letter: {sorted(missing)[:20]}"
    if pending := (await relay.box.callbacks())["pending"]:
        return f"{pending} callbacks are not sent yet"
    if waiting := await _callbacks_left(relay):
        return f"{waiting} callbacks are neither done nor parked"
    if pending := (await _counted(relay, PENDING))[0]:
        return f"{pending} messages are in the outbox: the claims of the killed run out"
    left = await _left(relay)
    return f"messages are left: {left}" if left else None


async def _until_ended(relay: Relay, answers: Answers, crew: Crew, sending: asyncio.Task[None]) -> None:
    clock = asyncio.get_running_loop().time
    deadline = clock() + SENT_WITHIN + WITHIN
    killing = asyncio.create_task(_kill(crew))
    try:
        while (still := await _ended(relay, answers, sending)) is not None:
            letters = await _letters(relay)
            assert _unexplained(letters) == [], f"seed {SEED}"
            assert clock() < deadline, f"seed {SEED}: {still}; letters: {_codes(letters)}"
            if killing.done():
                killing.result()
            await asyncio.sleep(0.5)
    finally:
        killing.cancel()
        sending.cancel()
        await asyncio.gather(killing, sending, return_exceptions=True)


def _codes(letters: list[Letter]) -> dict[str, int]:
    return dict(Counter(f"{letter.type} {letter.code}" for letter in letters))


def _shown(relay: Relay, pages: Mapping[str, Mapping[str, Any]], differing: list[str]) -> str:
    """Disagreements with the lives of the first few orders that they are about."""
    so_ids = list(dict.fromkeys(difference.partition(":")[0] for difference in differing))[:3]
    lives = [line for so_id in so_ids for line in (so_id, *history(relay.results, so_id), str(pages.get(so_id)))]
    return "\n".join((*differing, *lives))


def _unexplained(letters: list[Letter]) -> list[str]:
    return [
        f"{letter.subject} {letter.type} {letter.error_class}/{letter.code}: {letter.message}"
        for letter in letters
        if letter.code not in PERMITTED
    ]


@pytest.mark.timeout(SENT_WITHIN + WITHIN + 120)
async def test_books_and_supplier_agree_on_every_order(amqp_url: str, database_url: str, tmp_path: Path) -> None:
    plan = planned(SEED, ORDERS, seconds=SENT_WITHIN)
    assert plan.sendings == planned(SEED, ORDERS, seconds=SENT_WITHIN).sendings, "a seed reproduces the plan"
    port = free_port()
    supplier = running_sandbox(SandboxConfig(callbacks=_manners(port), faults=_faults()))
    async with AsyncExitStack() as stack:
        relay = await stack.enter_async_context(
            system(amqp_url, database_url, supplier, **SETTINGS, RELAY_CALLBACK_PORT=str(port))
        )
        await stack.enter_async_context(receiver_process(tmp_path, relay.environment))
        crew = await stack.enter_async_context(crewed(relay, random.Random(SEED), tmp_path / "log"))  # noqa: S311 - no secret
        answers = Answers(relay, plan)
        sending = asyncio.create_task(_send(relay, plan))
        await _until_ended(relay, answers, crew, sending)
        await crew.drain()
        await _assert_right(relay, plan, answers)
        told = await relay.box.callbacks()
        summary = await relay.box.summary()
        fired = sum(rule["fired"] for rule in await relay.box.faults())
    print(  # noqa: T201 - what was withstood, for `pytest -rP`
        f"seed {SEED}: {ORDERS} orders, {len(plan.events)} events sent {len(plan.sendings)} times, "
        f"{crew.kills} kills, {fired} faults, callbacks {told['kinds']}, calls {summary['operations']}"
    )
    assert crew.kills >= SENT_WITHIN // (2 * KILL_EVERY)
    changing = sum(summary["operations"][call] for call in ("ylh.create", "ylh.cancel", "ylh.reschedule"))
    assert fired >= changing / 20, f"{fired} of {changing} calls were hit: it was to be one in ten"


async def _assert_right(relay: Relay, plan: Plan, answers: Answers) -> None:
    seed = f"seed {SEED}"
    letters, ledger, summary = await _letters(relay), await relay.box.ledger(), await relay.box.summary()
    pages = {so_id: page for so_id, page in ledger["orders"].items() if not so_id.startswith("NEVER-")}
    books = await relay.store.orders(plan.so_ids)
    kinds = (await relay.box.callbacks())["kinds"]

    # Drained, by whoever looks.
    assert not await _left(relay), seed
    assert await _counted(relay, PENDING, LEASED) == [0, 0], seed

    # Ledger and books.
    assert (summary["doubled"], set(pages) <= set(plan.so_ids)) == (0, True), seed
    differing = disagreements(pages, books)
    assert differing == [], f"{seed}: {_shown(relay, pages, differing)}"

    # One answer for each event, and every open letter explained.
    assert _unexplained(letters) == [], seed
    answers.read()
    twice = {event_id: sorted(found.values()) for event_id, found in answers.by_event.items() if len(found) > 1}
    assert twice == {}, seed
    codes = Counter(letter.code for letter in letters)
    assert codes["unmatched"] == sum(kinds.get("foreign", {}).values()), seed
    assert codes["outside_window"] == sum(kinds.get("stale", {}).values()), seed
    assert all(outcome.endswith("refused") for outcome in kinds.get("forged", {})), seed

    # No result of an order is missing, and no two share a place in its history.
    for so_id, order in books.items():
        sequences = sorted(answers.by_order.get(so_id, {}).values())
        counted = [sequence for sequence in sequences if sequence]
        whole = list(range(1, order.sequence + 1))
        assert counted == whole, f"{seed}: {_shown(relay, pages, [f'{so_id}: {order.sequence} results, {sequences}'])}"

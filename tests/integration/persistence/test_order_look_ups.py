"""What is asked of orders now and then costs the same however many there are: each look goes through an index."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from consumer.domain.order import Order, OrderState
from consumer.domain.writes import SaveOrder, UnitOfWork
from consumer.persistence import scrubbing
from tests.integration.persistence.making import NOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from consumer.persistence.store import Store
    from consumer.persistence.stories import Stories

GIVEN: dict[str, Any] = {
    "so_id": "SO-1",
    "online_no": "ON-1",
    "event_ids": ["e1"],
    "number": "R-1",
    "mobile_end": "5678",
    "state": "pushed",
    "age": 1000,
    "limit": 10,
    "before": NOW,
}


async def _plan(store: Store, statement: Any) -> str:
    """Return how the database would go about ``statement``; PostgreSQL must not prefer to read a small table whole."""

    def ask(connection: Connection) -> str:
        names = statement.compile(dialect=connection.dialect).params
        told = statement.params({name: value for name, value in GIVEN.items() if name in names}).compile(
            dialect=connection.dialect, compile_kwargs={"literal_binds": True}
        )
        if connection.dialect.name == "sqlite":
            return str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {told}").fetchall())
        connection.exec_driver_sql("SET enable_seqscan = off")
        return str(connection.exec_driver_sql(f"EXPLAIN {told}").fetchall())

    return await store._database.read(ask)


@pytest.mark.parametrize(
    ("statement", "indexes"),
    [
        (lambda stories: stories._events, {"ix_inbox_subject"}),
        (lambda stories: stories._messages, {"ix_outbox_event_id"}),
        (lambda stories: stories._letters, {"ix_dead_letters_subject"}),
        (
            lambda stories: stories._found,
            {"ix_orders_online_no", "ix_orders_retail_order_no", "ix_orders_ext_order_no"},
        ),
        (lambda stories: stories._of_mobile, {"ix_orders_mobile_end"}),
        (lambda stories: stories._listed, {"ix_orders_state_state_at"}),
        (lambda stories: stories._oldest, {"ix_orders_state_state_at"}),
        (lambda _: scrubbing.DUE_ENDED, {"ix_orders_customer_ended"}),
        (lambda _: scrubbing.DUE_DELIVERED, {"ix_orders_customer_delivered"}),
        (lambda _: scrubbing.DUE_LETTERS, {"ix_dead_letters_closed_at"}),
    ],
    ids=["events", "messages", "letters", "found", "of_mobile", "listed", "oldest", "ended", "delivered", "filed"],
)
async def test_a_look_goes_through_its_index(
    store: Store, statement: Callable[[Stories], Any], indexes: set[str]
) -> None:
    told = await _plan(store, statement(store.stories))
    assert {index for index in indexes if index not in told} == set()
    assert "SCAN orders" not in told
    assert "Seq Scan" not in told


async def test_only_states_that_wait_are_asked_for_their_age(store: Store) -> None:
    states = [*OrderState]
    saves = [SaveOrder(Order(f"SO-{state}", state=state), "w") for state in states]
    await store.apply([UnitOfWork((save,)) for save in saves])
    oldest = await store.stories.oldest()
    assert set(oldest) == set(states) - {OrderState.CANCELLED, OrderState.SETTLED}
    assert all(timedelta(0) <= age < timedelta(minutes=1) for age in oldest.values())
    assert await store.stories.counts() == dict.fromkeys(states, 1)

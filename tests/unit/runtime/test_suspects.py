"""Who runs beside whom: one order one at a time, and a message that may have killed its consumer alone."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from consumer.domain import delivery as headers
from consumer.domain.delivery import Delivery, Settlement
from consumer.domain.errors import BooksUnavailable
from consumer.domain.letters import ErrorNote
from consumer.domain.outcome import Ending, Outcome
from consumer.runtime import courier as courier_module
from consumer.runtime.pauses import Fetching
from publishers.outgoing import BrokerAway
from tests.support.events import cancelled, paid
from tests.unit.domain import failures
from tests.unit.runtime.fakes import Lane, delivery

if TYPE_CHECKING:
    from consumer.domain.writes import InboxKey
    from publishers.outgoing import Outgoing
    from schemas.envelope import Event

YLH = frozenset({"ylh", "database"})
RETRY = "relay.retry.5s"


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courier_module, "_FIRST_PAUSE", 0.0)


def sent(lane: Lane) -> Outgoing:
    (message,) = lane.publisher.sent
    return message


def note(message: Outgoing) -> ErrorNote:
    return ErrorNote.from_header(str(message.headers[headers.ERROR]))


DEAD = "relay.orders.dlq"


async def most_at_once(lane: Lane, *deliveries: Delivery) -> int:
    running = Counter[str]()
    most = 0

    async def linger(received: Event, key: InboxKey) -> Outcome:
        nonlocal most
        running["all"] += 1
        most = max(most, running["all"])
        for _ in range(5):
            await asyncio.sleep(0)
        running["all"] -= 1
        assert received.id == key.event_id
        return Outcome(Ending.DONE, ())

    lane.behaviour = linger
    await asyncio.wait_for(asyncio.gather(*map(lane.carry, deliveries)), 5)
    assert len(lane.handled) == len(deliveries)
    return most


async def test_orders_go_side_by_side_and_one_order_one_at_a_time() -> None:
    assert await most_at_once(Lane(), *(delivery(paid(f"SO{number}")) for number in range(10))) == 10
    assert await most_at_once(Lane(), *(delivery(paid("SO1", version=number)) for number in range(1, 6))) == 1


async def test_an_order_whose_events_leave_the_subject_out_is_one_order_all_the_same() -> None:
    documents = [paid("SO1"), cancelled("SO1")]
    del documents[0]["subject"]
    assert await most_at_once(Lane(), *map(delivery, documents)) == 1


def suspect(number: int = 1, *, returns: int = 3, version: int = 1) -> Delivery:
    return delivery(paid(f"SO{number}", version=version), headers={headers.DELIVERY_COUNT: returns})


async def test_a_suspect_runs_alone() -> None:
    others = [delivery(paid(f"SO{number}")) for number in range(2, 6)]
    lane = Lane()
    assert await most_at_once(lane, suspect(1, returns=2), *others) == 5
    assert await most_at_once(Lane(), *(suspect(number) for number in range(5))) == 1


async def test_a_suspect_is_marked_before_it_runs_and_cleared_when_it_ends() -> None:
    lane = Lane()
    marks: list[int] = []

    async def look(received: Event, key: InboxKey) -> Outcome:
        marks.extend(lane.store.marks.values())
        assert received.id == key.event_id
        return Outcome(Ending.DONE, ())

    lane.behaviour = look
    assert await lane.carry(suspect()) is Settlement.ACK
    assert (marks, lane.store.marks) == ([1], {})


async def test_a_suspect_that_killed_its_consumer_twice_alone_is_convicted() -> None:
    lane = Lane()

    async def killed(received: Event, key: InboxKey) -> Outcome:
        raise KeyboardInterrupt(received.id, key)

    lane.behaviour = killed
    for returns in (3, 4):
        with pytest.raises(KeyboardInterrupt):
            await lane.carry(suspect(returns=returns))
    assert set(lane.store.marks.values()) == {2}
    assert await lane.carry(suspect(returns=5)) is Settlement.ACK
    assert (sent(lane).routing_key, note(sent(lane)).code) == (DEAD, "kills_its_consumer")
    assert len(lane.handled) == 2


async def test_a_suspect_that_only_fails_is_acquitted() -> None:
    lane = Lane()
    lane.raises(failures.transient())
    for _ in range(4):
        assert await lane.carry(suspect()) is Settlement.ACK
    assert lane.store.marks == {}
    assert {message.exchange for message in lane.publisher.sent} == {RETRY}


async def test_a_suspect_that_could_not_be_sent_on_has_killed_nobody() -> None:
    lane = Lane(*[BrokerAway] * 16)
    lane.raises(failures.transient())
    for returns in (3, 4):
        assert await lane.carry(suspect(returns=returns)) is Settlement.LEAVE
    lane.publisher.failures.clear()
    await lane.carry(suspect(returns=5))
    assert sent(lane).exchange == RETRY


async def test_a_suspect_waits_while_its_mark_cannot_be_stored() -> None:
    lane = Lane()
    lane.store.failure = BooksUnavailable("away", code="unreachable")
    assert await lane.carry(suspect()) is Settlement.ACK
    assert (sent(lane).exchange, lane.handled) == (RETRY, [])
    assert lane.pauses.fetching(YLH) is Fetching.PAUSED

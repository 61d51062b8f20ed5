"""The way of one message: each failure to its settlement, one effect for each event, suspects alone."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.domain import delivery as headers
from consumer.domain.delivery import Delivery, Settlement
from consumer.domain.errors import StaleOrder
from consumer.domain.letters import ErrorNote
from consumer.domain.outcome import Ending, Outcome
from consumer.domain.results import outgoing
from consumer.domain.writes import InboxEntry, InboxKey, LetterStatus
from consumer.runtime import courier as courier_module
from consumer.runtime.pauses import Fetching
from publishers.outgoing import BrokerAway, Unroutable
from schemas.identity import body_digest
from tests.support.events import cancelled, event, paid
from tests.unit.domain import failures
from tests.unit.domain.test_results import superseded
from tests.unit.runtime.fakes import AT, LANE, POLICY, Lane, delivery

if TYPE_CHECKING:
    from publishers.outgoing import Outgoing
    from schemas.envelope import Event

YLH = frozenset({"ylh", "database"})
KEY = InboxKey("/shop", "paid-SO1-1")
RETRY = "relay.retry.5s"


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courier_module, "_FIRST_PAUSE", 0.0)


def sent(lane: Lane) -> Outgoing:
    (message,) = lane.publisher.sent
    return message


def note(message: Outgoing) -> ErrorNote:
    return ErrorNote.from_header(str(message.headers[headers.ERROR]))


# ---- what goes well ----


async def test_an_event_is_done_once_its_results_and_its_inbox_row_are_stored() -> None:
    lane = Lane()
    lane.results = (superseded("SO1"),)
    given_delivery = delivery()
    assert await lane.carry(given_delivery) is Settlement.ACK
    entry = lane.store.entries[KEY]
    assert (entry.digest, entry.type, entry.outcome) == (body_digest(given_delivery.body), "order.paid", "done")
    assert lane.handed_over == list(lane.store.messages)
    assert len(lane.handed_over) == 1
    assert lane.publisher.sent == []
    assert (lane.observer.begun, [ended.outcome for ended in lane.observer.ended_]) == (1, ["done"])


async def test_an_event_that_is_done_has_no_second_effect_and_its_results_go_out_again() -> None:
    lane = Lane()
    lane.results = (superseded("SO1"),)
    given_delivery = delivery()
    for _ in range(3):
        assert await lane.carry(given_delivery) is Settlement.ACK
    assert len(lane.handled) == 1
    assert lane.handed_over == list(lane.store.messages)
    assert [again.message_id for again in lane.publisher.sent] == list(lane.store.messages) * 2
    assert [ended.outcome for ended in lane.observer.ended_] == ["done", "duplicate", "duplicate"]


async def test_a_duplicate_whose_results_the_broker_does_not_confirm_is_left_to_it() -> None:
    lane = Lane()
    lane.results = (superseded("SO1"),)
    await lane.carry(delivery())
    lane.publisher.failures.append(BrokerAway)
    assert await lane.carry(delivery()) is Settlement.LEAVE
    assert await lane.carry(delivery()) is Settlement.ACK


async def test_a_result_that_comes_in_is_no_event_for_us() -> None:
    lane = Lane()
    (told,) = outgoing([superseded("SO1")], key=KEY, correlationid=None, traceparent=None, now=AT)
    assert await lane.carry(delivery(told.body, routing_key="order.superseded")) is Settlement.ACK
    assert (note(sent(lane)).error_class.value, lane.handled) == ("invalid_event", [])


async def test_the_same_event_in_hand_twice_is_handled_once() -> None:
    lane = Lane()
    assert await asyncio.gather(*(lane.carry(delivery()) for _ in range(5))) == [Settlement.ACK] * 5
    assert len(lane.handled) == 1


async def test_an_event_that_another_process_finished_meanwhile_is_a_duplicate() -> None:
    lane = Lane()
    given_delivery = delivery()

    async def overtaken(received: Event, key: InboxKey) -> Outcome:
        lane.store.entries[key] = InboxEntry(
            key, body_digest(given_delivery.body), received.type, "done", datetime.now(UTC)
        )
        return Outcome(Ending.DONE, (superseded("SO1"),))

    lane.behaviour = overtaken
    assert await lane.carry(given_delivery) is Settlement.ACK
    assert lane.store.messages == {}
    assert lane.observer.ended_[0].outcome == "duplicate"


@pytest.mark.parametrize(("collisions", "handled", "ended"), [(1, 2, "done"), (3, 4, "done"), (4, 4, "snoozed")])
async def test_an_order_that_somebody_wrote_meanwhile_is_read_again_at_once_a_few_times(
    collisions: int, handled: int, ended: str
) -> None:
    lane = Lane()

    async def collide(received: Event, key: InboxKey) -> Outcome:
        assert key.event_id == received.id
        if len(lane.handled) <= collisions:
            lane.store.refuses_once = StaleOrder("SO1")
        return Outcome(Ending.DONE, (superseded("SO1"),))

    lane.behaviour = collide
    assert await lane.carry(delivery()) is Settlement.ACK
    assert (len(lane.handled), lane.observer.ended_[0].outcome) == (handled, ended)
    assert len(lane.publisher.sent) == (ended == "snoozed")


async def test_an_id_used_twice_is_a_broken_contract() -> None:
    lane = Lane()
    await lane.carry(delivery())
    other = paid("SO1", remark="another body")
    assert await lane.carry(delivery(other)) is Settlement.ACK
    parked = sent(lane)
    assert parked.routing_key == f"{LANE}.dlq"
    assert (note(parked).error_class.value, note(parked).fields[0]["field"]) == ("invalid_event", "id")
    assert len(lane.handled) == 1


async def test_a_refusal_goes_out_as_a_result_and_to_the_ledger_at_once() -> None:
    lane = Lane()

    async def refuse(received: Event, key: InboxKey) -> Outcome:
        assert received.id == key.event_id
        return Outcome(Ending.REFUSED, (superseded("SO1"),), refusal=failures.rejected())

    lane.behaviour = refuse
    assert await lane.carry(delivery(headers={headers.ATTEMPT: 3})) is Settlement.ACK
    (letter,) = lane.store.letters.values()
    assert (letter.lane, letter.subject, letter.status) == (LANE, "SO1", LetterStatus.OPEN)
    assert (letter.error_class.value, letter.supplier_message, letter.attempt_count) == ("rejected", "地址错误", 3)
    assert len(lane.handed_over) == 1
    assert lane.publisher.sent == []


# ---- what fails ----

DEAD = f"{LANE}.dlq"
FAILURES: list[tuple[str, BaseException, int, str, int, frozenset[str]]] = [
    # error, attempt before, exchange or queue it goes to, attempt after, what rests afterwards
    ("transient", failures.transient(), 1, RETRY, 2, frozenset()),
    ("transient, third", failures.transient(), 3, "relay.retry.2m", 4, frozenset()),
    ("transient, ladder spent", failures.transient(), 6, DEAD, 6, frozenset()),
    ("unknown outcome", failures.unknown_outcome(), 1, RETRY, 2, frozenset()),
    ("expired login", failures.unauthorised(expired=True), 1, RETRY, 2, frozenset()),
    ("malformed", failures.malformed(), 1, DEAD, 1, frozenset()),
    ("throttled", failures.throttled(timedelta(minutes=1)), 2, RETRY, 2, frozenset({"haier"})),
    ("login refused", failures.unauthorised(expired=False), 2, RETRY, 2, frozenset({"ylh"})),
    ("misconfigured", failures.misconfigured(), 2, RETRY, 2, frozenset({"ylh"})),
    ("database away", failures.books_unavailable(), 2, RETRY, 2, frozenset({"database"})),
    ("snoozed", failures.snoozed(timedelta(minutes=2)), 2, "relay.retry.2m", 2, frozenset()),
    ("stale order", StaleOrder("SO1"), 2, RETRY, 2, frozenset()),
    ("a refusal without a result", failures.rejected(), 1, DEAD, 1, frozenset()),
    ("unmatched", failures.unmatched(), 1, DEAD, 1, frozenset()),
    ("our own defect", failures.defect(), 1, DEAD, 1, frozenset()),
    ("invalid event", failures.invalid_event(), 1, DEAD, 1, frozenset()),
    *((f"not ours: {type(error).__name__}", error, 1, DEAD, 1, frozenset()) for error in failures.foreign_errors()),
]


@pytest.mark.parametrize(
    ("error", "attempt", "where", "after", "resting"), [row[1:] for row in FAILURES], ids=[row[0] for row in FAILURES]
)
async def test_each_failure_goes_its_way(
    error: BaseException, attempt: int, where: str, after: int, resting: frozenset[str]
) -> None:
    lane = Lane()
    lane.raises(error)
    assert await lane.carry(delivery(headers={headers.ATTEMPT: attempt})) is Settlement.ACK
    message = sent(lane)
    assert (message.exchange or message.routing_key) == where
    assert message.headers[headers.ATTEMPT] == after
    assert {pause.resource for pause in lane.pauses.pauses()} == resting
    assert lane.store.entries == {}
    assert lane.handed_over == []
    assert (headers.ERROR in message.headers) == (where == DEAD)


async def test_the_text_of_a_foreign_error_goes_nowhere() -> None:
    lane = Lane()
    lane.raises(RuntimeError("13800000000"))
    await lane.carry(delivery(event("order.paid", paid("SO1")["data"], event_id="paid-SO1-1")))
    assert "13800000000" not in json.dumps(dict(sent(lane).headers))
    assert note(sent(lane)).traceback is not None


async def test_an_event_snoozed_for_a_day_is_parked() -> None:
    lane = Lane()
    lane.raises(failures.snoozed())
    day = int(POLICY.snooze_limit.total_seconds() * 1000)
    await lane.carry(delivery(headers={headers.SNOOZED: day - 1}))
    await lane.carry(delivery(headers={headers.SNOOZED: day}))
    assert [message.routing_key for message in lane.publisher.sent] == [LANE, DEAD]


BROKEN: list[tuple[str, Delivery, str]] = [
    ("no JSON", delivery(b"\x00\xff"), "body"),
    ("empty", delivery(b""), "body"),
    ("too large", delivery(b" " * 10_001), "body"),
    ("another routing key", delivery(paid("SO1"), routing_key="order.cancelled"), "type"),
    ("a missing field", delivery(event("order.paid", {"so_id": "SO1"}, event_id="e")), "data.online_no"),
]


@pytest.mark.parametrize(("broken", "field"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
async def test_what_breaks_the_contract_is_parked_at_once(broken: Delivery, field: str) -> None:
    lane = Lane()
    assert await lane.carry(broken) is Settlement.ACK
    assert (sent(lane).exchange, sent(lane).routing_key) == ("", DEAD)
    assert note(sent(lane)).error_class.value == "invalid_event"
    assert field in {found["field"] for found in note(sent(lane)).fields}
    assert lane.handled == []
    assert [ended.outcome for ended in lane.observer.ended_] == ["rejected"]


async def test_a_type_without_a_handler_is_kept_for_later() -> None:
    lane = Lane()
    await lane.carry(delivery(event("order.status.requested", {"so_id": "SO1"}, event_id="e")))
    assert (sent(lane).routing_key, note(sent(lane)).code) == (DEAD, "no_handler")


@pytest.mark.parametrize(
    "error", [failures.transient(), failures.snoozed(), failures.misconfigured(), failures.defect()]
)
async def test_what_cannot_be_sent_on_is_left_to_the_broker(error: BaseException) -> None:
    lane = Lane(*[BrokerAway] * 100)
    lane.raises(error)
    assert await lane.carry(delivery()) is Settlement.LEAVE


async def test_a_cancelled_delivery_is_not_acked() -> None:
    lane = Lane()

    async def hang(received: Event, key: InboxKey) -> Outcome:
        raise asyncio.CancelledError(received.id, key)

    lane.behaviour = hang
    with pytest.raises(asyncio.CancelledError):
        await lane.carry(delivery())
    assert (lane.publisher.sent, lane.store.entries) == ([], {})
    assert [ended.outcome for ended in lane.observer.ended_] == ["left"]


# ---- pauses ----


def rest(lane: Lane, seconds: float = 30) -> None:
    wait = timedelta(seconds=seconds)
    lane.pauses.pause("ylh", rest=wait, longest=wait, cause=failures.misconfigured(), alert=True)


async def test_a_resting_lane_begins_nothing_and_spends_nothing() -> None:
    lane = Lane()
    rest(lane)
    waited = {headers.ATTEMPT: 3, headers.SNOOZED: 60_000}
    assert await lane.carry(delivery(headers=waited)) is Settlement.ACK
    assert sent(lane).exchange == RETRY
    assert (sent(lane).headers[headers.ATTEMPT], sent(lane).headers[headers.SNOOZED]) == (3, 60_000)
    assert lane.handled == []


async def test_a_day_of_rest_of_the_lane_parks_nothing() -> None:
    lane = Lane()
    long_ago = (datetime.now(UTC) - timedelta(days=3)).isoformat()
    lane.raises(failures.snoozed())
    await lane.carry(delivery(headers={headers.FIRST_SEEN: long_ago}))
    assert sent(lane).exchange == RETRY


async def test_who_waited_for_its_turn_while_the_lane_went_to_rest_does_not_begin() -> None:
    lane = Lane()

    async def pause_then_fail(received: Event, key: InboxKey) -> Outcome:
        await asyncio.sleep(0.001)
        assert received.id == key.event_id
        raise failures.misconfigured()

    lane.behaviour = pause_then_fail
    await asyncio.gather(lane.carry(delivery()), lane.carry(delivery(cancelled("SO1"))))
    assert len(lane.handled) == 1
    assert [message.exchange for message in lane.publisher.sent] == [RETRY, RETRY]


async def test_a_commit_ends_the_trial_of_the_database_and_says_nothing_of_the_supplier() -> None:
    lane = Lane()
    for resource in ("ylh", "database"):
        lane.pauses.pause(
            resource, rest=timedelta(0), longest=timedelta(0), cause=failures.books_unavailable(), alert=False
        )
    assert lane.pauses.fetching(YLH) is Fetching.TRIAL
    await lane.carry(delivery())
    assert [pause.resource for pause in lane.pauses.pauses()] == ["ylh"]


# ---- whatever comes ----

RAW = st.binary(max_size=40) | st.sampled_from(
    [json.dumps(paid("SO1")).encode(), json.dumps(cancelled("SO1")).encode()]
)
VALUES = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=9) | st.binary(max_size=9)
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            headers.ATTEMPT,
            headers.ROUTING_KEY,
            headers.HISTORY,
            headers.FIRST_SEEN,
            headers.SNOOZED,
            headers.DELIVERY_COUNT,
            headers.ERROR,
            headers.REPLAY,
        ]
    ),
    VALUES,
    max_size=5,
)
ERRORS = st.sampled_from([row[1] for row in FAILURES])


@settings(max_examples=150)
@given(RAW, HEADERS, st.none() | ERRORS, st.booleans(), st.integers(0, 10))
async def test_whatever_comes_the_pipeline_does_not_raise_and_loses_nothing(
    body: bytes,
    given_headers: dict[str, Any],
    error: BaseException | None,
    resting: bool,  # noqa: FBT001 - drawn
    broker_failures: int,
) -> None:
    lane = Lane(*[Unroutable] * broker_failures)
    if error is not None:
        lane.raises(error)
    if resting:
        rest(lane)
    settlement = await lane.carry(delivery(body, headers=given_headers))
    durable = len(lane.publisher.sent) + len(lane.store.entries)
    assert durable == (0 if settlement is Settlement.LEAVE else 1)
    assert settlement is not Settlement.REQUEUE
    assert lane.observer.begun == len(lane.observer.ended_) == 1


async def test_a_hostile_history_does_not_stop_its_event_from_being_parked() -> None:
    lane = Lane()
    lane.raises(failures.transient())
    assert await lane.carry(delivery(headers={headers.HISTORY: "[" * 100_000})) is Settlement.ACK


async def test_a_repair_that_fails_does_not_come_out_of_the_pipeline() -> None:
    lane = Lane(*[Unroutable] * 100)
    lane.raises(failures.transient())

    async def repair() -> None:
        raise ConnectionError("closed by ourselves")

    lane.repair = repair
    assert await lane.carry(delivery()) is Settlement.LEAVE

"""Messages sent on within the broker: what travels with them, what does not, and what happens without a confirm."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.domain import delivery as headers
from consumer.domain.delivery import Delivery, Settlement
from consumer.domain.history import failed_attempt
from consumer.domain.letters import ErrorNote, note_of
from consumer.runtime import courier as courier_module
from consumer.runtime.courier import Courier
from publishers.outgoing import BrokerAway, Outgoing, PublishError, Refused, Unconfirmed, Unroutable
from tests.unit.domain import failures
from tests.unit.runtime.fakes import AT, LANE, FakePublisher, as_publisher, delivery

NOTE = note_of(failures.transient())
FAILED = failed_attempt(1, NOTE, at=AT, seconds=1.5)
FIVE = timedelta(seconds=5)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courier_module, "_FIRST_PAUSE", 0.0)


class Desk:
    """A courier with its fake publisher."""

    def __init__(self, *failing: type[PublishError]) -> None:
        self.publisher = FakePublisher(*failing)
        self.repairs = 0
        self.courier = Courier(LANE, as_publisher(self.publisher), self._repair)

    async def _repair(self) -> None:
        self.repairs += 1

    @property
    def sent(self) -> Outgoing:
        (message,) = self.publisher.sent
        return message

    async def retry(self, given_delivery: Delivery, *, attempt: int = 2) -> Outgoing:
        settlement = await self.courier.retry(given_delivery, FAILED, delay=FIVE, attempt=attempt)
        assert settlement is Settlement.ACK
        return self.sent


async def test_a_retry_goes_round_with_its_next_attempt_and_its_history() -> None:
    sent = await Desk().retry(delivery(headers={"x-shop": "1"}))
    assert (sent.exchange, sent.routing_key, sent.mandatory) == ("relay.retry.5s", LANE, True)
    assert sent.headers[headers.ATTEMPT] == 2
    assert sent.headers[headers.ROUTING_KEY] == "order.paid"
    assert sent.headers["x-shop"] == "1"
    assert json.loads(str(sent.headers[headers.HISTORY])) == [
        {
            "attempt": 1,
            "at": AT.isoformat(),
            "class": "transient",
            "code": "some_code",
            "message": "in our words",
            "seconds": 1.5,
            "supplier_code": "20001",
        }
    ]


async def test_body_message_id_and_content_type_travel_untouched() -> None:
    given_delivery = delivery(b"\x00\xff no JSON", message_id="shop-7")
    for message in (
        await Desk().retry(given_delivery),
        (await _snoozed(given_delivery)),
        (await _dead(given_delivery)),
    ):
        assert (message.body, message.message_id) == (b"\x00\xff no JSON", "shop-7")
        assert message.content_type == "application/cloudevents+json"


async def _snoozed(given_delivery: Delivery, delay: timedelta = FIVE) -> Outgoing:
    desk = Desk()
    assert await desk.courier.snooze(given_delivery, delay=delay) is Settlement.ACK
    return desk.sent


async def _dead(given_delivery: Delivery, note: ErrorNote = NOTE) -> Outgoing:
    desk = Desk()
    failed = failed_attempt(given_delivery.attempt, note, at=AT, seconds=None)
    assert await desk.courier.dead_letter(given_delivery, note, failed) is Settlement.ACK
    return desk.sent


async def test_a_snooze_spends_no_attempt_and_counts_its_waits() -> None:
    first = await _snoozed(delivery(headers={headers.ATTEMPT: 4}))
    assert (first.headers[headers.ATTEMPT], first.headers[headers.SNOOZED]) == (4, 5_000)
    assert headers.HISTORY not in first.headers
    again = await _snoozed(delivery(headers=first.headers), timedelta(hours=1))
    assert (again.headers[headers.ATTEMPT], again.headers[headers.SNOOZED]) == (4, 3_605_000)


async def test_sitting_out_a_rest_counts_nothing() -> None:
    desk = Desk()
    waited = {headers.ATTEMPT: 4, headers.SNOOZED: 7_000}
    assert await desk.courier.sit_out(delivery(headers=waited), delay=FIVE) is Settlement.ACK
    assert (desk.sent.headers[headers.ATTEMPT], desk.sent.headers[headers.SNOOZED]) == (4, 7_000)


async def test_a_dead_letter_says_why_and_from_where() -> None:
    sent = await _dead(delivery(headers={headers.ATTEMPT: 6}))
    assert (sent.exchange, sent.routing_key, sent.mandatory) == ("", f"{LANE}.dlq", True)
    assert (sent.headers[headers.LANE], sent.headers[headers.ATTEMPT]) == (LANE, 6)
    assert ErrorNote.from_header(str(sent.headers[headers.ERROR])) == NOTE
    (entry,) = json.loads(str(sent.headers[headers.HISTORY]))
    assert (entry["attempt"], entry["class"]) == (6, "transient")


async def test_the_first_routing_key_and_the_first_sight_are_kept_on_every_hop() -> None:
    first = await Desk().retry(delivery(routing_key="order.paid"))
    second = await Desk().retry(delivery(routing_key=LANE, headers=first.headers), attempt=3)
    dead = await _dead(delivery(routing_key=LANE, headers=second.headers))
    for name in (headers.ROUTING_KEY, headers.FIRST_SEEN):
        assert first.headers[name] == second.headers[name] == dead.headers[name]
    assert dead.headers[headers.ROUTING_KEY] == "order.paid"


BROKERS_OWN = {
    headers.DELIVERY_COUNT: 4,
    "x-acquired-count": 4,
    "x-death": [{"reason": "expired", "queue": "relay.retry.5s"}],
    "x-first-death-exchange": "relay.retry.5s",
    "x-first-death-queue": "relay.retry.5s",
    "x-first-death-reason": "expired",
    "x-last-death-exchange": "relay.retry.5s",
    "x-last-death-queue": "relay.retry.5s",
    "x-last-death-reason": "expired",
}


async def test_what_the_broker_wrote_for_itself_is_left_behind() -> None:
    given_delivery = delivery(headers={**BROKERS_OWN, "x-shop": "1"})
    for message in (await Desk().retry(given_delivery), await _snoozed(given_delivery), await _dead(given_delivery)):
        assert not set(message.headers) & set(BROKERS_OWN)
        assert message.headers["x-shop"] == "1"


@pytest.mark.parametrize("name", ["CC", "BCC"])
async def test_a_publisher_does_not_choose_where_we_send_its_message(name: str) -> None:
    given_delivery = delivery(headers={name: [LANE]})
    for message in (await Desk().retry(given_delivery), await _snoozed(given_delivery), await _dead(given_delivery)):
        assert name not in message.headers


async def test_a_history_stays_within_bounds_over_many_rounds() -> None:
    carried: dict[str, Any] = {}
    for attempt in range(2, 120):
        carried = dict((await Desk().retry(delivery(routing_key=LANE, headers=carried), attempt=attempt)).headers)
    assert len(json.loads(carried[headers.HISTORY])) == 64


async def test_a_history_fits_into_a_frame_whatever_a_publisher_wrote_into_it() -> None:
    foreign = json.dumps([{"message": "x" * 120_000}])
    sent = await Desk().retry(delivery(headers={headers.HISTORY: foreign}))
    assert len(str(sent.headers[headers.HISTORY]).encode()) < 100_000


@pytest.mark.parametrize("failure", [Unroutable, Refused, Unconfirmed, BrokerAway])
async def test_without_a_confirm_it_is_tried_again_and_the_topology_repaired(failure: type[PublishError]) -> None:
    desk = Desk(failure, failure)
    assert await desk.courier.snooze(delivery(), delay=FIVE) is Settlement.ACK
    assert (len(desk.publisher.sent), desk.repairs) == (1, 2)


async def test_what_is_never_confirmed_is_left_to_the_broker() -> None:
    desk = Desk(*[BrokerAway] * 100)
    assert await desk.courier.dead_letter(delivery(), NOTE, FAILED) is Settlement.LEAVE
    assert desk.publisher.sent == []
    assert len(desk.publisher.failures) > 80


async def test_a_repair_that_fails_is_no_more_than_another_failed_try() -> None:
    async def repair() -> None:
        raise ConnectionError("closed by ourselves")

    courier = Courier(LANE, as_publisher(FakePublisher(*[Unroutable] * 100)), repair)
    assert await courier.snooze(delivery(), delay=FIVE) is Settlement.LEAVE


VALUES = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=10) | st.binary(max_size=10)


@settings(max_examples=60)
@given(
    st.dictionaries(
        st.sampled_from([headers.ATTEMPT, headers.FIRST_SEEN, headers.HISTORY, headers.SNOOZED, "CC", "x-a"]), VALUES
    )
)
async def test_hostile_headers_are_sent_on_as_numbers_and_text(given_headers: dict[str, Any]) -> None:
    sent = await Desk().retry(delivery(headers=given_headers), attempt=3)
    assert sent.headers[headers.ATTEMPT] == 3
    assert isinstance(sent.headers[headers.ROUTING_KEY], str)
    assert isinstance(sent.headers[headers.FIRST_SEEN], str)
    assert len(json.loads(str(sent.headers[headers.HISTORY]))) >= 1

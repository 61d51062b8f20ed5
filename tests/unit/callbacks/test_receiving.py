"""The steps of one form: what is told, what is kept, and where."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from consumer.callbacks import taking
from consumer.callbacks.admission import Admission
from consumer.callbacks.parking import Parking
from consumer.callbacks.reading import SOURCE, read
from consumer.callbacks.receiving import Came, Outcome, Receiving
from consumer.callbacks.taking import Taking
from consumer.domain.errors import ErrorClass
from consumer.domain.outcome import Ending
from consumer.domain.writes import InboxEntry, InboxKey
from consumer.settings import CallbackWindow
from schemas.codec import decode
from tests.support.ylh_forms import APP_KEY, SECRET, body, callback, signed
from tests.unit.callbacks.fakes import FakeBooks, FakeBroker

NOW = datetime.now(UTC)


@dataclass
class Receiver:
    broker: FakeBroker = field(default_factory=FakeBroker)
    books: FakeBooks = field(default_factory=FakeBooks)

    def __post_init__(self) -> None:
        admission = Admission(APP_KEY, SECRET, CallbackWindow())
        self.receiving = Receiving(admission, Taking(self.broker, self.books), Parking(self.books))

    async def post(self, form: dict[str, str]) -> Came:
        return await self.receiving.receive(body(form))


async def test_success_comes_after_the_brokers_confirm() -> None:
    receiver = Receiver()
    form = callback("SO-1")
    came = await receiver.post(form)
    assert (came.outcome, came.answer.status, came.method) == (Outcome.TAKEN, 200, "confirm")
    [message] = receiver.broker.messages
    event = decode(message.body, routing_key=message.routing_key)
    assert (message.exchange, message.message_id, message.mandatory) == ("relay.events", event.id, True)
    assert not receiver.books.outbox


@pytest.mark.parametrize("broker", [FakeBroker(is_connected=False), FakeBroker(fails=True), FakeBroker(silent=True)])
async def test_without_the_broker_it_goes_to_the_outbox_under_the_same_id(
    broker: FakeBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking, "BROKER_WITHIN", 0.02)
    receiver = Receiver(broker)
    form = callback("SO-1")
    came = await receiver.post(form)
    assert (came.outcome, came.answer.status) == (Outcome.STORED, 200)
    [row] = receiver.books.outbox.values()
    event = read(form)
    assert (row.id, row.body, row.exchange, row.routing_key, row.mandatory) == (
        event.id,
        event.body,
        "relay.events",
        "supplier.callback.confirmed",
        True,
    )
    # A duplicate of the event sends what its own key caused: it must not send the event itself, for ever.
    assert row.key != InboxKey(SOURCE, event.id)


async def test_nobody_waits_again_for_a_broker_that_has_just_let_one_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taking, "BROKER_WITHIN", 0.02)
    monkeypatch.setattr(taking, "REST", 0.2)
    receiver = Receiver(FakeBroker(silent=True))
    for number in range(5):
        assert (await receiver.post(callback(f"SO-{number}"))).outcome is Outcome.STORED
    assert receiver.broker.asked == 1
    receiver.broker.silent = False
    await asyncio.sleep(0.25)
    assert (await receiver.post(callback("SO-9"))).outcome is Outcome.TAKEN


@pytest.mark.parametrize("books", [FakeBooks(away=True), FakeBooks(silent=True)])
async def test_with_both_away_it_is_refused_honestly(books: FakeBooks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taking, "BOOKS_WITHIN", 0.02)
    receiver = Receiver(FakeBroker(is_connected=False), books)
    came = await receiver.post(callback("SO-1"))
    assert (came.outcome, came.answer.status, came.answer.taken) == (Outcome.UNAVAILABLE, 503, False)


async def test_a_repetition_is_success_again() -> None:
    receiver = Receiver()
    form = callback("SO-1")
    assert [(await receiver.post(form)).answer.status for _ in range(3)] == [200, 200, 200]
    assert len({message.body for message in receiver.broker.messages}) == 1


@pytest.mark.parametrize("at", [NOW - timedelta(hours=73), NOW + timedelta(hours=2)])
async def test_outside_the_window_it_is_refused_and_kept_ready_for_a_replay(at: datetime) -> None:
    receiver = Receiver()
    form = callback("SO-1", at=at)
    for _ in range(2):
        came = await receiver.post(form)
        assert (came.outcome, came.answer.status, came.answer.taken) == (Outcome.STALE, 403, False)
    [letter] = receiver.books.letters.values()
    event = read(form)
    assert (letter.error_class, letter.code, letter.lane) == (ErrorClass.UNMATCHED, "outside_window", "relay.callbacks")
    assert (letter.type, letter.subject, letter.event_source, letter.event_id) == (event.type, "SO-1", SOURCE, event.id)
    assert letter.body == event.body
    assert not receiver.broker.messages


async def test_a_late_repetition_of_what_is_done_is_success() -> None:
    receiver = Receiver()
    form = callback("SO-1", at=NOW - timedelta(hours=100))
    key = InboxKey(SOURCE, read(form).id)
    receiver.books.done[key] = InboxEntry(key, "", "supplier.callback.confirmed", Ending.DONE, NOW)
    came = await receiver.post(form)
    assert (came.outcome, came.answer.status) == (Outcome.REPEATED, 200)
    assert not receiver.books.letters


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Method": "hmm.scm_heorder.new"}, "unknown_method"),
        ({"Data": "{"}, "unreadable_callback"),
        ({"TimeStamp": "soon"}, "unreadable_callback"),
    ],
)
async def test_what_is_signed_and_cannot_be_read_is_refused_and_kept(change: dict[str, str], code: str) -> None:
    receiver = Receiver()
    form = signed({**callback("SO-1"), **change})
    for _ in range(2):
        came = await receiver.post(form)
        assert (came.outcome, came.answer.status, came.code) == (Outcome.UNREADABLE, 400, code)
    [letter] = receiver.books.letters.values()
    assert (letter.error_class, letter.code, letter.lane) == (ErrorClass.INVALID_EVENT, code, "relay.callbacks")
    kept = json.loads(letter.body)
    assert kept == {name: value for name, value in form.items() if name not in {"Sign", "AppKey"}}
    assert form["Sign"].encode() not in letter.body


@pytest.mark.parametrize(
    "form", [callback("SO-1", at=NOW - timedelta(hours=73)), signed({**callback("1"), "Data": "{"})]
)
async def test_what_cannot_be_kept_is_not_refused_for_good(form: dict[str, str]) -> None:
    receiver = Receiver(books=FakeBooks(away=True))
    assert (await receiver.post(form)).answer.status == 503


@pytest.mark.parametrize(
    "form",
    [
        {**callback("SO-1"), "Sign": "0" * 32},
        {**callback("SO-1", at=NOW - timedelta(days=99)), "Sign": "0" * 32},
        {**callback("SO-1"), "Data": "{", "Sign": "0" * 32},
        {**callback("SO-1"), "Method": "x"},
        signed({**callback("SO-1"), "AppKey": "another"}),
    ],
)
async def test_a_stranger_is_told_the_same_whatever_he_tries_and_nothing_is_kept(form: dict[str, str]) -> None:
    receiver = Receiver(books=FakeBooks(away=True))
    came = await receiver.post(form)
    assert (came.outcome, came.answer.status, came.method, came.event) == (Outcome.UNSIGNED, 401, "unknown", None)
    assert not receiver.broker.asked


async def test_what_is_no_form_is_refused() -> None:
    came = await Receiver().receiving.receive(b"hello")
    assert (came.outcome, came.answer.status) == (Outcome.MALFORMED, 400)

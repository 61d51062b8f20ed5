"""How an order came about: what is told of it, in order of time, and what of its customer anybody may see."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from consumer.domain.audit import AuditRow
from consumer.domain.errors import ErrorClass
from consumer.domain.order import CallKind, CallOutcome, Intent, Order, OrderState
from consumer.domain.order_parts import Consignee, Stamp, Word
from consumer.domain.outcome import Result
from consumer.domain.results import outgoing
from consumer.domain.writes import InboxEntry, InboxKey, Letter, LetterStatus, OutboxMessage
from consumer.handlers.order_results import numbered
from consumer.persistence.stories import KeptParcel, Traces
from ops.order_story import act_of, masked_consignee, story_of
from ops.orders import call_in_words, word_in_words
from schemas.results import OrderConfirmed

AT = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
KEY = InboxKey("/shop", "e1")


def _at(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


def _attempt(number: int, seconds: float, **more: Any) -> dict[str, Any]:
    at = _at(seconds).isoformat()
    return {"attempt": number, "at": at, "class": "transient", "code": "timeout", "message": "too slow", **more}


def _letter(**given: Any) -> Letter:
    plain = dict.fromkeys(("supplier", "supplier_code", "supplier_message", "traceback"))
    known: dict[str, Any] = {
        **plain,
        "id": "l1",
        "lane": "relay.orders",
        "type": "order.paid",
        "subject": "SO-1",
        "event_source": KEY.source,
        "event_id": KEY.event_id,
        "message_id": KEY.event_id,
        "body": b"{}",
        "headers": "{}",
        "error_class": ErrorClass.REJECTED,
        "code": "no_stock",
        "message": "refused",
        "attempts": "[]",
        "attempt_count": 1,
        "fingerprint": "f",
        "status": LetterStatus.OPEN,
        "first_seen_at": AT,
        "created_at": _at(4),
    }
    return Letter(**(known | given))


def _traces(**given: Any) -> Traces:
    empty: dict[str, Any] = {"events": (), "messages": (), "letters": (), "acts": (), "parcels": (), "lease": None}
    return Traces(**(empty | given))


def _told(so_id: str) -> list[OutboxMessage]:
    _, result = numbered(
        Order(so_id, state=OrderState.CONFIRMED),
        "order.confirmed",
        OrderConfirmed,
        version=3,
        now=_at(5),
        fail_msg=None,
    )
    assert isinstance(result, Result)
    return outgoing((result,), key=KEY, correlationid="p", traceparent=None, now=_at(5))


def _kinds(traces: Traces, order: Order | None = None) -> list[tuple[str, str]]:
    return [(moment.kind, moment.what) for moment in story_of(order or Order("SO-1"), traces)]


def test_all_that_is_known_is_told_in_order_of_time() -> None:
    call = Intent(CallKind.CREATE, b"{}", "d", 3, CallOutcome.UNKNOWN, KEY.source, KEY.event_id, _at(1.5))
    order = Order(
        "SO-1",
        state=OrderState.CONFIRMED,
        intent=call,
        answer=Stamp(Word.TAKEN_ON, _at(3), "d"),
        created_at=_at(1),
        state_at=_at(4),
    )
    entry = InboxEntry(KEY, "d", "order.paid", "done", _at(4), "SO-1", AT, json.dumps([_attempt(1, 2)]))
    traces = _traces(
        events=[entry],
        messages=_told("SO-1"),
        letters=[_letter(created_at=_at(6))],
        acts=[AuditRow(1, _at(8), "li@ops", "order.reveal", "SO-1", "asked", '{"n":1}')],
        parcels=[KeptParcel("SF", "SF1", _at(6), _at(7))],
    )
    assert _kinds(traces, order) == [
        ("received", "order.paid"),
        ("state", "known"),
        ("call", "ylh.create"),
        ("attempt", "order.paid"),
        ("callback", "taken_on"),
        ("state", "confirmed"),
        ("done", "order.paid"),
        ("result", "order.confirmed"),
        ("parked", "order.paid"),
        ("shipment", "SF"),
        ("act", "order.reveal"),
    ]
    told = {moment.kind: moment for moment in story_of(order, traces)}
    assert told["result"].more["state"] == "confirmed"
    assert told["result"].more["sequence"] == 1
    assert "OUTCOME UNKNOWN" in told["call"].said
    assert told["call"].more["unknown"] is True
    assert told["act"].more["detail"] == {"n": 1}
    assert told["attempt"].said == "attempt 1: transient, timeout: too slow"


def test_an_attempt_that_its_letter_tells_too_is_told_once() -> None:
    history = json.dumps([_attempt(1, 1), _attempt(2, 2)])
    entry = InboxEntry(InboxKey("/shop", "e1", "replay-1"), "d", "order.paid", "done", _at(9), "SO-1", AT, history)
    traces = _traces(events=[entry], letters=[_letter(attempts=history)])
    assert [kind for kind, _ in _kinds(traces)] == ["received", "attempt", "attempt", "parked", "done"]
    assert story_of(Order("SO-1"), traces)[-1].more["replay"] == "replay-1"


@pytest.mark.parametrize("history", ["[{}]", '[{"at": 7}]', '[{"at": "soon", "attempt": 1}]'])
def test_a_history_that_is_not_of_our_making_stops_nothing(history: str) -> None:
    assert _kinds(_traces(letters=[_letter(attempts=history)])) == [("parked", "order.paid")]


def test_what_an_event_told_of_another_order_is_not_this_ones() -> None:
    assert _kinds(_traces(messages=_told("SO-2"))) == []
    assert _kinds(_traces(messages=_told("SO-1"))) == [("result", "order.confirmed")]


def test_what_we_send_to_ourselves_is_no_result() -> None:
    undoing = OutboxMessage("m", KEY, "relay.events", "order.cancel.requested", _told("SO-1")[0].body, True, AT)
    assert _kinds(_traces(messages=[undoing])) == [("sent", "order.cancel.requested")]


def test_a_message_that_cannot_be_read_is_told_by_type_and_time() -> None:
    message = OutboxMessage("m", KEY, "relay.results", "order.of.tomorrow", b"{}", False, AT)
    assert _kinds(_traces(messages=[message])) == [("result", "order.of.tomorrow")]


@pytest.mark.parametrize("outcome", CallOutcome)
@pytest.mark.parametrize("kind", CallKind)
def test_each_outcome_of_a_call_has_words_and_only_the_unknown_one_says_so(
    kind: CallKind, outcome: CallOutcome
) -> None:
    said = call_in_words(Intent(kind, b"", "d", 1, outcome, "/s", "e", AT))
    assert ("OUTCOME UNKNOWN" in said) is (outcome is CallOutcome.UNKNOWN)
    assert said.startswith(f"{kind.value}: ")


@pytest.mark.parametrize("word", Word)
def test_each_word_of_ylh_is_put_in_words(word: Word) -> None:
    assert word_in_words(word).startswith("YLH ")


@pytest.mark.parametrize(
    ("name", "mobile", "shown"),
    [
        ("张三", "13812345678", ("张*", "138****5678")),
        ("王小明", "021-12345678", ("王**", "021****5678")),
        ("李", "1234567", ("李*", "****")),
        ("李", "87654321", ("李*", "****")),
        ("", "", ("*", "****")),
    ],
)
def test_a_customer_can_be_recognised_and_not_found(name: str, mobile: str, shown: tuple[str, str]) -> None:
    who = Consignee(name, mobile, "山东省 青岛市 崂山区 沙子口街道 海尔路1号")
    masked = masked_consignee(Order("SO-1", consignee=who))
    assert masked == {"name": shown[0], "mobile": shown[1], "address": "山东省 青岛市"}
    assert masked_consignee(Order("SO-1")) is None


@pytest.mark.parametrize(
    ("reason", "said"), [("asked", "asked (refused: nobody may)"), (None, "(refused: nobody may)")]
)
def test_an_act_that_was_refused_is_not_taken_for_one_that_was_done(reason: str | None, said: str) -> None:
    row = AuditRow(1, AT, "li@ops", "order.reveal", "SO-1", reason, '{"refused":"nobody may"}')
    assert act_of(row).said == said

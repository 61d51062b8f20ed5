"""How an order came about, from everything that the books have: one list in order of time. No I/O beyond the store."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from consumer.domain.audit import REFUSED
from consumer.domain.order import CallOutcome
from ops.orders import call_in_words, told_of, word_in_words
from rabbitmq.topology import RESULTS
from schemas.codec import decode
from schemas.faults import InvalidEvent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from consumer.domain.audit import AuditRow
    from consumer.domain.order import Order
    from consumer.domain.writes import InboxEntry, Letter, OutboxMessage
    from consumer.persistence.stories import KeptParcel, Traces

_KINDS: Final = (
    "received",
    "attempt",
    "call",
    "callback",
    "parked",
    "state",
    "done",
    "sent",
    "result",
    "shipment",
    "act",
)
"""What comes first of what happened in the same moment."""
_MOBILE: Final = 11
"""Characters of a mobile number."""
_TOLD: Final = ("version", "state", "sequence", "retail_order_no", "ext_order_no", "fail_msg", "distribution_on")


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened to an order.

    Attributes:
        at: when.
        kind: ``received`` (an event or callback came in), ``attempt`` (one that failed), ``call`` (the last changing
            call at YLH), ``callback`` (the newest word of YLH on the order, and on a cancel; by YLH's clock),
            ``parked`` (a dead letter, or what a supplier refused), ``state`` (the order came into the books, or into
            its present state), ``done`` (an event's end), ``sent`` (a message of ours to ourselves: a cancel that
            undoes, a callback that went by the outbox), ``result``, ``shipment``, ``act`` (of a person).
        what: event type, call or act.
        said: one sentence for a person.
        event_id: of the event that it belongs to.
        more: further facts for programs.
    """

    at: datetime
    kind: str
    what: str
    said: str = ""
    event_id: str | None = None
    more: dict[str, Any] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "at": self.at,
            "kind": self.kind,
            "what": self.what,
            "said": self.said,
            "event_id": self.event_id,
            **self.more,
        }


def story_of(order: Order, traces: Traces) -> list[Moment]:
    """Return everything that is known of ``order``, oldest first."""
    moments = [
        *_attempts(traces),
        *(moment for entry in traces.events for moment in _event(entry)),
        *map(_letter, traces.letters),
        *(_result(message) for message in traces.messages if told_of(message, order.so_id)),
        *map(_shipment, traces.parcels),
        *map(act_of, traces.acts),
        *_call(order),
        *_callbacks(order),
        *_states(order),
    ]
    return sorted(moments, key=lambda moment: (moment.at, _KINDS.index(moment.kind)))


def act_of(row: AuditRow) -> Moment:
    """Return what a person did, or was refused."""
    detail = json.loads(row.detail)
    refused = detail.get(REFUSED)
    why = row.reason or ""
    said = why if refused is None else f"{why} (refused: {refused})".strip()
    return Moment(row.at, "act", row.action, said, more={"actor": row.actor, "detail": detail})


def masked_consignee(order: Order) -> dict[str, str] | None:
    """Return who gets the goods, so that a person may recognise and nobody may find them; None: scrubbed or unknown."""
    who = order.consignee
    if who is None:
        return None
    places = who.address.split()
    return {
        "name": who.name[:1] + "*" * max(len(who.name) - 1, 1),
        # Of a shorter number, such as a landline's without its area, so much would be nearly all.
        "mobile": f"{who.mobile[:3]}****{who.mobile[-4:]}" if len(who.mobile) >= _MOBILE else "****",
        "address": " ".join(places[:2]),
    }


def consignee(order: Order) -> dict[str, str] | None:
    """Return who gets the goods; whoever shows it has written down why."""
    who = order.consignee
    return None if who is None else {"name": who.name, "mobile": who.mobile, "address": who.address}


def _event(entry: InboxEntry) -> Iterator[Moment]:
    id_ = entry.key.event_id
    run = {"replay": entry.key.run} if entry.key.run else {}
    if entry.first_seen_at is not None:
        yield Moment(
            entry.first_seen_at, "received", entry.type, event_id=id_, more={"source": entry.key.source, **run}
        )
    yield Moment(entry.done_at, "done", entry.type, entry.outcome, id_, {"outcome": entry.outcome, **run})


def _letter(letter: Letter) -> Moment:
    return Moment(
        letter.created_at,
        "parked",
        letter.type or "unreadable",
        f"{letter.error_class.value}, {letter.code}: {letter.supplier_message or letter.message}",
        letter.event_id,
        {"letter": letter.id, "status": letter.status.value, "class": letter.error_class.value, "code": letter.code},
    )


def _attempts(traces: Traces) -> Iterable[Moment]:
    """Return the failed attempts of all events; one that was replayed has its first attempts in its letter too."""
    histories: list[tuple[str | None, str, str | None]] = [
        (entry.attempts, entry.type, entry.key.event_id) for entry in traces.events
    ]
    histories += [(letter.attempts, letter.type or "unreadable", letter.event_id) for letter in traces.letters]
    found: dict[tuple[object, ...], Moment] = {}
    for history, what, event_id in histories:
        for attempt in json.loads(history) if history else ():
            at = _moment(attempt.get("at"))
            if at is None:
                # Not of our making: a publisher can write such a header.
                continue
            told = {name: attempt.get(name) for name in ("attempt", "class", "code")}
            said = f"attempt {told['attempt']}: {told['class']}, {told['code']}: {attempt.get('message')}"
            found[event_id, at, told["attempt"]] = Moment(at, "attempt", what, said, event_id, told)
    return found.values()


def _moment(text: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _shipment(parcel: KeptParcel) -> Moment:
    since = {"first_seen_at": parcel.created_at, "company": parcel.company, "number": parcel.number}
    return Moment(parcel.updated_at, "shipment", parcel.company or "no courier yet", parcel.number or "", more=since)


def _result(message: OutboxMessage) -> Moment:
    if message.exchange != RESULTS:
        return Moment(message.created_at, "sent", message.routing_key, event_id=message.key.event_id)
    try:
        event = decode(message.body)
    except InvalidEvent:
        # Written by another version of the contract: its type and time are known all the same.
        return Moment(message.created_at, "result", message.routing_key, event_id=message.key.event_id)
    data = event.data.model_dump(mode="json")
    told: dict[str, Any] = {name: data[name] for name in _TOLD if data.get(name) is not None}
    error = data.get("error") or {}
    said = error.get("supplier_message") or error.get("message") or data.get("fail_msg") or ""
    state = f"state {told['state']}, sequence {told.get('sequence')}" if "state" in told else ""
    return Moment(
        message.created_at,
        "result",
        message.routing_key,
        ": ".join(part for part in (state, said) if part),
        message.key.event_id,
        {"id": message.id, **told, **({"error": error} if error else {})},
    )


def _call(order: Order) -> Iterator[Moment]:
    call = order.intent
    if call is not None:
        yield Moment(
            call.occurred_at,
            "call",
            f"ylh.{call.kind.value}",
            call_in_words(call),
            call.event_id,
            {"outcome": call.outcome.value, "unknown": call.outcome is CallOutcome.UNKNOWN},
        )


def _callbacks(order: Order) -> Iterator[Moment]:
    for stamp in (order.answer, order.ending):
        if stamp is not None:
            yield Moment(stamp.at, "callback", stamp.word.value, f"{word_in_words(stamp.word)}, by YLH's clock")


def _states(order: Order) -> Iterator[Moment]:
    if order.created_at is not None:
        yield Moment(order.created_at, "state", "known", "came into our books")
    if order.state_at is not None:
        yield Moment(order.state_at, "state", order.state.value, "in this state since then")

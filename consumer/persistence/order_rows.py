"""An order as a row of ``orders`` and back: values become columns, and JSON where they are lists."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

from consumer.domain.letters import ErrorNote
from consumer.domain.order import CallKind, CallOutcome, Intent, Order, OrderState
from consumer.domain.order_parts import NO_DAYS, Consignee, Days, Goods, HeldReschedule, Stamp, Word
from consumer.domain.writes import InboxKey
from consumer.persistence.columns import milliseconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.domain.writes import SaveOrder

ORDER = (
    "so_id",
    "state",
    "applied_version",
    "content_digest",
    "sequence",
    "online_no",
    "source_system",
    "paid_event_id",
    "retail_order_no",
    "ext_order_no",
    "distribution_on",
    "install_on",
    "applied_event_id",
    "goods",
    "answer_word",
    "answer_at",
    "answer_digest",
    "ending_word",
    "ending_at",
    "ending_digest",
    "fail_msg",
    "error",
    "held",
    "consignee",
    "delivered_at",
)
INTENT = (
    "intent_kind",
    "intent_body",
    "intent_digest",
    "intent_version",
    "intent_outcome",
    "intent_event_source",
    "intent_event_id",
    "intent_at",
    "intent_distribution_on",
    "intent_install_on",
)
WRITTEN = (*ORDER, *INTENT, "mobile_end", "lease_owner")
READ = (*ORDER, *INTENT, "row_version", "created_at", "state_at", "updated_at")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NO_CALL: tuple[object, ...] = (None,) * len(INTENT)
_MOBILE_END = 4


def row_of(save: SaveOrder) -> tuple[object, ...]:
    """Return what `WRITTEN`, the expected row version and the lease (milliseconds) are to be."""
    order = save.order
    return (
        order.so_id,
        order.state.value,
        order.applied_version,
        order.content_digest,
        order.sequence,
        order.online_no,
        order.source_system,
        order.paid_event_id,
        order.retail_order_no,
        order.ext_order_no,
        order.days.distribution_on,
        order.days.install_on,
        order.applied_event_id,
        _dumped([_document(item) for item in order.goods]) if order.goods else None,
        *_stamp_columns(order.answer),
        *_stamp_columns(order.ending),
        order.fail_msg,
        None if order.error is None else order.error.to_header(),
        _dumped([_held_document(held) for held in order.held]) if order.held else None,
        None if order.consignee is None else _dumped(_document(order.consignee)),
        order.delivered_at,
        *(_NO_CALL if order.intent is None else _call(order.intent)),
        None if order.consignee is None else mobile_end(order.consignee.mobile),
        save.owner,
        order.row_version,
        milliseconds(save.lease),
    )


def order_of(row: Sequence[Any]) -> Order:
    """Return the order of a row of `READ`."""
    of = dict(zip(READ, row, strict=True))
    return Order(
        so_id=of["so_id"],
        state=OrderState(of["state"]),
        applied_version=of["applied_version"],
        content_digest=of["content_digest"],
        sequence=of["sequence"],
        row_version=of["row_version"],
        online_no=of["online_no"],
        source_system=of["source_system"],
        paid_event_id=of["paid_event_id"],
        retail_order_no=of["retail_order_no"],
        ext_order_no=of["ext_order_no"],
        intent=_intent(of),
        days=_days(of["distribution_on"], of["install_on"]),
        applied_event_id=of["applied_event_id"],
        goods=() if of["goods"] is None else tuple(Goods(**item) for item in json.loads(of["goods"])),
        answer=_stamp(of["answer_word"], of["answer_at"], of["answer_digest"]),
        ending=_stamp(of["ending_word"], of["ending_at"], of["ending_digest"]),
        fail_msg=of["fail_msg"],
        error=None if of["error"] is None else ErrorNote.from_header(of["error"]),
        held=() if of["held"] is None else tuple(map(_held, json.loads(of["held"]))),
        consignee=None if of["consignee"] is None else Consignee(**json.loads(of["consignee"])),
        delivered_at=of["delivered_at"],
        created_at=_moment(of["created_at"]),
        state_at=_moment(of["state_at"]),
        updated_at=_moment(of["updated_at"]),
    )


def mobile_end(mobile: str) -> str | None:
    """Return the last four digits of a telephone number as it is printed; None: it has fewer."""
    digits = digits_of(mobile)
    return digits[-_MOBILE_END:] if len(digits) >= _MOBILE_END else None


def digits_of(mobile: str) -> str:
    """Return the digits of a telephone number as it is printed, with those of its extension."""
    return "".join(filter(str.isdigit, mobile))


def _call(intent: Intent) -> tuple[object, ...]:
    return (
        intent.kind.value,
        intent.body,
        intent.digest,
        intent.version,
        intent.outcome.value,
        intent.event_source,
        intent.event_id,
        intent.occurred_at,
        intent.days.distribution_on,
        intent.days.install_on,
    )


def _intent(of: dict[str, Any]) -> Intent | None:
    if of["intent_kind"] is None:
        return None
    return Intent(
        kind=CallKind(of["intent_kind"]),
        body=of["intent_body"],
        digest=of["intent_digest"],
        version=of["intent_version"],
        outcome=CallOutcome(of["intent_outcome"]),
        event_source=of["intent_event_source"],
        event_id=of["intent_event_id"],
        occurred_at=of["intent_at"],
        days=_days(of["intent_distribution_on"], of["intent_install_on"]),
    )


def _days(distribution_on: str | None, install_on: str | None) -> Days:
    return NO_DAYS if distribution_on is None and install_on is None else Days(distribution_on, install_on)


def _stamp_columns(stamp: Stamp | None) -> tuple[object, object, object]:
    return (None, None, None) if stamp is None else (stamp.word.value, stamp.at, stamp.digest)


def _stamp(word: str | None, at: datetime, digest: str) -> Stamp | None:
    return None if word is None else Stamp(Word(word), at, digest)


def _held_document(held: HeldReschedule) -> dict[str, object]:
    key = held.key
    return {
        "source": key.source,
        "event_id": key.event_id,
        "run": key.run,
        "version": held.version,
        "distribution_on": held.days.distribution_on,
        "install_on": held.days.install_on,
        "held_at": held.held_at.isoformat(),
    }


def _held(document: dict[str, Any]) -> HeldReschedule:
    return HeldReschedule(
        InboxKey(document["source"], document["event_id"], document["run"]),
        document["version"],
        _days(document["distribution_on"], document["install_on"]),
        datetime.fromisoformat(document["held_at"]),
    )


def _document(value: Goods | Consignee) -> dict[str, object]:
    """Return the fields of a value without values within it; `dataclasses.asdict` copies each deeply."""
    return {name: getattr(value, name) for name in value.__slots__}


def _moment(milliseconds_since_1970: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds_since_1970)


def _dumped(value: object) -> str:
    # A quarter of what `json` takes, for every order that is written.
    return to_json(value).decode()

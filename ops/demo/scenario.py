"""What the demo does: two hundred events, what goes wrong with some of them, and how each has to end. Pure.

The order of the events is the order in which they are sent. Nothing in here is drawn by lot: two runs are the same.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from ops.demo.answers import CALLBACKS, state_at_last
from ops.demo.events import (
    Cancelled,
    GoodsSync,
    Malformed,
    Paid,
    Payload,
    Rescheduled,
    StatusAsked,
    cut_short,
    odd_amount,
    unknown_type,
)
from ops.demo.faults import Fault, FaultName, create_fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

ORDERS: Final = 168
EVENTS: Final = 200
GOODS: Final = 200

REFUSAL: Final = "收货地址超出配送范围"
"""What YLH says to the orders that it is told to refuse."""

# Orders by their running number, from 1.
_ANSWERED_503 = frozenset({4, 24, 44, 64, 84, 104, 124, 144})
_ANSWER_LOST = frozenset({10, 30, 54, 70, 90, 114, 130, 150})
_STUBBORN = frozenset({16, 96})
_EXPIRED_TOKEN = frozenset({76})
_REFUSED_ADDRESS = frozenset({20, 80, 140})
_REFUSED_GOODS = {50: "BX0000008", 110: "BX0000028"}
_ALWAYS_503 = frozenset({6, 36})
_CANCEL_FIRST = 120
_CANCELLED_LATER = frozenset({12, 60, 100})
# Sent twice in a row: the second may be there while the first is still being worked on. Some of them meet a fault.
_TWICE_AT_ONCE = frozenset({2, 10, 18, 26, 34, 42, 58, 74, 104, 16})
# Sent again when the first has its result.
_TWICE_LATER = frozenset({3, 13, 20, 23, 33, 43, 53, 63, 73, 83})
# New days after the push; YLH knows the second only by the number that its callback brings, the answer being lost.
_MOVED_LATER = frozenset({22, 30})
# New days that are there before the order itself: held, and sent along with it.
_MOVED_FIRST, _MOVED_FIRST_AT = 160, 90
_DAYS_AHEAD = 7
_STATUS_ASKED, _STATUS_ASKED_AT = 10, 164
_SYNC_AT = 14
_CUT_SHORT_AT, _ODD_AMOUNT_AT, _UNKNOWN_TYPE_AT = 40, 88, 132

_KINDS: Final[dict[type[Payload], str]] = {
    Paid: "order.paid",
    Cancelled: "order.cancelled",
    Rescheduled: "order.rescheduled",
    StatusAsked: "order.status.requested",
    GoodsSync: "sync.products.requested",
    Malformed: "malformed",
}

AN_ORDER_WITH_A_LOST_ANSWER: Final = "SO-1010"
AN_ORDER_WHOSE_NEW_DAYS_WAITED: Final = "SO-1030"


class Fate(StrEnum):
    """How an event has to end."""

    PUSHED = "pushed"
    REFUSED = "refused"
    PARKED = "parked"
    CANCEL_TAKEN = "cancel_taken"
    CANCELLED_UNSEEN = "cancelled_unseen"
    SUPERSEDED = "superseded"
    REJECTED = "rejected"
    SYNCED = "synced"
    MOVED = "moved"
    REPORTED = "reported"


ENDING_OF: Final[dict[Fate, str]] = {
    Fate.PUSHED: "order.push.succeeded",
    Fate.REFUSED: "order.push.failed",
    Fate.PARKED: "event.dead_lettered",
    Fate.CANCEL_TAKEN: "order.cancel.accepted",
    Fate.CANCELLED_UNSEEN: "order.cancel.succeeded",
    Fate.SUPERSEDED: "order.superseded",
    Fate.REJECTED: "event.rejected",
    Fate.SYNCED: "sync.completed",
    Fate.MOVED: "order.reschedule.succeeded",
    Fate.REPORTED: "order.status.reported",
}
"""The result that tells each end (EVENTS, "Out")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One event that goes in.

    Attributes:
        event_id: its id; the same again for a duplicate.
        payload: what it says.
        fate: how it has to end.
        is_repeat: the very same event was sent before.
        after: sent only once the event of this id has its result.
    """

    event_id: str
    payload: Payload
    fate: Fate
    is_repeat: bool = False
    after: str | None = None

    @property
    def so_id(self) -> str | None:
        """The order that it is about; None for a sync and for what nobody can read."""
        match self.payload:
            case Paid(so_id) | Cancelled(so_id) | Rescheduled(so_id) | StatusAsked(so_id):
                return so_id
            case _:
                return None


@dataclass(frozen=True, slots=True)
class Scenario:
    """All of it.

    Attributes:
        events: in the order in which they are sent.
        faults: what goes wrong at the suppliers.
        product_codes: the goods that are synced.
        states: how each order that gets to YLH stands there at the end, by ``so_id``.
        callbacks: how YLH calls back, for the sandbox.
    """

    events: tuple[Planned, ...]
    faults: tuple[Fault, ...]
    product_codes: tuple[str, ...]
    states: Mapping[str, str]
    callbacks: Mapping[str, object]

    def firsts(self) -> tuple[Planned, ...]:
        """Return the events without their repeats: each of them has to end once."""
        return tuple(event for event in self.events if not event.is_repeat)

    def kinds(self) -> Mapping[str, int]:
        """Count the events by kind: a type, ``repeated`` or ``malformed``."""
        return dict(Counter(_kind(event) for event in self.events))


def build(now: datetime) -> Scenario:
    """Return the scenario as of ``now`` (with a zone): the orders were placed over the last hour."""
    codes = tuple(f"BX{number:07d}" for number in range(1, GOODS + 1))
    return Scenario(tuple(_events(now, codes)), _faults(), codes, _states(), CALLBACKS)


def so_id_of(number: int) -> str:
    """Return the number of the ``number``-th order."""
    return f"SO-{1000 + number}"


def _events(now: datetime, codes: tuple[str, ...]) -> Iterator[Planned]:
    for number in range(1, ORDERS + 1):
        created_at = (now - timedelta(hours=1) + timedelta(seconds=20 * number)).replace(microsecond=0)
        paid = _paid(number, created_at)
        event = _planned(number, paid)
        if number == _CANCEL_FIRST:
            cancel = _cancel(paid.so_id, now, Fate.CANCELLED_UNSEEN, after=None)
            yield cancel
            yield Planned(event_id=event.event_id, payload=paid, fate=Fate.SUPERSEDED, after=cancel.event_id)
            continue
        yield event
        if number in _TWICE_AT_ONCE:
            yield _again(event, after=None)
        if number in _TWICE_LATER:
            yield _again(event, after=event.event_id)
        if number in _CANCELLED_LATER:
            yield _cancel(paid.so_id, now, Fate.CANCEL_TAKEN, after=event.event_id)
        if number in _MOVED_LATER:
            yield _moved(number, now, after=event.event_id)
        yield from _others(number, codes, created_at)
        if number == _MOVED_FIRST_AT:
            yield _moved(_MOVED_FIRST, now, after=None)


def _states() -> Mapping[str, str]:
    turned_away = _REFUSED_ADDRESS | _REFUSED_GOODS.keys() | _ALWAYS_503 | {_CANCEL_FIRST}
    return {
        so_id_of(number): state_at_last(number, cancelled=number in _CANCELLED_LATER)
        for number in range(1, ORDERS + 1)
        if number not in turned_away
    }


def _others(number: int, codes: tuple[str, ...], created_at: datetime) -> Iterator[Planned]:
    if number == _STATUS_ASKED_AT:
        asked = StatusAsked(so_id_of(_STATUS_ASKED))
        yield Planned(event_id=f"status-{asked.so_id}", payload=asked, fate=Fate.REPORTED)
    if number == _SYNC_AT:
        yield Planned(event_id="sync-goods-1", payload=GoodsSync(codes), fate=Fate.SYNCED)
    stray = Paid(f"SO-{9000 + number}", number, codes[0], created_at)
    if number == _CUT_SHORT_AT:
        yield _rejected("malformed-cut-short", cut_short("malformed-cut-short", stray))
    if number == _ODD_AMOUNT_AT:
        yield _rejected("malformed-amount", odd_amount("malformed-amount", stray))
    if number == _UNKNOWN_TYPE_AT:
        yield _rejected("malformed-type", unknown_type("malformed-type", stray))


def _paid(number: int, created_at: datetime) -> Paid:
    # Goods one to five are procurable; those in _REFUSED_GOODS are not, which YLH notices by itself.
    product_code = _REFUSED_GOODS.get(number, f"BX{number % 5 + 1:07d}")
    return Paid(so_id_of(number), number, product_code, created_at)


def _planned(number: int, paid: Paid) -> Planned:
    fate = Fate.PUSHED
    if number in _REFUSED_ADDRESS or number in _REFUSED_GOODS:
        fate = Fate.REFUSED
    if number in _ALWAYS_503:
        fate = Fate.PARKED
    return Planned(event_id=f"paid-{paid.so_id}-1", payload=paid, fate=fate)


def _again(event: Planned, *, after: str | None) -> Planned:
    return Planned(event_id=event.event_id, payload=event.payload, fate=event.fate, is_repeat=True, after=after)


def _cancel(so_id: str, now: datetime, fate: Fate, *, after: str | None) -> Planned:
    return Planned(event_id=f"cancel-{so_id}-2", payload=Cancelled(so_id, now), fate=fate, after=after)


def _moved(number: int, now: datetime, *, after: str | None) -> Planned:
    so_id, day = so_id_of(number), (now + timedelta(days=_DAYS_AHEAD)).date()
    # Sent along with the order both days are given, and equal: YLH then brings and installs in one visit.
    install_on = day if after is None else None
    return Planned(
        event_id=f"moved-{so_id}-2", payload=Rescheduled(so_id, day, install_on), fate=Fate.MOVED, after=after
    )


def _rejected(event_id: str, payload: Malformed) -> Planned:
    return Planned(event_id=event_id, payload=payload, fate=Fate.REJECTED)


def _kind(event: Planned) -> str:
    return "repeated" if event.is_repeat else _KINDS[type(event.payload)]


def _faults() -> tuple[Fault, ...]:
    return (
        _on_create(FaultName.UNAVAILABLE, _ANSWERED_503 | _STUBBORN, nth=[1], effect="status", status=503),
        _on_create(FaultName.LOST_ANSWER, _ANSWER_LOST, nth=[1], effect="lost_answer"),
        # Their second call, which is the first that this rule gets to see: only the third call has an answer.
        _on_create(FaultName.LOST_ANSWER, _STUBBORN, nth=[1], effect="lost_answer"),
        _on_create(FaultName.EXPIRED_TOKEN, _EXPIRED_TOKEN, nth=[1], effect="expire_token"),
        _on_create(FaultName.REFUSED, _REFUSED_ADDRESS, effect="refuse", code="20010", message=REFUSAL),
        _on_create(FaultName.NEVER_AVAILABLE, _ALWAYS_503, effect="status", status=503),
        Fault(
            FaultName.GOODS_UNAVAILABLE,
            {"call": "haier.products", "key": "BX0000061", "nth": [1], "effect": "status", "status": 503},
            least=1,
        ),
    )


def _on_create(name: FaultName, numbers: frozenset[int], **rule: object) -> Fault:
    return create_fault(name, map(so_id_of, numbers), **rule)

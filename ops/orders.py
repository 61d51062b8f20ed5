"""What our books know of one order, put together for a person: where it stands, the last call, results, letters.

No personal data: the body of a call, which holds name, telephone and address, is never read out of the books here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from consumer.domain.order import CallKind, CallOutcome
from consumer.domain.writes import InboxKey

if TYPE_CHECKING:
    from consumer.domain.order import Intent, Order
    from consumer.domain.writes import Letter, OutboxMessage
    from consumer.persistence.store import Store

LETTERS_LOOKED_AT: Final = 1000
"""Open letters, the newest first, among which those of an order are looked for."""

_TRIED: Final = {
    CallOutcome.NOT_SENT: "not sent: it certainly did not reach YLH",
    CallOutcome.DONE: "done: YLH took it",
    CallOutcome.REFUSED: "refused by YLH",
}


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order with what came of it.

    Attributes:
        order: as in the books.
        results: results of the events that made its last call and its create, oldest first.
        letters: its open letters.
    """

    order: Order
    results: tuple[OutboxMessage, ...]
    letters: tuple[Letter, ...]


async def view_of(store: Store, so_id: str) -> OrderView | None:
    """Read an order; None: it is not in the books."""
    order = (await store.orders([so_id])).get(so_id)
    if order is None:
        return None
    results: dict[str, OutboxMessage] = {}
    for key in _keys(order):
        for message in await store.outbox_of(key):
            results[message.id] = message
    letters = [letter for letter in await store.open_letters(LETTERS_LOOKED_AT) if letter.subject == so_id]
    return OrderView(order, tuple(sorted(results.values(), key=lambda one: (one.created_at, one.id))), tuple(letters))


def _keys(order: Order) -> list[InboxKey]:
    """Return the inbox keys of the events that the order still knows."""
    if order.intent is None:
        return []
    events = dict.fromkeys((order.paid_event_id or order.intent.event_id, order.intent.event_id))
    return [InboxKey(order.intent.event_source, event_id) for event_id in events]


def call_in_words(intent: Intent) -> str:
    """Say what is known of a call that changes something; an unknown outcome is told apart from all others."""
    if intent.outcome is not CallOutcome.UNKNOWN:
        return f"{intent.kind.value}: {_TRIED[intent.outcome]}"
    what = {CallKind.CREATE: "the order", CallKind.CANCEL: "the cancel", CallKind.RESCHEDULE: "the new date"}
    return (
        f"{intent.kind.value}: OUTCOME UNKNOWN: {what[intent.kind]} may or may not have reached YLH. "
        "The service sends exactly the same again until it knows; do not send it by hand."
    )

"""What our books know of one order, put together for a person: where it stands, the last call, results, letters.

No personal data: the body of a call, which holds name, telephone and address, is never read out of the books here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from consumer.domain.order import CallKind, CallOutcome
from consumer.domain.order_parts import Word
from consumer.domain.writes import LetterStatus
from rabbitmq.topology import RESULTS
from schemas.codec import decode
from schemas.faults import InvalidEvent

if TYPE_CHECKING:
    from consumer.domain.order import Intent, Order
    from consumer.domain.order_parts import Goods, HeldReschedule
    from consumer.domain.writes import Letter, OutboxMessage
    from consumer.persistence.store import Store
    from consumer.persistence.stories import Lease

_TRIED: Final = {
    CallOutcome.NOT_SENT: "not sent: it certainly did not reach YLH",
    CallOutcome.DONE: "done: YLH took it",
    CallOutcome.REFUSED: "refused by YLH",
    CallOutcome.MAY_BE_THERE: "refused by YLH, which may have the order all the same; a cancel asks",
}
_WORDS: Final = {
    Word.TAKEN_ON: "YLH took the order on",
    Word.TURNED_DOWN: "YLH turned the order down",
    Word.OUT_OF_STOCK: "YLH has the goods out of stock",
    Word.CANCEL_DONE: "YLH cancelled the order",
    Word.CANCEL_REFUSED: "YLH refused to cancel the order",
    Word.QUANTITIES: "YLH told what the customer kept and what came back",
}


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order with what came of it.

    Attributes:
        order: as in the books.
        results: what was told about it, oldest first.
        letters: its open letters.
        lease: who works on it now.
    """

    order: Order
    results: tuple[OutboxMessage, ...]
    letters: tuple[Letter, ...]
    lease: Lease | None


async def view_of(store: Store, so_id: str) -> OrderView | None:
    """Read an order; None: it is not in the books."""
    order = (await store.orders([so_id])).get(so_id)
    if order is None:
        return None
    traces = await store.stories.traces(order)
    results = tuple(message for message in traces.messages if message.exchange == RESULTS and told_of(message, so_id))
    letters = tuple(letter for letter in traces.letters if letter.status is LetterStatus.OPEN)
    return OrderView(order, results, letters, traces.lease)


def told_of(message: OutboxMessage, so_id: str) -> bool:
    """Return whether a message is about this order: an event may have caused others, of other orders."""
    if not message.routing_key.startswith("order."):
        return True
    try:
        return decode(message.body).subject == so_id
    except InvalidEvent:
        # Written by another version of the contract; rather one too many than one too few.
        return True


def goods_in_words(item: Goods) -> str:
    """Say what of a product was ordered, and what became of it once that is known."""
    ordered = f"{item.quantity} x {item.product_code}"
    if item.received is None:
        return ordered
    return f"{ordered} ({item.received} kept, {item.returned} returned, {item.rejected} refused at the door)"


def word_in_words(word: Word) -> str:
    """Say what a callback said."""
    return _WORDS[word]


def held_in_words(held: HeldReschedule) -> str:
    """Say which new days wait for the order's create."""
    days = {"delivery": held.days.distribution_on, "installation": held.days.install_on}
    return ", ".join(f"{what} on {day}" for what, day in days.items() if day)


def call_in_words(intent: Intent) -> str:
    """Say what is known of a call that changes something; an unknown outcome is told apart from all others."""
    if intent.outcome is not CallOutcome.UNKNOWN:
        return f"{intent.kind.value}: {_TRIED[intent.outcome]}"
    what = {CallKind.CREATE: "the order", CallKind.CANCEL: "the cancel", CallKind.RESCHEDULE: "the new date"}
    return (
        f"{intent.kind.value}: OUTCOME UNKNOWN: {what[intent.kind]} may or may not have reached YLH. "
        "The service sends exactly the same again until it knows; do not send it by hand."
    )

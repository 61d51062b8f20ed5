"""Makes the plan of a replay: freezes letters, and says of each whether it would go now (DESIGN section 8).

Also the way of a letter that a person has edited: a plan of one, with another body.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol
from uuid import uuid4

from consumer.deadletters.judging import Verdict, judge, read, so_id_of
from consumer.domain.replay import Item, ItemStatus, Plan
from consumer.domain.writes import InboxKey
from rabbitmq.topology import lane_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from consumer.domain.ledger import Selection, Standing
    from consumer.domain.order import Order
    from consumer.domain.writes import InboxEntry, Letter
    from schemas.envelope import Event

AT_ONCE: Final = 500
"""Letters judged together: their bodies are in memory."""


class LetterShelf(Protocol):
    """Where letters are read (`consumer.persistence.ledger.Ledger`)."""

    async def ids(self, selection: Selection) -> list[str]:
        """Return ids of all letters that ``selection`` means, the oldest first."""
        ...

    async def by_ids(self, ids: Sequence[str]) -> list[Letter]:
        """Return the letters, in that order; one that is gone is left out."""
        ...

    async def current(self, keys: Collection[InboxKey]) -> Mapping[InboxKey, Standing]:
        """Return for each event the one letter that stands for it: what a replay has in hand, else the newest open."""
        ...


class PlanBooks(Protocol):
    """What a plan needs to know of our state (`consumer.persistence.store.Store`)."""

    async def ended(self, events: Collection[InboxKey]) -> Mapping[InboxKey, InboxEntry]:
        """Return how those events ended that did, when they first came or by a replay: refused only by all of them."""
        ...

    async def orders(self, so_ids: Collection[str]) -> Mapping[str, Order]:
        """Return those of ``so_ids`` that are in the books."""
        ...


class Planner:
    """Makes plans.

    Args:
        letters: the ledger.
        books: our state.
        max_event_bytes: bodies above it cannot be replayed.
    """

    def __init__(self, letters: LetterShelf, books: PlanBooks, *, max_event_bytes: int) -> None:
        self._letters = letters
        self._books = books
        self._max_event_bytes = max_event_bytes

    async def plan(self, selection: Selection, *, by: str, now: datetime) -> Plan:
        """Freeze the letters that ``selection`` means now, the oldest first, and judge each.

        Nothing is written; `consumer.persistence.replays.Replays.keep` does.
        """
        ids = await self._letters.ids(selection)
        items: list[Item] = []
        for start in range(0, len(ids), AT_ONCE):
            items += await self._judged(await self._letters.by_ids(ids[start : start + AT_ONCE]))
        return Plan(str(uuid4()), selection.to_text(), now, by, items)

    async def edited(self, letter: Letter, event: Event, body: bytes, *, by: str, now: datetime) -> Plan:
        """Return the plan that sends ``body``, which holds ``event``, in place of the letter's own.

        Where nothing would come of it, its one item says why.
        """
        [item] = await self._items([(letter, event)])
        changed = replace(item, body=body, event_id=event.id, source=event.source)
        return Plan(str(uuid4()), f'{{"edited": "{letter.id}"}}', now, by, [changed])

    async def _judged(self, letters: Sequence[Letter]) -> list[Item]:
        return await self._items([(letter, read(letter, self._max_event_bytes)) for letter in letters])

    async def _items(self, letters: Sequence[tuple[Letter, Event | str]]) -> list[Item]:
        events = [event for _, event in letters if not isinstance(event, str)]
        keys = {InboxKey(event.source, event.id) for event in events}
        about = {so_id for event in events if (so_id := so_id_of(event)) is not None}
        known = _Known(
            await self._books.ended(keys), await self._books.orders(about), await self._letters.current(keys)
        )
        return [_item(letter, event, known) for letter, event in letters]


@dataclass(frozen=True, slots=True)
class _Known:
    """What the books say of the events of some letters, and of the orders that they are about."""

    ended: Mapping[InboxKey, InboxEntry]
    orders: Mapping[str, Order]
    current: Mapping[InboxKey, Standing]


def _item(letter: Letter, event: Event | str, known: _Known) -> Item:
    if isinstance(event, str):
        return Item(
            letter.id, letter.lane, letter.type, letter.event_source, letter.event_id, ItemStatus.SKIPPED, event
        )
    lane = lane_of(event.type)
    key, so_id = InboxKey(event.source, event.id), so_id_of(event)
    order = known.orders.get(so_id) if so_id is not None else None
    verdict = (
        Verdict(f"not replayable: no lane takes {event.type}")
        if lane is None
        else judge(event, known.ended.get(key), order)
    )
    current = known.current.get(key)
    # One event, one message: also where it has failed more than once and lies here more than once.
    if verdict.reason is None and current is not None and current.id != letter.id:
        verdict = Verdict(current.told)
    return Item(
        letter_id=letter.id,
        lane=lane or letter.lane,
        type=event.type,
        source=event.source,
        event_id=event.id,
        status=ItemStatus.WAITING if verdict.reason is None else ItemStatus.SKIPPED,
        reason=verdict.reason,
        calls=verdict.calls,
    )

"""How units of work that are ready together become statements: rounds first, then kinds.

Within one round no two units touch the same inbox key, order, good, batch or end of a sync, so that all writes of a
kind fit into one statement whatever their order. Units that do collide go to a later round, a transaction of its own,
where the database decides about them exactly as if they had come later.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, assert_never

from consumer.domain.shipping import SaveShipments
from consumer.domain.sync_writes import CloseSync, CountBatch, CountPart, JoinSync, PlanSync
from consumer.domain.writes import (
    ClearSuspect,
    InboxEntry,
    Letter,
    MarkDispatched,
    MarkSuspect,
    OutboxMessage,
    SaveOrder,
    SavePrices,
    SaveProducts,
    SaveStock,
    SyncLogRow,
    UnitOfWork,
    Write,
)

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence

Numbered = dict[int, UnitOfWork]
"""Units by their place in the caller's sequence."""


CONTRADICTION = "the unit of work writes one order, one good, one inbox key or one batch of a sync twice"


@dataclass(slots=True)
class Batch:
    """All writes of some units, by kind, each kind in the units' order."""

    entries: list[InboxEntry] = field(default_factory=list)
    orders: list[SaveOrder] = field(default_factory=list)
    sync_rows: list[SyncLogRow] = field(default_factory=list)
    messages: list[OutboxMessage] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    products: list[SaveProducts] = field(default_factory=list)
    prices: list[SavePrices] = field(default_factory=list)
    stock: list[SaveStock] = field(default_factory=list)
    dispatched: list[MarkDispatched] = field(default_factory=list)
    marks: list[MarkSuspect] = field(default_factory=list)
    cleared: list[ClearSuspect] = field(default_factory=list)
    shipments: list[SaveShipments] = field(default_factory=list)
    plans: list[PlanSync] = field(default_factory=list)
    joins: list[JoinSync] = field(default_factory=list)
    parts: list[CountPart] = field(default_factory=list)
    counts: list[CountBatch] = field(default_factory=list)
    closes: list[CloseSync] = field(default_factory=list)

    @property
    def is_plain(self) -> bool:
        """Whether it writes only what every order event does: to inbox, orders, sync log and outbox."""
        return not (
            self.shipments or self.closes or self.plans or self.joins or self.counts or self.parts or self.products
            or self.prices or self.stock or self.letters or self.marks or self.cleared
        )  # fmt: skip

    @classmethod
    def of(cls, units: Iterable[UnitOfWork]) -> Batch:  # noqa: C901, PLR0912 (one case for each kind of write)
        """Sort the writes of ``units`` by kind."""
        batch = cls()
        for unit in units:
            for write in unit.writes:
                match write:
                    case InboxEntry():
                        batch.entries.append(write)
                    case SaveOrder():
                        batch.orders.append(write)
                    case SyncLogRow():
                        batch.sync_rows.append(write)
                    case OutboxMessage():
                        batch.messages.append(write)
                    case Letter():
                        batch.letters.append(write)
                    case SaveProducts():
                        batch.products.append(write)
                    case SavePrices():
                        batch.prices.append(write)
                    case SaveStock():
                        batch.stock.append(write)
                    case MarkDispatched():
                        batch.dispatched.append(write)
                    case MarkSuspect():
                        batch.marks.append(write)
                    case ClearSuspect():
                        batch.cleared.append(write)
                    case SaveShipments():
                        batch.shipments.append(write)
                    case PlanSync():
                        batch.plans.append(write)
                    case JoinSync():
                        batch.joins.append(write)
                    case CountPart():
                        batch.parts.append(write)
                    case CountBatch():
                        batch.counts.append(write)
                    case CloseSync():
                        batch.closes.append(write)
                    case _:
                        assert_never(write)
        return batch


def rounds(units: Sequence[UnitOfWork]) -> list[Numbered]:
    """Split ``units`` so that none collides with another of its round, and those that collide keep their order.

    Almost always this is one round. A unit that collides with itself can never hold and is in none (`CONTRADICTION`).
    """
    everything = [claim for unit in units for claim in _claims(unit)]
    if len(set(everything)) == len(everything):
        return [dict(enumerate(units))]
    result: list[Numbered] = []
    next_free: dict[Hashable, int] = {}
    for number, unit in enumerate(units):
        claims = list(_claims(unit))
        if len(set(claims)) < len(claims):
            continue
        place = max((next_free.get(claim, 0) for claim in claims), default=0)
        if place == len(result):
            result.append({})
        result[place][number] = unit
        next_free.update(dict.fromkeys(claims, place + 1))
    return result


def _claims(unit: UnitOfWork) -> Iterator[Hashable]:
    for write in unit.writes:
        match write:
            case InboxEntry():
                yield write.key
            case SaveOrder():
                yield write.order.so_id
            case SaveProducts() | SavePrices():
                yield from ((type(write), change.new.product_code) for change in write.changes)
            case SaveStock():
                yield from ((change.new.product_code, change.new.county_code) for change in write.changes)
            case _:
                yield from _of_sync(write)


def _of_sync(write: Write) -> Iterator[Hashable]:
    match write:
        case PlanSync():
            yield "scope", write.scope or write.sync_id
        case CountBatch():
            yield write.sync_id, write.number
        case CountPart():
            # Its parent too: a batch that ends in the same round takes no part any more.
            yield write.sync_id, write.parent
            yield write.sync_id, write.count.number
        case JoinSync() | CloseSync():
            yield "end", write.sync_id
        case _:
            pass

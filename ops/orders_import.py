"""Orders that an older system pushed, from lines of JSON into the books, so that cancels and callbacks find them."""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final
from uuid import uuid4

from pydantic import Field, ValidationError, model_validator

from consumer.domain.errors import StateError
from consumer.domain.order import Order, OrderState
from consumer.domain.order_parts import Days, Goods
from consumer.domain.writes import SaveOrder, UnitOfWork
from schemas.primitives import Day, Name, Quantity, SoId, Version
from schemas.record import Record
from schemas.results import OrderState as StateName  # the names that a line may give

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Self

    from consumer.persistence.store import Store

_AT_A_TIME: Final = 200
_UNDER_WAY: Final = frozenset({OrderState.NEW, OrderState.PUSHING})


class ImportedItem(Record):
    """One product of an order."""

    product_code: Name
    quantity: Quantity


class ImportedOrder(Record):
    """One line: an order as the older system left it."""

    so_id: SoId
    online_no: Name
    version: Version
    state: StateName
    retail_order_no: Name | None = None
    ext_order_no: Name | None = None
    source_system: Name | None = None
    items: Annotated[tuple[ImportedItem, ...], Field(min_length=1)]
    distribution_on: Day | None = None
    install_on: Day | None = None

    @model_validator(mode="after")
    def _was_pushed(self) -> "Self":
        if OrderState(self.state) in _UNDER_WAY:
            raise ValueError(f"state {self.state}: only orders that YLH has can be imported, from pushed on")
        return self

    def order(self) -> Order:
        """Return it as an order of the books."""
        units: dict[str, int] = {}
        for item in self.items:
            units[item.product_code] = units.get(item.product_code, 0) + item.quantity
        return Order(
            so_id=self.so_id,
            state=OrderState(self.state),
            applied_version=self.version,
            content_digest=hashlib.sha256(f"imported {self.so_id}".encode()).hexdigest(),
            online_no=self.online_no,
            source_system=self.source_system,
            retail_order_no=self.retail_order_no,
            ext_order_no=self.ext_order_no,
            days=Days(
                None if self.distribution_on is None else self.distribution_on.isoformat(),
                None if self.install_on is None else self.install_on.isoformat(),
            ),
            goods=tuple(Goods(code, quantity) for code, quantity in units.items()),
        )


@dataclass(frozen=True, slots=True)
class Fault:
    """A line that cannot be imported, and why."""

    line: int
    why: str


def read_lines(lines: "Iterable[bytes]") -> tuple[list[ImportedOrder], list[Fault]]:
    """Return the orders of NDJSON and the faults of the other lines; a ``so_id`` that comes twice is a fault."""
    orders: dict[str, ImportedOrder] = {}
    faults: list[Fault] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            order = ImportedOrder.model_validate_json(line)
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False, include_context=False)
            why = "; ".join(f"{'.'.join(map(str, one['loc'])) or 'line'}: {one['msg']}" for one in found[:5])
            faults.append(Fault(number, why))
            continue
        if order.so_id in orders:
            faults.append(Fault(number, f"so_id: {order.so_id} came before"))
            continue
        orders[order.so_id] = order
    return list(orders.values()), faults


async def known(store: "Store", orders: "Sequence[ImportedOrder]") -> set[str]:
    """Return the ``so_id`` of those that are in the books already."""
    found: set[str] = set()
    for start in range(0, len(orders), _AT_A_TIME):
        found |= set(await store.orders([one.so_id for one in orders[start : start + _AT_A_TIME]]))
    return found


async def write(store: "Store", orders: "Sequence[ImportedOrder]") -> list[str]:
    """Put ``orders`` into the books; return the ``so_id`` of those that came into them meanwhile and were left.

    Raises:
        RelayError: the database refused one, or went away; what was written before stays, and running it again goes on.
    """
    left: list[str] = []
    for start in range(0, len(orders), _AT_A_TIME):
        part = orders[start : start + _AT_A_TIME]
        units = [UnitOfWork((SaveOrder(one.order(), uuid4().hex),)) for one in part]
        for one, error in zip(part, await store.apply(units), strict=True):
            if isinstance(error, StateError):
                left.append(one.so_id)
            elif error is not None:
                raise error
    return left

"""What a change of goods is told as (EVENTS, "Out"): ``product.changed``, ``price.changed``, ``stock.changed``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from pydantic import ValidationError

from consumer.domain.goods import StockLevel
from consumer.domain.outcome import Result
from schemas.results import PriceChanged, PriceValues, ProductChanged, ProductValues, StockChanged, StockValues

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from consumer.domain.goods import Price, Stock
    from consumer.domain.looks import Change
    from consumer.domain.product import Product
    from consumer.handlers.asking import NoAnswer

T = TypeVar("T")

_LEVELS: Final = {StockLevel.OWN: "0", StockLevel.UPPER: "1", None: None}


@dataclass(slots=True)
class Told(Generic[T]):
    """Changes with the results that tell them; what our contract cannot tell is not kept either, and harms no other.

    Attributes:
        changes: those that can be told.
        changed: their product codes.
        results: of these.
        broken: by product code, why the others cannot.
    """

    changes: list[Change[T]] = field(default_factory=list)
    changed: set[str] = field(default_factory=set)
    results: list[Result] = field(default_factory=list)
    broken: dict[str, str] = field(default_factory=dict)

    def add(self, more: Told[T]) -> None:
        """Take ``more`` in."""
        self.changes += more.changes
        self.changed |= more.changed
        self.results += more.results
        self.broken |= more.broken


def told(changes: Iterable[Change[T]], tell: Callable[[Change[T], str | None], Result], request: str | None) -> Told[T]:
    """Return ``changes`` with what tells them, each by ``tell``; ``request`` is the id of the event that asked."""
    found = Told[T]()
    for change in changes:
        code = getattr(change.new, "product_code")  # noqa: B009 (all three kinds have it)
        try:
            found.results.append(tell(change, request))
        except ValidationError as error:
            fields = ", ".join(str(place["loc"][-1]) for place in error.errors()[:3])
            found.broken[code] = f"Haier's values break our contract: {fields}"
        else:
            found.changes.append(change)
            found.changed.add(code)
    return found


def product_changed(change: Change[Product], request: str | None) -> Result:
    """Tell that a product is new or differs.

    Raises:
        ValidationError: the contract cannot tell its values.
    """
    code = change.new.product_code
    data = ProductChanged(
        product_code=code, new=_product(change.new), old=None if change.old is None else _product(change.old)
    )
    return Result("product.changed", data, subject=code, correlationid=request)


def price_changed(change: Change[Price], request: str | None) -> Result:
    """Tell that a price is new or differs; raises as `product_changed`."""
    code = change.new.product_code
    data = PriceChanged(
        product_code=code, new=_price(change.new), old=None if change.old is None else _price(change.old)
    )
    return Result("price.changed", data, subject=code, correlationid=request)


def stock_changed(change: Change[Stock], request: str | None) -> Result:
    """Tell that the stock for a county is new or differs; raises as `product_changed`."""
    code, county = change.new.product_code, change.new.county_code
    data = StockChanged(
        product_code=code,
        county_code=county,
        new=_stock(change.new),
        old=None if change.old is None else _stock(change.old),
    )
    return Result("stock.changed", data, subject=f"{code}/{county}", correlationid=request)


def words(error: NoAnswer) -> str:
    """Return why, in the supplier's words where it has any."""
    return error.supplier_message or error.message


def _product(product: Product) -> ProductValues:
    return ProductValues(
        model=product.model,
        category=product.category,
        brand=product.brand,
        image_url=product.image_url,
        page_image_urls=product.page_image_urls,
        procurable=product.procurable,
        reason=product.reason,
    )


def _price(price: Price) -> PriceValues:
    return PriceValues(
        supply_price=price.supply_price,
        invoice_price=price.invoice_price,
        direct_discount=price.direct_discount,
        rebate_type=price.rebate_type,
        rebate_money=price.rebate,
        procurable=price.procurable,
        reason=price.reason,
    )


def _stock(stock: Stock) -> StockValues:
    return StockValues(
        stock=stock.quantity,
        storage_location=stock.storage_location,
        warehouse_level=_LEVELS[stock.level],
        order_cut_off=stock.order_cut_off,
        delivery_estimate=stock.delivery_estimate,
        hours=None if stock.hours is None else format(stock.hours, "f"),
        transfer=stock.transferred,
    )

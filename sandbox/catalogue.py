"""Haier's goods, made up but always the same: code by code, so that two runs see the same catalogue.

Prices obey "invoice price = supply price × (1 − direct discount) − rebate" (SUPPLIERS, prices) to the cent. Some goods
are not procurable, some have no valid price, some counties have no stock: a sync meets all of it in any hundred goods.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from zlib import crc32

BRANDS = ("海尔", "卡萨帝", "统帅", "美诺达", "GEA")
GROUPS = ("冰箱", "洗衣机", "空调", "热水器", "电视", "冷柜", "厨电", "洗碗机")
REBATE_TYPES = ("COM", "FHQ", "BF", "DTDBF")
NOT_PROCURABLE = "商品暂不可采"
NO_VALID_PRICE = "价格未生效"
CENT = Decimal("0.01")
CYCLE = 20  # one in twenty is not procurable, one in twenty has no valid price


@dataclass(frozen=True, slots=True)
class Product:
    """One article. Money in yuan; ``discount`` is a fraction; ``stock`` by county wins over the made-up figure."""

    index: int
    code: str
    model: str
    brand: str
    group: str
    procurable: bool
    price_valid: bool
    supply_price: Decimal
    discount: Decimal
    rebate: Decimal
    rebate_type: str | None
    stock: Mapping[str, int]

    @property
    def invoice_price(self) -> Decimal:
        """What the dealer pays for one, to the cent: SUPPLIERS, prices."""
        return (self.supply_price * (1 - self.discount) - self.rebate).quantize(CENT)

    def stock_in(self, county: str) -> int:
        """Units that can be delivered to a county; one county in five has none."""
        if county in self.stock:
            return self.stock[county]
        drawn = crc32(f"{self.code}/{county}".encode())
        return 0 if drawn % 5 == 0 else drawn % 97 + 1


def product(index: int) -> Product:
    """The article at ``index``, counted from 0."""
    brand, group = BRANDS[index % len(BRANDS)], GROUPS[index % len(GROUPS)]
    typed = index % 7 == 3  # noqa: PLR2004  (an arbitrary share of the goods)
    return Product(
        index=index,
        code=code(index),
        model=f"{'BCXKRTEL'[index % len(GROUPS)]}CD-{200 + index % 400}WD{index % 9}",
        brand=brand,
        group=group,
        procurable=index % CYCLE != 7,  # noqa: PLR2004  (arbitrary)
        price_valid=index % CYCLE != 13,  # noqa: PLR2004  (arbitrary)
        supply_price=Decimal(999 + index * 37 % 9000),
        discount=Decimal(0) if typed else Decimal(index % 4) / 100,
        rebate=Decimal(index % 3 * 5) + Decimal(index % 2) / 2,
        rebate_type=REBATE_TYPES[index % len(REBATE_TYPES)] if typed else None,
        stock={},
    )


def code(index: int) -> str:
    """The product code at ``index``: two letters and seven digits."""
    return f"BX{index + 1:07d}"


class Catalogue:
    """The goods of one sandbox; what a test changes stays until the process ends.

    ``changes`` counts them.
    """

    def __init__(self, count: int) -> None:
        self._goods = {found.code: found for found in map(product, range(count))}
        self.changes = 0

    def __len__(self) -> int:
        return len(self._goods)

    def all(self) -> list[Product]:
        """Every article, in the order of its code."""
        return list(self._goods.values())

    def find(self, product_code: str) -> Product | None:
        """One article, if there is such a code."""
        return self._goods.get(product_code)

    def change(
        self,
        product_code: str,
        *,
        procurable: bool | None = None,
        supply_price: Decimal | None = None,
        stock: Mapping[str, int] | None = None,
    ) -> Product | None:
        """Give an article other values; None where there is no such code."""
        found = self._goods.get(product_code)
        if found is None:
            return None
        changed = replace(
            found,
            procurable=found.procurable if procurable is None else procurable,
            supply_price=found.supply_price if supply_price is None else supply_price,
            stock={**found.stock, **(stock or {})},
        )
        self._goods[product_code] = changed
        self.changes += 1
        return changed

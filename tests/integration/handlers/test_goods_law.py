"""The law of changes, on both databases: whoever looks at the same goods at the same time, and writes when.

What a change tells as old is what was told last as new; what is the same is told by nobody; no look undoes a newer one.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from consumer.domain.errors import Stale
from tests.support.goods_line import GoodsLine, Haier, good, price

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    import pytest

    from consumer.domain.goods import Price, Stock
    from consumer.domain.looks import Look
    from consumer.domain.product import Product
    from consumer.domain.writes import UnitOfWork
    from consumer.persistence.store import Store
    from schemas.envelope import Event

COUNTY = "330106"
KINDS = ("products", "prices", "stock")
_EXAMPLES = count()

steps = st.lists(
    st.one_of(
        st.tuples(st.just("set"), st.integers(0, 1), st.integers(0, 2)),
        st.tuples(st.just("begin"), st.sampled_from(KINDS), st.booleans()),
        st.tuples(st.just("go"), st.integers(0, 5), st.just(0)),
    ),
    max_size=16,
)


def _overtaken(kind: str) -> list[tuple[str, Any, Any]]:
    """Return how a look is written late, after a newer one has brought something else."""
    first = 2 * KINDS.index(kind)
    old, new = ("set", 0, 0), ("set", 0, 1)
    begin = ("begin", kind, False)
    return [old, begin, new, begin, *[("go", first + 1, 0)] * 2, *[("go", first, 0)] * 2]


@dataclass
class Run:
    """A batch on its way: it stands still once it has its answer, and again before it writes."""

    task: asyncio.Task[Any] | None = None
    go: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    standing: asyncio.Event = field(default_factory=asyncio.Event)
    stops: int = 2

    async def stop(self) -> None:
        if self.stops > 0:
            self.stops -= 1
            self.standing.set()
            await self.go.acquire()

    async def until_it_stands(self) -> None:
        assert self.task is not None
        standing = asyncio.create_task(self.standing.wait())
        await asyncio.wait({self.task, standing}, return_when=asyncio.FIRST_COMPLETED)
        standing.cancel()
        if self.task.done():
            self.task.result()

    async def on(self) -> None:
        self.standing.clear()
        self.go.release()
        await self.until_it_stands()


_RUN: ContextVar[Run] = ContextVar("run")


class SlowHaier(Haier):
    """Answers arrive long after the look."""

    async def products(self, codes: Sequence[str], *, since: datetime | None = None) -> Look[Product]:
        look = await super().products(codes, since=since)
        await _RUN.get().stop()
        return look

    async def prices(self, codes: Sequence[str]) -> Look[Price]:
        look = await super().prices(codes)
        await _RUN.get().stop()
        return look

    async def stock(self, product_code: str, county_code: str) -> Stock:
        stock = await super().stock(product_code, county_code)
        if product_code.endswith("-0"):
            await _RUN.get().stop()
        return stock


@dataclass
class World:
    """Two goods, and all who look at them."""

    line: GoodsLine
    goods: tuple[str, str]
    batches: dict[str, list[Event]]
    runs: list[Run] = field(default_factory=list)
    seen: dict[tuple[str, str], tuple[int, datetime]] = field(default_factory=dict)

    @classmethod
    async def of(cls, store: Store, name: str) -> World:
        goods = (f"{name}-0", f"{name}-1")
        line = GoodsLine(store, SlowHaier().stocked(*goods))
        await line.send("sync.prices.requested", f"{name}-p", product_codes=goods)
        await line.send("sync.stock.requested", f"{name}-s", product_codes=goods, county_codes=[COUNTY])
        for number in range(18):
            wish = {"with_stock": True, "county_codes": [f"{number:06}"], "product_codes": goods}
            await line.send("sync.products.requested", f"{name}-g{number}", **wish)
        batches: dict[str, list[Event]] = {kind: [] for kind in KINDS}
        for event in line.queue:
            batches[event.type.rsplit(".", 1)[1]].append(event)
        line.queue.clear()
        line.told.clear()
        return cls(line, goods, batches)

    def set(self, place: int, value: int) -> None:
        """Change all that the supplier says of a good."""
        code, haier = self.goods[place], self.line.haier
        haier.goods[code] = good(code, model=f"M{value}", procurable=value != 2, reason="停售" if value == 2 else None)
        haier.supply[code] = price(code, f"{value + 1}.00" if value != 2 else None)
        haier.units[code, COUNTY] = value

    async def begin(self, kind: str, *, again: bool) -> None:
        """Begin a batch; ``again``: a delivery of one that may be under way, or done, already."""
        events, run = self.batches[kind], Run()
        place = len(self.runs)
        if kind == "products":
            event, name = events[0] if again else events.pop(), ""
        else:
            event, name = events[0], "" if again else f"r{place}"
        self.runs.append(run)

        async def carry() -> None:
            _RUN.set(run)
            try:
                await self.line.carry(event, name)
            except Stale:
                await self.line.carry(event, name)

        run.task = asyncio.create_task(carry())
        await run.until_it_stands()

    async def check(self) -> None:
        """Check that no row has gone back."""
        books = self.line.store.catalogue
        for kind, held in (
            ("products", await books.products(self.goods)),
            ("prices", await books.prices(self.goods)),
            ("stock", await books.stock(self.goods, COUNTY)),
        ):
            for code, known in held.items():
                version, seen_at = self.seen.get((kind, code), (0, known.seen_at))
                assert known.row_version >= version
                assert known.seen_at >= seen_at
                assert known.row_version > version or known.seen_at == seen_at
                self.seen[kind, code] = (known.row_version, known.seen_at)

    async def look_alone(self) -> None:
        """Look with nobody beside: that finds out whatever an older look may have brought back."""
        for kind in KINDS:
            await self.begin(kind, again=False)
            while (task := self.runs[-1].task) is not None and not task.done():
                await self.runs[-1].on()

    async def check_the_end(self) -> None:
        """Check that the books hold what the supplier says, and that as much was told as was written."""
        told = _chains(self.line.told)
        books, haier = self.line.store.catalogue, self.line.haier
        products, prices = await books.products(self.goods), await books.prices(self.goods)
        stock = await books.stock(self.goods, COUNTY)
        for code in self.goods:
            assert products[code].value == haier.goods[code]
            assert prices[code].value == haier.supply[code]
            assert stock[code].value.quantity == haier.units[code, COUNTY]
            assert told["product.changed", code] == products[code].row_version
            assert told["price.changed", code] == prices[code].row_version
            assert told["stock.changed", f"{code}/{COUNTY}"] == stock[code].row_version


def _chains(told: Sequence[Event]) -> Counter[tuple[str, str | None]]:
    """Check that what is old is what was told last; return how many changes were told of what."""
    last: dict[tuple[str, str | None], Any] = {}
    for event in told:
        if not event.type.endswith(".changed"):
            continue
        data: Any = event.data
        place = (event.type, event.subject)
        assert data.old == last.get(place)
        assert data.new != data.old
        last[place] = data.new
    return Counter((event.type, event.subject) for event in told if event.type.endswith(".changed"))


@settings(
    max_examples=20,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=steps)
@example(steps=[step for kind in KINDS for step in _overtaken(kind)])
async def test_what_is_old_is_what_was_told_last_whoever_writes_when(
    store: Store, monkeypatch: pytest.MonkeyPatch, steps: list[tuple[str, Any, Any]]
) -> None:
    world = await World.of(store, f"G{next(_EXAMPLES)}")
    commit: Callable[[UnitOfWork], Awaitable[None]] = world.line.books.commit

    async def slow(unit: UnitOfWork) -> None:
        await _RUN.get().stop()
        await commit(unit)

    monkeypatch.setattr(world.line.books, "commit", slow)
    for what, one, two in steps:
        if what == "set":
            world.set(one, two)
        elif what == "begin":
            await world.begin(one, again=two)
        elif world.runs:
            await world.runs[one % len(world.runs)].on()
        await world.check()
    for run in world.runs[::-1]:
        while run.task is not None and not run.task.done():
            await run.on()
        await world.check()
    await world.look_alone()
    await world.check_the_end()

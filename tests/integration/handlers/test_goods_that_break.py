"""Goods of which Haier says what contract or books cannot hold: each is told as failed, and stands in nobody's way."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from consumer.domain.errors import Transient
from consumer.domain.looks import Look, Unreadable
from tests.support.goods_line import GoodsLine, Haier, Listed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from consumer.domain.product import Product
    from consumer.persistence.store import Store

NAMELESS = tuple(Unreadable("", f"{place}.productCode: expected a value") for place in range(3))


@dataclass
class PartlyNameless(Listed):
    """A list whose last part has entries without a code; it breaks behind that part."""

    broken: tuple[Unreadable, ...] = ()

    async def parts(self, size: int) -> AsyncIterator[Look[Product]]:
        del size
        yield Look(self.seen_at, tuple(self.goods), self.broken)
        if self.breaking:
            raise self.breaking.pop()


@dataclass
class BrokenHaier(Haier):
    broken: tuple[Unreadable, ...] = field(default=NAMELESS)

    @asynccontextmanager
    async def listing(self) -> AsyncIterator[Listed]:
        yield PartlyNameless(list(self.goods.values()), self.breaking, broken=self.broken)


async def test_a_code_that_no_result_can_name_keeps_no_sync_open(store: Store) -> None:
    code = "X" * 65
    line = GoodsLine(store, Haier().stocked("BX0001", code))
    await line.send("sync.products.requested")
    await line.run()
    assert (line.end().sync_log.status, line.end().sync_log.failed_count) == ("partial", 1)
    [failed] = line.end().failed
    assert failed.product_code == "X" * 63 + "…"


async def test_reasons_that_no_result_can_tell_keep_no_sync_open(store: Store) -> None:
    haier = BrokenHaier(broken=(Unreadable("BX0002", "x\0" * 2_000),)).stocked("BX0001")
    line = GoodsLine(store, haier)
    await line.send("sync.products.requested")
    await line.run()
    [failed] = line.end().failed
    assert (len(failed.reason), failed.reason[:4]) == (2_000, "x?x?")


async def test_entries_without_a_code_are_counted_each_and_once_however_often_the_list_is_read(store: Store) -> None:
    haier = BrokenHaier(
        breaking=[Transient("gone", code="disconnected", supplier="haier", operation="products")]
    ).stocked("BX0001", "BX0002")
    line = GoodsLine(store, haier)
    await line.send("sync.products.requested")
    batch = line.queue.pop(0)
    with pytest.raises(Transient):
        await line.carry(batch)
    line.queue.append(batch)
    await line.run()
    row = line.end().sync_log
    assert (row.total_count, row.success_count, row.failed_count) == (5, 2, 3)
    assert {item.reason for item in line.end().failed} == {entry.reason for entry in NAMELESS}


async def test_an_entry_that_cannot_be_read_keeps_no_other_from_being_marked(store: Store) -> None:
    haier = Haier().stocked("BX0001", "BX0002", "BX0003")
    line = GoodsLine(store, haier)
    await line.send("sync.products.requested")
    await line.run()
    del haier.goods["BX0001"], haier.goods["BX0002"]
    haier.unreadable = (Unreadable("BX0001", '0.isSales: expected "1" or "0"'),)
    await line.send("sync.products.requested", "e2", product_codes=["BX0001", "BX0002", "BX0003"])
    await line.run()
    known = await store.catalogue.products(["BX0001", "BX0002"])
    assert known["BX0001"].value.procurable
    assert not known["BX0002"].value.procurable
    assert line.end().sync_log.failed_count == 2


async def test_what_the_list_left_out_is_not_taken_for_marked_where_nobody_knows(store: Store) -> None:
    haier = Haier().stocked("BX0001", "BX0002")
    line = GoodsLine(store, haier)
    await line.send("sync.products.requested")
    await line.run()
    del haier.goods["BX0001"]
    haier.unreadable = (Unreadable("", "0.productCode: expected a value"),)
    await line.send("sync.products.requested", "e2")
    await line.run()
    assert (await store.catalogue.products(["BX0001"]))["BX0001"].value.procurable
    assert [(item.product_code, item.reason) for item in line.end().failed] == [
        ("BX0001", "0.productCode: expected a value")
    ]

"""Syncs of goods on both databases, from the request to the closed row: counts, changes, what fails harms no other."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from consumer.domain.audit import AuditEntry
from consumer.domain.errors import Transient
from consumer.domain.looks import Unreadable
from consumer.domain.ports import SyncAccount
from consumer.domain.writes import SyncStatus, SyncType
from tests.support.goods_line import GoodsLine, Haier, good, off, price

if TYPE_CHECKING:
    from consumer.persistence.store import Store

HANGZHOU, QINGDAO = "330106", "370202"


def codes(count: int) -> list[str]:
    return [f"BX{number:04}" for number in range(count)]


async def _held(store: Store) -> tuple[Any, Any, Any]:
    books = store.catalogue
    return await books.products(codes(30)), await books.prices(codes(30)), await books.stock(codes(30), HANGZHOU)


async def test_all_goods_with_prices_and_stock_of_two_counties(store: Store) -> None:
    haier = Haier().stocked(*codes(45), counties=(HANGZHOU, QINGDAO))
    line = GoodsLine(store, haier)
    await line.send("sync.products.requested", with_prices=True, with_stock=True, county_codes=[HANGZHOU, QINGDAO])
    await line.run()
    end = line.end()
    assert (end.sync_log.status, end.sync_log.total_count, end.sync_log.success_count) == ("success", 180, 180)
    assert (end.changed, end.unchanged, end.failed) == (180, 0, ())
    assert (haier.calls.count("listing"), haier.calls.count("prices"), haier.calls.count("stock")) == (1, 3, 90)
    assert {len(line.of(kind)) for kind in ("product.changed", "price.changed")} == {45}
    assert len(line.of("stock.changed")) == 90
    assert {event.correlationid for event in line.told} == {"e1"}
    assert len(line.of("sync_log.recorded")) == 1


async def test_what_is_the_same_is_neither_written_nor_told(store: Store) -> None:
    haier = Haier().stocked(*codes(30))
    line = GoodsLine(store, haier)
    await line.send("sync.products.requested", with_prices=True, with_stock=True, county_codes=[HANGZHOU])
    await line.run()
    before = await _held(store)
    line.told.clear()
    haier.supply["BX0007"] = price("BX0007", "99.00")
    await line.send("sync.products.requested", "e2", with_prices=True, with_stock=True, county_codes=[HANGZHOU])
    await line.run()
    assert [event.subject for event in line.of("price.changed")] == ["BX0007"]
    assert not line.of("product.changed")
    assert not line.of("stock.changed")
    assert (line.end().changed, line.end().unchanged) == (1, 89)
    after = await _held(store)
    assert {code for code in codes(30) if before[1][code] != after[1][code]} == {"BX0007"}
    assert (before[0], before[2]) == (after[0], after[2])
    assert after[1]["BX0007"].row_version == 2


async def test_one_code_that_fails_harms_no_other(store: Store) -> None:
    haier = Haier().stocked(*codes(24))
    haier.goods["BX0001"] = off(good("BX0001"))
    haier.supply["BX0002"] = price("BX0002", None)
    del haier.units["BX0003", HANGZHOU]
    haier.goods["BX0004"] = good("BX0004", model="x" * 3000)
    line = GoodsLine(store, haier)
    wanted = [*codes(24), "NOSUCH"]
    await line.send(
        "sync.products.requested",
        product_codes=wanted,
        with_prices=True,
        with_stock=True,
        county_codes=[HANGZHOU],
    )
    await line.run()
    end = line.end()
    assert end.sync_log.status == "partial"
    reasons = {item.product_code: item.reason for item in end.failed}
    assert set(reasons) == {"BX0001", "BX0002", "BX0003", "BX0004", "NOSUCH"}
    assert "商品暂不可采" in reasons["BX0001"]
    assert "价格未生效" in reasons["BX0002"]
    assert reasons["BX0003"] == "商品编码无效"
    assert reasons["BX0004"].endswith("model")
    known = await store.catalogue.products(wanted)
    assert (known["BX0001"].value.procurable, known["BX0001"].value.reason) == (False, "商品暂不可采")
    assert "BX0004" not in known
    # 25 goods; prices of the 23 that are listed and tellable; stock of the 22 that can be ordered.
    assert end.sync_log.total_count == 25 + 23 + 22
    assert end.sync_log.failed_count == 5


async def test_stock_that_is_down_stops_neither_goods_nor_prices(store: Store) -> None:
    haier = Haier(refusing={"stock"}).stocked(*codes(25))
    line = GoodsLine(store, haier)
    await line.send("sync.products.requested", with_prices=True, with_stock=True, county_codes=[HANGZHOU])
    await line.run()
    end = line.end()
    assert (end.sync_log.status, end.sync_log.success_count, end.sync_log.failed_count) == ("partial", 50, 25)
    assert {item.reason for item in end.failed} == {"账号无权限"}


async def test_an_entry_that_cannot_be_read_is_a_failed_item(store: Store) -> None:
    haier = Haier().stocked(*codes(3))
    del haier.goods["BX0001"]
    haier.unreadable = (Unreadable("BX0001", '1.isSales: expected "1" or "0"'),)
    line = GoodsLine(store, haier)
    await line.send("sync.products.requested", product_codes=codes(3))
    await line.run()
    assert [(item.product_code, item.reason) for item in line.end().failed] == [
        ("BX0001", '1.isSales: expected "1" or "0"')
    ]


async def test_goods_that_the_list_leaves_out_are_marked_with_the_reason(store: Store) -> None:
    haier = Haier().stocked(*codes(30))
    line = GoodsLine(store, haier)
    await line.send("sync.products.requested")
    await line.run()
    haier.goods["BX0003"] = off(haier.goods["BX0003"])
    del haier.goods["BX0004"]
    line.told.clear()
    await line.send("sync.products.requested", "e2")
    await line.run()
    known = await store.catalogue.products(codes(30))
    assert known["BX0003"].value == off(good("BX0003"))
    assert (known["BX0004"].value.procurable, known["BX0004"].value.reason) == (False, "Haier does not list this code")
    assert sorted(event.subject or "" for event in line.of("product.changed")) == ["BX0003", "BX0004"]
    assert (line.end().sync_log.status, line.end().changed, line.end().sync_log.total_count) == ("success", 2, 30)


async def test_a_list_of_another_category_marks_nothing(store: Store) -> None:
    haier = Haier().stocked(*codes(4))
    haier.goods["BX0003"] = good("BX0003", category="洗衣机")
    line = GoodsLine(store, haier)
    await line.send("sync.products.requested")
    await line.run()
    await line.send("sync.products.requested", "e2", category="洗衣机")
    await line.run()
    assert all(known.value.procurable for known in (await store.catalogue.products(codes(4))).values())
    assert line.end().sync_log.total_count == 1


async def test_prices_and_stock_alone_go_over_the_whole_list_and_keep_no_goods(store: Store) -> None:
    haier = Haier().stocked(*codes(21))
    line = GoodsLine(store, haier)
    await line.send("sync.prices.requested")
    await line.send("sync.stock.requested", "e2", county_codes=[HANGZHOU])
    await line.run()
    assert [end.data.sync_log.sync_type for end in line.of("sync.completed")] == ["prices", "stock"]  # type: ignore[attr-defined]
    assert {line.end(place).sync_log.total_count for place in (0, 1)} == {21}
    assert await store.catalogue.products(codes(21)) == {}


@pytest.mark.parametrize("kind", ["products", "prices"])
async def test_a_call_that_is_refused_fails_its_twenty_and_no_other(store: Store, kind: str) -> None:
    line = GoodsLine(store, Haier(refusing={"BX0030"}).stocked(*codes(100)))
    await line.send(f"sync.{kind}.requested", product_codes=codes(100))
    await line.run()
    assert len(line.queue) == 0
    row = line.end().sync_log
    assert (row.status, row.success_count, row.failed_count) == ("partial", 80, 20)
    assert {failed.product_code for failed in line.end().failed} == set(codes(40)[20:])
    assert {item.reason for item in line.end().failed} == {"账号无权限"}
    assert set(await getattr(store.catalogue, kind)(codes(100))) == set(codes(100)) - set(codes(40)[20:])


async def test_the_account_says_what_the_request_leaves_out(store: Store) -> None:
    line = GoodsLine(store, Haier().stocked(*codes(2)))
    line.account = SyncAccount(None, "C1", prices=True, stock=True, counties=(HANGZHOU,))
    await line.send("sync.products.requested", product_codes=codes(2))
    await line.run()
    assert line.end().sync_log.total_count == 6
    await line.send("sync.products.requested", "e2", product_codes=codes(2), with_prices=False, with_stock=False)
    await line.run()
    assert line.end().sync_log.total_count == 2


async def test_stock_for_no_county_is_refused_with_what_to_do(store: Store) -> None:
    line = GoodsLine(store, Haier().stocked(*codes(2)))
    await line.send("sync.products.requested", with_stock=True)
    await line.run()
    assert line.end().sync_log.status == "failed"
    assert "county_codes" in (line.end().sync_log.message or "")


async def test_a_list_that_is_refused_fails_the_sync_in_the_suppliers_words(store: Store) -> None:
    line = GoodsLine(store, Haier(refusing={"listing"}))
    await line.send("sync.products.requested")
    await line.run()
    row = line.end().sync_log
    assert (row.status, row.total_count) == ("failed", 0)
    assert "账号无权限" in (row.message or "")


async def test_the_same_request_joins_what_is_under_way_and_gets_the_same_end(store: Store) -> None:
    haier = Haier().stocked(*codes(101))
    line = GoodsLine(store, haier)
    await line.send("sync.products.requested", "e1", product_codes=codes(101), with_prices=True)
    await line.send("sync.products.requested", "e2", product_codes=codes(101)[::-1], with_prices=True)
    await line.send("sync.products.requested", "e3", product_codes=codes(101), with_prices=False)
    await line.run()
    ends = {event.correlationid: event.data for event in line.of("sync.completed")}
    assert set(ends) == {"e1", "e2", "e3"}
    assert ends["e1"] == ends["e2"]
    assert ends["e1"].sync_log.id != ends["e3"].sync_log.id  # type: ignore[attr-defined]
    assert haier.calls.count("products") == 12
    assert len(await store.recent_sync_logs(10)) == 2
    await line.send("sync.products.requested", "e4", product_codes=codes(101), with_prices=True)
    assert len(line.queue) == 2


async def test_a_list_read_anew_after_a_crash_counts_nothing_twice_and_misses_nothing(store: Store) -> None:
    haier = Haier().stocked(*codes(1_700))
    haier.breaking = [Transient("gone", code="disconnected", supplier="haier", operation="products")]
    line = GoodsLine(store, haier)
    await line.send("sync.products.requested", with_prices=True)
    batch = line.queue.pop(0)
    with pytest.raises(Transient):
        await line.carry(batch)
    # The list has another order now, one good less and one more.
    del haier.goods["BX0001"]
    haier.stocked("NEW1")
    haier.goods = dict(random.Random(1).sample(sorted(haier.goods.items()), len(haier.goods)))  # noqa: S311 - no secret
    line.queue.append(batch)
    await line.run()
    end = line.end()
    assert len(line.of("product.changed")) == len({event.subject for event in line.of("product.changed")}) == 1_701
    assert (end.sync_log.status, end.sync_log.success_count, end.changed) == ("success", 3_402, 3_402)
    assert len(await store.catalogue.prices([*codes(1_700), "NEW1"])) == 1_701


async def test_batches_in_any_order_and_twice_close_the_row_once(store: Store) -> None:
    haier = Haier().stocked(*codes(300), counties=(HANGZHOU, QINGDAO))
    line = GoodsLine(store, haier)
    await line.send("sync.products.requested", with_prices=True, with_stock=True, county_codes=[HANGZHOU, QINGDAO])
    lots, done = random.Random(7), list[object]()  # noqa: S311 - no secret
    while line.queue:
        event = line.queue.pop(lots.randrange(len(line.queue)))
        assert await line.carry(event) != (event.id in done)
        if event.id not in done and lots.random() < 0.5:
            line.queue.append(event)
        done.append(event.id)
        await line.close()
    assert len(line.of("sync.completed")) == 1
    assert (line.end().sync_log.success_count, line.end().changed) == (1_200, 1_200)


async def test_a_lost_batch_fails_its_items_and_its_replay_is_a_sync_of_its_own(store: Store) -> None:
    haier = Haier().stocked(*codes(140))
    line = GoodsLine(store, haier)
    await line.send("sync.products.requested", product_codes=codes(140), with_prices=True)
    lost = line.queue.pop(0)
    await line.lose(lost)
    await line.run()
    end = line.end()
    assert (end.sync_log.status, end.sync_log.failed_count, end.sync_log.total_count) == ("partial", 100, 180)
    assert {item.reason for item in end.failed} == {"次数用尽"}
    assert len(await store.catalogue.products(codes(140))) == 40
    await line.carry(lost, run="replay-1")
    await line.run()
    assert len(await store.catalogue.products(codes(140))) == len(await store.catalogue.prices(codes(140))) == 140
    newest = (await store.recent_sync_logs(1))[0]
    assert (newest.sync_type, newest.status, newest.total_count) == (SyncType.MANUAL, SyncStatus.SUCCESS, 200)


async def test_a_lost_list_fails_the_sync(store: Store) -> None:
    line = GoodsLine(store, Haier().stocked(*codes(3)))
    await line.send("sync.products.requested")
    await line.lose(line.queue.pop())
    await line.run()
    assert line.end().sync_log.status == "failed"
    assert "次数用尽" in (line.end().sync_log.message or "")


async def test_a_cancelled_sync_makes_no_call_any_more_and_tells_everybody(store: Store) -> None:
    haier = Haier().stocked(*codes(500))
    line = GoodsLine(store, haier)
    await line.send("sync.products.requested", product_codes=codes(500), with_prices=True)
    await line.send("sync.products.requested", "e2", product_codes=codes(500), with_prices=True)
    await line.carry(line.queue.pop(0))
    entry = AuditEntry("li@ops-1", "sync.cancel", datetime.now(UTC), None, "错误的范围")
    row = (await store.recent_sync_logs(1))[0]
    ended = await store.cancelling.cancel(row.id, entry)
    assert ended is not None
    assert (ended.status, ended.success_count, ended.total_count) == (SyncStatus.FAILED, 100, 600)
    assert ended.message.startswith("cancelled by li@ops-1")
    assert await store.cancelling.cancel(row.id, entry) is None
    calls = len(haier.calls)
    await line.run()
    assert len(haier.calls) == calls
    assert await store.sync_log(row.id) == ended
    told = await store.claim_outbox(100, claim_for=timedelta(seconds=1))
    assert told is not None
    assert [act.action for act in await store.audit_log()] == ["sync.cancel"]


async def test_a_price_that_does_not_add_up_is_a_warning_on_the_row(store: Store) -> None:
    haier = Haier().stocked("A")
    haier.supply["A"] = price("A", "100.00", invoice_price=price("A", "90.00").supply_price)
    line = GoodsLine(store, haier)
    await line.send("sync.prices.requested", product_codes=["A"])
    await line.run()
    assert line.end().sync_log.status == "success"
    known = (await store.catalogue.prices(["A"]))["A"].value
    assert known.warning == "the invoice price is 90.00, but 100.00 x (1 - 0) - 0 is 100.00"

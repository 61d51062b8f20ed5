"""Syncs of goods: batches of twenty, what fails stays within its batch, counts add up."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.domain.errors import Defect, Malformed, Rejected, SupplierError, Transient
from consumer.domain.outcome import Ending, Outcome
from consumer.domain.product import Product
from consumer.domain.writes import InboxKey, OutboxMessage, SaveProducts, SyncLogRow, SyncStatus, UnitOfWork
from consumer.handlers.sync_products import SyncProductsHandler
from schemas.codec import decode
from tests.support.events import event
from tests.unit.domain.failures import supplier_error

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from consumer.domain.order import Order

KEY = InboxKey("/shop", "sync-1")


def good(code: str, **changes: Any) -> Product:
    fields: dict[str, Any] = {
        "product_code": code,
        "model": f"model {code}",
        "category": "冰箱",
        "brand": "海尔",
        "image_url": None,
        "page_image_urls": (),
        "procurable": True,
        "reason": None,
        **changes,
    }
    return Product(**fields)


class Books:
    """Goods, the sync log with all that it said on the way, and results."""

    def __init__(self) -> None:
        self.goods: dict[str, Product] = {}
        self.log: list[SyncLogRow] = []
        self.outbox: dict[str, OutboxMessage] = {}

    async def commit(self, unit: UnitOfWork) -> None:
        for write in unit.writes:
            match write:
                case SyncLogRow():
                    self.log.append(write)
                case SaveProducts():
                    self.goods |= {product.product_code: product for product in write.products}
                case OutboxMessage():
                    self.outbox.setdefault(write.id, write)
                case _:
                    raise AssertionError(f"a sync of goods does not write {write!r}")

    async def order(self, so_id: str) -> Order | None:
        raise AssertionError(f"a sync of goods reads no order {so_id}")

    async def orders_by_numbers(self, platform_order_no: str, ext_order_no: str | None) -> Sequence[Order]:
        raise AssertionError(f"a sync of goods looks for no order {platform_order_no}, {ext_order_no}")

    async def outbox_of(self, key: InboxKey) -> Sequence[OutboxMessage]:
        raise AssertionError(f"a sync of goods asks for no message of {key}")

    async def products(self, codes: Collection[str]) -> Mapping[str, Product]:
        return {code: self.goods[code] for code in codes if code in self.goods}


class Haier:
    """The catalogue; a code in ``fails`` fails the call that asks for it."""

    def __init__(self, *goods: Product) -> None:
        self.goods = {product.product_code: product for product in goods}
        self.fails: dict[str, SupplierError] = {}
        self.asked: list[Sequence[str] | None] = []
        self.says_twice = False

    async def procurable_products(self, codes: Sequence[str] | None) -> Sequence[Product]:
        self.asked.append(codes)
        for code in codes if codes is not None else self.fails:
            if code in self.fails:
                raise self.fails[code]
        answer = [product for code, product in self.goods.items() if codes is None or code in codes]
        return answer * 2 if self.says_twice else answer


ACCOUNT = "7d0a7d3e-5f6b-4f0e-9a51-0c9f3f1f2b11"


class Sync:
    """The handler with its fakes."""

    def __init__(self, *goods: Product) -> None:
        self.books = Books()
        self.haier = Haier(*goods)
        self.ended: list[tuple[int, int, int, bool]] = []
        self.handed_over: list[OutboxMessage] = []
        self.handler = SyncProductsHandler(self.books, self.haier, self.handed_over.extend, self, self.config_id)

    async def config_id(self) -> str:
        return ACCOUNT

    def sync_ended(self, sync_type: str, *, changed: int, unchanged: int, failed: int, success: bool) -> None:
        assert sync_type == "products"
        self.ended.append((changed, unchanged, failed, success))

    async def run(self, **data: Any) -> Outcome:
        document = event("sync.products.requested", data, event_id="sync-1")
        return await self.handler(decode(json.dumps(document).encode()), KEY)


def last_row(outcome: Outcome) -> SyncLogRow:
    (row,) = outcome.writes
    assert isinstance(row, SyncLogRow)
    return row


def counts(outcome: Outcome) -> tuple[int, int, int]:
    row = last_row(outcome)
    return row.total_count, row.success_count, row.failed_count


async def test_the_sync_log_says_which_account_was_asked() -> None:
    sync = Sync(*map(good, CODES[:3]))
    outcome = await sync.run(product_codes=CODES[:3])
    assert {row.config_id for row in (*sync.books.log, last_row(outcome))} == {ACCOUNT}


CODES = [f"BX{number:07}" for number in range(50)]


async def test_codes_go_in_batches_of_twenty_each_stored_by_itself() -> None:
    sync = Sync(*map(good, CODES))
    outcome = await sync.run(product_codes=CODES)
    assert [len(batch or ()) for batch in sync.haier.asked] == [20, 20, 10]
    assert [row.success_count for row in sync.books.log] == [0, 20, 40, 50]
    assert {row.id for row in sync.books.log} == {last_row(outcome).id}
    assert {row.status for row in sync.books.log} == {SyncStatus.PROCESSING}
    assert (outcome.ending, counts(outcome)) == (Ending.DONE, (50, 50, 0))
    assert [result.type for result in outcome.results] == ["sync.completed", "sync_log.recorded"]
    assert sync.handed_over == list(sync.books.outbox.values())
    assert sync.ended == [(50, 0, 0, True)]


async def test_a_second_sync_tells_only_what_changed() -> None:
    sync = Sync(*map(good, CODES[:3]))
    await sync.run()
    sync.haier.goods[CODES[1]] = good(CODES[1], procurable=False, reason="停产")
    sync.books.outbox.clear()
    await sync.run()
    (row,) = sync.books.outbox.values()
    told = decode(row.body).data.model_dump()
    assert (told["product_code"], told["old"]["procurable"], told["new"]["reason"]) == (CODES[1], True, "停产")
    assert sync.ended[-1] == (1, 2, 0, True)


@pytest.mark.parametrize("kind", [Rejected, Malformed])
async def test_what_fails_for_one_batch_harms_no_other(kind: type[SupplierError]) -> None:
    sync = Sync(*map(good, CODES))
    sync.haier.fails[CODES[25]] = supplier_error(kind, words="系统繁忙")
    outcome = await sync.run(product_codes=CODES)
    assert (outcome.ending, counts(outcome)) == (Ending.PARTIAL, (50, 30, 20))
    completed: Any = outcome.results[0].data
    assert {item.product_code for item in completed.failed} == set(CODES[20:40])
    assert {item.reason for item in completed.failed} == {"系统繁忙"}
    assert outcome.refusal is None


async def test_a_code_that_haier_does_not_list_has_failed() -> None:
    sync = Sync(good(CODES[0]))
    outcome = await sync.run(product_codes=CODES[:2])
    assert (last_row(outcome).status, counts(outcome)) == (SyncStatus.PARTIAL, (2, 1, 1))
    none_of_them = await Sync().run(product_codes=CODES[:2])
    assert (last_row(none_of_them).status, none_of_them.ending) == (SyncStatus.FAILED, Ending.REFUSED)


@pytest.mark.parametrize("codes", [CODES[:3], None])
async def test_a_refused_sync_has_the_suppliers_words(codes: list[str] | None) -> None:
    sync = Sync()
    sync.haier.fails[CODES[0]] = supplier_error(Rejected, words="客户编码错误")
    outcome = await sync.run(**({} if codes is None else {"product_codes": codes}))
    assert (last_row(outcome).status, last_row(outcome).message) == (SyncStatus.FAILED, "客户编码错误")
    assert outcome.refusal is sync.haier.fails[CODES[0]]


async def test_a_supplier_that_is_away_fails_the_event_not_the_codes() -> None:
    sync = Sync(*map(good, CODES))
    sync.haier.fails[CODES[25]] = supplier_error(Transient)
    with pytest.raises(Transient):
        await sync.run(product_codes=CODES)
    assert (len(sync.books.goods), sync.ended) == (20, [])


async def test_only_goods_of_the_wanted_kind_are_written() -> None:
    sync = Sync(good(CODES[0]), good(CODES[1], category="空调"), good(CODES[2], brand="卡萨帝"))
    assert counts(await sync.run(category="冰箱", brand="海尔")) == (1, 1, 0)
    assert set(sync.books.goods) == {CODES[0]}
    assert counts(await sync.run(product_codes=CODES[:3], category="空调")) == (3, 3, 0)


async def test_a_repeated_code_is_asked_for_once() -> None:
    sync = Sync(good(CODES[0]))
    assert counts(await sync.run(product_codes=[CODES[0]] * 30)) == (1, 1, 0)


async def test_an_answer_that_names_a_code_twice_counts_it_once() -> None:
    sync = Sync(good(CODES[0]))
    sync.haier.says_twice = True
    assert counts(await sync.run(product_codes=[CODES[0]])) == (1, 1, 0)


@pytest.mark.parametrize("more", [{"with_prices": True}, {"with_stock": True, "county_codes": ["370212"]}])
async def test_what_is_not_built_is_kept_for_later(more: dict[str, Any]) -> None:
    sync = Sync()
    with pytest.raises(Defect) as caught:
        await sync.run(**more)
    assert caught.value.code == "no_handler_yet"
    assert sync.books.log == []


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from(CODES), min_size=1, max_size=60),
    st.sets(st.sampled_from(CODES)),
    st.dictionaries(st.sampled_from(CODES), st.sampled_from([Rejected, Malformed]), max_size=3),
)
async def test_every_code_counts_once(
    asked: list[str], listed: set[str], failing: dict[str, type[SupplierError]]
) -> None:
    sync = Sync(*map(good, listed))
    sync.haier.fails = {code: supplier_error(kind) for code, kind in failing.items()}
    outcome = await sync.run(product_codes=asked)
    total, succeeded, failed = counts(outcome)
    assert total == len(set(asked)) == succeeded + failed
    assert set(sync.books.goods) <= set(asked) & listed
    assert len(sync.books.goods) == succeeded
    completed: Any = outcome.results[0].data
    assert len(completed.failed) == failed
    assert (outcome.ending is Ending.DONE) == (failed == 0)

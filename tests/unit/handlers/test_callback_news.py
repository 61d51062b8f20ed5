"""What the three callbacks say, as news of one kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from consumer.domain.order_parts import Goods, Word
from consumer.handlers.callback import news_of
from schemas.events import SupplierCallbackCancelled, SupplierCallbackConfirmed, SupplierCallbackOutOfStock
from schemas.events.callbacks import ReturnedItem
from tests.unit.handlers.world import NOW, SO

if TYPE_CHECKING:
    from consumer.domain.callback_steps import News


def _news(**told: Any) -> News:
    given = {"platform_order_no": SO, "occurred_at": NOW, "state": 1, **told}
    return news_of(SupplierCallbackConfirmed.model_validate(given))


def test_copies_that_differ_in_their_number_alone_say_the_same() -> None:
    assert _news(ext_order_no="E1").digest == _news().digest
    assert _news(fail_msg="x").digest != _news().digest
    assert _news(state=0).digest != _news().digest


def test_the_method_of_out_of_stock_counts_and_not_its_state() -> None:
    said = [
        news_of(SupplierCallbackOutOfStock(platform_order_no=SO, occurred_at=NOW, state=state))
        for state in (None, 0, 1)
    ]
    assert {news.word for news in said} == {Word.OUT_OF_STOCK}
    assert len({news.digest for news in said}) == 1


def test_lines_of_one_product_are_added_up_and_their_order_says_nothing() -> None:
    lines = (
        ReturnedItem(product_code="A", total=1, received=1, returned=0, rejected=0),
        ReturnedItem(product_code="B", total=1, received=0, returned=0, rejected=1),
        ReturnedItem(product_code="A", total=2, received=0, returned=2, rejected=0),
    )
    one, other = (
        news_of(SupplierCallbackCancelled(platform_order_no=SO, occurred_at=NOW, state=2, items=items))
        for items in (lines, lines[::-1])
    )
    assert set(one.goods) == {Goods("A", 3, 1, 2, 0), Goods("B", 1, 0, 0, 1)}
    assert one.digest == other.digest

"""What is told of parcels comes together, repetitions are nothing new, and what proves a delivery."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.domain.shipping import (
    DeliveryPhoto,
    Parcel,
    Shipment,
    ShipmentSource,
    Trace,
    delivered_at,
    joined,
    says_delivered,
)

AT = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
OUT, SIGNED = Trace(AT, "仓库已出库"), Trace(AT + timedelta(hours=20), "已签收")


def told(
    number: str | None = None,
    record: str | None = None,
    *,
    company: str | None = None,
    sn: tuple[str, ...] = (),
    traces: tuple[Trace, ...] = (),
    source: ShipmentSource = ShipmentSource.YLH,
) -> Shipment:
    return Shipment("SO", company, number, record, sn, source, traces)


def photo(name: str = "1", kind: str = "配送照片", at: datetime | None = AT) -> DeliveryPhoto:
    return DeliveryPhoto(kind, f"https://img/{name}", at)


PARTS = st.builds(
    told,
    st.sampled_from([None, "n1", "n2", "n3"]),
    st.sampled_from([None, "r1", "r2"]),
    company=st.sampled_from([None, "顺丰", "日日顺"]),
    sn=st.lists(st.sampled_from("abc"), max_size=2, unique=True).map(tuple),
    traces=st.lists(st.sampled_from([OUT, SIGNED, Trace(None, "?")]), max_size=3).map(tuple),
    source=st.sampled_from(ShipmentSource),
)
PHOTOS = st.lists(st.sampled_from([photo("1"), photo("2", "安装照片", None)]), max_size=2)


@given(st.lists(PARTS, max_size=6), PHOTOS, st.lists(PARTS, max_size=6), PHOTOS)
def test_what_was_told_before_is_nothing_new(
    first: list[Shipment], photos: list[DeliveryPhoto], second: list[Shipment], more: list[DeliveryPhoto]
) -> None:
    kept = joined(joined((), first, photos), second, more)
    assert joined(kept, second, more) == kept
    for shipment in (*first, *second):
        kept = joined(kept, [shipment])
    assert joined(kept, [*first, *second], [*photos, *more]) == kept


def test_a_step_of_a_record_that_two_parcels_share_is_told_again_to_the_one_that_has_it() -> None:
    second = [told(None, "r1", traces=(OUT,)), told("n1", "r1"), told("n2", "r1")]
    kept = joined(joined((), [told("n1")]), second)
    assert [(parcel.number, parcel.traces) for parcel in kept] == [("n1", ()), ("n2", (OUT,))]
    assert joined(kept, second) == kept


@given(st.lists(PARTS, max_size=6), st.lists(PARTS, max_size=6), PHOTOS)
def test_nothing_that_was_told_is_lost(
    first: list[Shipment], second: list[Shipment], photos: list[DeliveryPhoto]
) -> None:
    before = joined((), first, photos)
    after = joined(before, second)
    assert len(after) >= len(before)
    for old, new in zip(before, after, strict=False):
        assert set(old.sn_codes) <= set(new.sn_codes)
        assert set(old.traces) <= set(new.traces)
        assert old.photos == new.photos
        assert old.number in {None, new.number}
        assert old.company in {None, new.company}
    for shipment in (*first, *second):
        of_its_number = [parcel for parcel in after if parcel.number == shipment.number]
        assert shipment.number is None or any(
            set(shipment.sn_codes) <= set(parcel.sn_codes) and set(shipment.traces) <= set(parcel.traces)
            for parcel in of_its_number
        )


def test_two_suppliers_tell_of_one_parcel() -> None:
    ylh = told("n1", "r1", company="顺丰速运", sn=("a",))
    haier = told("n1", company="顺丰", traces=(OUT,), source=ShipmentSource.WAREHOUSE)
    assert joined((), [ylh, haier]) == (Parcel("顺丰速运", "n1", "r1", ("a",), (OUT,)),)
    assert joined((), [haier, ylh]) == (Parcel("顺丰", "n1", "r1", ("a",), (OUT,)),)


def test_a_record_that_no_courier_had_becomes_its_first_parcel() -> None:
    kept = joined((), [told(record="r1")])
    assert joined(kept, [told("n1", "r1"), told("n2", "r1")]) == (
        Parcel(number="n1", delivery_record_code="r1"),
        Parcel(number="n2", delivery_record_code="r1"),
    )


def test_one_number_in_two_records_is_two_parcels() -> None:
    assert len(joined((), [told("n1", "r1"), told("n1", "r2")])) == 2


def test_photos_that_come_first_wait_for_the_parcel() -> None:
    kept = joined((), [], [photo()])
    assert kept == (Parcel(photos=(photo(),)),)
    assert joined(kept, [told("n1", "r1"), told("n2", "r1")], [photo("2")]) == (
        Parcel(number="n1", delivery_record_code="r1", photos=(photo(), photo("2"))),
        Parcel(number="n2", delivery_record_code="r1"),
    )


def test_steps_are_in_the_order_of_time() -> None:
    kept = joined((), [told("n1", traces=(SIGNED,))])
    assert joined(kept, [told("n1", traces=(OUT,))])[0].traces == (OUT, SIGNED)


@pytest.mark.parametrize(
    "text",
    [
        "已签收",
        "您的快件已由本人签收",
        "【青岛市】已签收，感谢使用顺丰，期待再次为您服务",
        "妥投",
        "快件已妥投",
        "签收人：前台",
    ],
)
def test_a_step_that_says_delivered(text: str) -> None:
    assert says_delivered(text)


@pytest.mark.parametrize(
    "text",
    [
        "运输中",
        "未妥投",
        "客户拒绝签收",
        "拒签收",
        "请准备签收",
        "预计今日签收",
        "等待签收",
        "签收失败",
        "妥投失败",
        "退回签收",
        "派送中，请您签收",
        "",
    ],
)
def test_a_step_that_only_speaks_of_it(text: str) -> None:
    assert not says_delivered(text)


def test_an_order_is_delivered_when_every_parcel_is() -> None:
    one = Parcel(number="n1", traces=(OUT, SIGNED))
    assert delivered_at((one, Parcel(number="n2", traces=(OUT,))), seen_at=AT) is None
    later = Trace(AT + timedelta(days=2), "妥投")
    assert delivered_at((one, Parcel(number="n2", traces=(later,))), seen_at=AT) == later.at
    assert delivered_at((), seen_at=AT) is None


def test_a_photo_of_it_proves_it_too() -> None:
    parcels = (Parcel(number="n1", photos=(photo(at=None), photo("2", "安装照片"))), Parcel(number="n2"))
    assert delivered_at(parcels, seen_at=AT + timedelta(days=1)) == AT
    assert delivered_at((Parcel(photos=(photo(at=None),)),), seen_at=AT) == AT
    assert delivered_at((Parcel(photos=(photo(kind=""),)),), seen_at=AT) is None

"""Delivery records in the forms that Haier's papers leave open."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from consumer.domain.shipping import Shipment, ShipmentSource, Trace
from consumer.suppliers.parcels import RecordWire, shipments


def parcels(**record: Any) -> list[Shipment]:
    return shipments(RecordWire.model_validate(record), ShipmentSource.WAREHOUSE, order_no="SO.1")


def test_a_record_may_be_the_parcel_itself() -> None:
    [parcel] = parcels(expressCompany="顺丰", expressNo=44, snCodes=["A", "B,C", "A"], deliveryRecordCode="DR1")
    assert (parcel.company, parcel.number, parcel.sn_codes) == ("顺丰", "44", ("A", "B", "C"))


def test_a_record_that_no_courier_has_yet_stands_alone() -> None:
    [record] = parcels(deliveryRecordCode="DR1", logisticsList=[])
    assert (record.company, record.number, record.delivery_record_code) == (None, None, "DR1")


def test_nothing_is_made_of_an_order_that_is_not_sent() -> None:
    assert parcels(orderCode="SO.1", deliveryRecordCode=None, logisticsList=None) == []


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"orderCode": "SO.1"},
        {"someNewName": "RRS1"},
        {"deliveryRecordCode": "DR1", "logisticsList": [{"someNewName": "RRS1"}]},
        {"deliveryRecordCode": "DR1", "logisticsList": "RRS1"},
        {"deliveryRecordCode": "DR1", "logisticsList": [{"snCode": [{"x": 1}]}]},
    ],
)
def test_an_entry_in_which_nothing_can_be_named_is_another_shape(record: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        parcels(**record)


def test_steps_come_oldest_first_and_once() -> None:
    steps = [
        {"operateTime": "2025-05-02 10:00:00", "description": "已签收"},
        {"operateTime": "2025-05-01 10:00:00", "description": "已出库"},
        {"operateTime": "2025-05-02 10:00:00", "description": "已签收"},
        {"operateTime": "2025-05-03 10:00:00", "description": None},
    ]
    [parcel] = parcels(logisticsNo="1", traces=steps)
    assert parcel.traces == (
        Trace(datetime(2025, 5, 1, 2, tzinfo=UTC), "已出库"),
        Trace(datetime(2025, 5, 2, 2, tzinfo=UTC), "已签收"),
    )


def test_steps_stay_as_told_where_one_has_no_time() -> None:
    steps = [{"content": "已签收"}, {"time": "2025-05-01 10:00:00", "content": "已出库"}]
    [parcel] = parcels(logisticsNo="1", traceList=steps)
    assert [step.text for step in parcel.traces] == ["已签收", "已出库"]


def test_a_parcel_keeps_its_own_steps_and_those_of_its_record() -> None:
    found = parcels(
        deliveryRecordCode="DR1",
        traces=[{"content": "已出库"}],
        logisticsList=[{"logisticsNo": "1", "traces": {"content": "运输中"}}, {"logisticsNo": "2"}],
    )
    assert [[step.text for step in parcel.traces] for parcel in found] == [["运输中", "已出库"], ["已出库"]]

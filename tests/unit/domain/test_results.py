"""Results keep their ids, whoever computes them again; sync-log rows and their results say the same."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from consumer.domain.outcome import Result
from consumer.domain.results import SOURCE, finished_sync_log, outgoing, recorded, sync_log_id
from consumer.domain.writes import InboxKey, OutboxMessage, SyncStatus, SyncType
from rabbitmq.topology import RESULTS
from schemas.codec import decode
from schemas.results import OrderSuperseded
from tests.support.events import paid

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
KEY = InboxKey("/shop", "paid-1")
KEYS = st.builds(InboxKey, st.text(max_size=20), st.text(max_size=20), st.text(max_size=8))


def superseded(so_id: str) -> Result:
    data = OrderSuperseded(
        so_id=so_id,
        online_no=None,
        source_system=None,
        version=1,
        state="pushed",
        sequence=3,
        occurred_at=NOW,
        retail_order_no=None,
        ext_order_no=None,
        applied_version=2,
    )
    return Result("order.superseded", data, subject=so_id)


def rows(key: InboxKey, *results: Result, now: datetime = NOW) -> list[OutboxMessage]:
    return outgoing(results, key=key, correlationid="paid-1", traceparent=None, now=now)


@given(KEYS)
def test_a_result_computed_again_keeps_its_id(key: InboxKey) -> None:
    first = rows(key, superseded("SO1"))
    again = rows(key, superseded("SO1"), now=NOW + timedelta(days=1))
    assert [row.id for row in first] == [row.id for row in again]


@given(KEYS, KEYS)
def test_ids_differ_with_the_event_the_run_and_the_subject(one: InboxKey, other: InboxKey) -> None:
    ids = {row.id for key in {one, other} for row in rows(key, superseded("SO1"), superseded("SO2"))}
    assert len(ids) == 2 * len({one, other})


def test_a_result_is_an_event_that_names_its_cause() -> None:
    (row,) = rows(KEY, superseded("SO1"))
    assert (row.exchange, row.routing_key, row.mandatory) == (RESULTS, "order.superseded", False)
    event = decode(row.body, routing_key="order.superseded")
    assert (event.id, event.source, event.subject, event.correlationid) == (row.id, SOURCE, "SO1", "paid-1")
    assert event.time == NOW


@given(KEYS, KEYS)
def test_a_redelivery_goes_on_with_the_same_sync_row(one: InboxKey, other: InboxKey) -> None:
    assert (sync_log_id(one) == sync_log_id(other)) == (one == other)


def test_a_finished_row_and_its_result_say_the_same() -> None:
    event = decode(json.dumps(paid("SO1"), ensure_ascii=False).encode())
    row, result = finished_sync_log(
        event,
        KEY,
        sync_type=SyncType.ORDER,
        status=SyncStatus.FAILED,
        message="地址错误",
        counts=(1, 0, 1),
        started_at=NOW - timedelta(seconds=2),
        now=NOW,
    )
    assert row.id == sync_log_id(KEY)
    assert (row.total_count, row.success_count, row.failed_count) == (1, 0, 1)
    assert (row.completed_at, row.event_id) == (NOW, event.id)
    assert (result.type, result.subject, result.data) == ("sync_log.recorded", row.id, recorded(row))

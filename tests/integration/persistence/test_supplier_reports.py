"""Reports of running processes in both databases: replaced, aged by the database's clock, deleted with the dead."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update

from consumer.domain.call_figures import CallFigures
from consumer.domain.supplier_report import FRESH, LastError, Rest, RestKind, SupplierReport
from consumer.persistence import tables
from consumer.persistence.columns import database_time

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from consumer.persistence.store import Store

AT = datetime(2026, 11, 22, 2, 0, 0, 123456, tzinfo=UTC)
FULL = SupplierReport(
    supplier="ylh",
    window=295.5,
    calls={"create": CallFigures({"ok": 3, "transient": 1}, {0: 1, 150: 3}, 1.25)},
    quota_used=0.5,
    up=False,
    token_age=12.5,
    idle=0.5,
    rest=Rest(RestKind.CIRCUIT, "断路", "transient", AT, AT + timedelta(seconds=30), alert=True),
    last_error=LastError(AT, "create", "transient", "http_503", 503, "HTTP 503"),
)


def about(supplier: str, **known: Any) -> SupplierReport:
    return SupplierReport(supplier=supplier, window=5, **known)


async def aged(store: Store, process: str, by: timedelta) -> None:
    """Let ``process`` have reported that long ago."""

    def work(connection: Connection) -> None:
        when = database_time(connection) - by
        reports = tables.supplier_reports
        connection.execute(update(reports).where(reports.c.process == process).values(reported_at=when))

    await store._database.write(work)


async def test_a_report_comes_back_as_it_was_told(store: Store) -> None:
    await store.reports.write("a:1", [FULL])
    (stored,) = await store.reports.fresh()
    assert (stored.process, stored.report) == ("a:1", FULL)
    assert timedelta(0) <= stored.age < timedelta(seconds=5)


async def test_a_later_report_takes_the_place_of_the_earlier_one(store: Store) -> None:
    await store.reports.write("a:1", [FULL, about("haier")])
    await store.reports.write("b:2", [about("ylh")])
    await store.reports.write("a:1", [about("ylh", quota_used=0.25), about("haier")])
    found = {
        (stored.process, stored.report.supplier): stored.report.quota_used for stored in await store.reports.fresh()
    }
    assert found == {("a:1", "haier"): 0, ("a:1", "ylh"): 0.25, ("b:2", "ylh"): 0}


async def test_who_does_not_report_any_more_is_not_counted_and_then_forgotten(store: Store) -> None:
    await store.reports.write("dead", [about("ylh")])
    await store.reports.write("slow", [about("ylh")])
    await aged(store, "dead", FRESH * 4)
    await aged(store, "slow", FRESH * 2)
    assert await store.reports.fresh() == []
    await store.reports.write("alive", [about("ylh")])
    assert [stored.process for stored in await store.reports.fresh()] == ["alive"]
    await aged(store, "slow", timedelta(0))
    await aged(store, "dead", timedelta(0))
    assert [stored.process for stored in await store.reports.fresh()] == ["alive", "slow"], "the dead one's row is gone"


async def test_who_ends_takes_his_reports_along(store: Store) -> None:
    await store.reports.write("a:1", [about("ylh"), about("haier")])
    await store.reports.write("b:2", [about("ylh")])
    await store.reports.withdraw("a:1")
    assert [stored.process for stored in await store.reports.fresh()] == ["b:2"]


@pytest.mark.parametrize("text", ["{}", "no JSON", '{"supplier": "ylh", "window": "long"}'])
async def test_a_report_that_cannot_be_read_hides_no_other(store: Store, text: str) -> None:
    await store.reports.write("a:1", [about("ylh")])
    await store.reports.write("b:2", [about("ylh")])

    def spoil(connection: Connection) -> None:
        reports = tables.supplier_reports
        connection.execute(update(reports).where(reports.c.process == "b:2").values(report=text))

    await store._database.write(spoil)
    assert [stored.process for stored in await store.reports.fresh()] == ["a:1"]


async def test_what_a_later_version_adds_is_passed_over(store: Store) -> None:
    await store.reports.write("a:1", [about("ylh")])

    def add(connection: Connection) -> None:
        text = '{"supplier": "ylh", "window": 5.0, "mood": "fine"}'
        connection.execute(update(tables.supplier_reports).values(report=text))

    await store._database.write(add)
    assert [stored.report for stored in await store.reports.fresh()] == [about("ylh")]


async def test_many_processes_report_at_once(store: Store) -> None:
    await asyncio.gather(*(store.reports.write(f"p:{number}", [about("ylh"), about("haier")]) for number in range(12)))
    assert len(await store.reports.fresh()) == 24


async def test_a_dead_process_from_before_the_clock_was_set_back_is_not_taken_for_alive(store: Store) -> None:
    await store.reports.write("dead:1", [about("ylh")])
    await aged(store, "dead:1", -timedelta(days=1))
    assert not await store.reports.fresh()
    await store.reports.write("b:2", [about("ylh")])
    await aged(store, "dead:1", timedelta(0))
    assert [stored.process for stored in await store.reports.fresh()] == ["b:2"], "its row is gone"

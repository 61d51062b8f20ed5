"""What many processes report, as one supplier's standing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from consumer.domain.call_figures import CallFigures
from consumer.domain.interventions import SupplierPause
from consumer.domain.supplier_report import AccountSeen, LastError, Rest, RestKind, StoredReport, SupplierReport
from ops.cli.supplier_showing import data, record, rows_of_calls
from ops.suppliers.standing import Standing, standing

AT = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
LATER = AT + timedelta(seconds=9)


def told(process: str, *, age: float = 0, window: float = 300, **known: Any) -> StoredReport:
    return StoredReport(process, timedelta(seconds=age), SupplierReport(supplier="ylh", window=window, **known))


def failed(at: datetime, code: str) -> LastError:
    return LastError(at, "create", "transient", code, 503, f"ylh.create: {code}")


def circuit(seconds: int) -> Rest:
    return Rest(RestKind.CIRCUIT, "down", "transient", AT, AT + timedelta(seconds=seconds))


def in_words(one: Standing) -> str:
    return str(record(one, str)["state_in_words"])


def test_figures_of_all_processes_are_added_and_logins_counted_apart() -> None:
    one = standing(
        "ylh",
        [
            told(
                "a", calls={"create": CallFigures({"ok": 30}, {10: 30}, 3.0), "token": CallFigures({"ok": 9}, {1: 9})}
            ),
            told(
                "b", window=60, calls={"create": CallFigures({"ok": 8, "rejected": 2}, {20: 10}, 2.0)}, quota_used=0.5
            ),
        ],
        None,
    )
    assert (one.processes, one.business.figures.calls, one.calls["token"].figures.calls) == (2, 40, 9)
    assert one.business.per_minute == pytest.approx(30 / 5 + 10)
    assert one.business.figures.success_rate == pytest.approx(38 / 40)
    assert one.business.figures.mean == pytest.approx(0.125)
    assert one.quota_used == 0.5
    assert [row["call"] for row in rows_of_calls(one)] == ["create", "token"]


def test_who_saw_the_last_call_says_whether_the_supplier_is_up() -> None:
    reports = [told("a", idle=5.0, age=1, up=True), told("b", idle=1.0, age=3, up=False), told("c")]
    assert standing("ylh", reports, None).up is False
    assert standing("ylh", [told("c")], None).up is None


def test_the_newest_login_and_the_newest_error_count() -> None:
    one = standing(
        "ylh",
        [
            told("a", token_age=100.0, age=1, last_error=failed(AT, "http_503")),
            told("b", token_age=99.0, age=3, last_error=failed(LATER, "timeout")),
        ],
        None,
    )
    assert one.token_age == 101
    assert one.last_error == failed(LATER, "timeout")


def test_a_circuit_open_in_some_processes_says_in_how_many() -> None:
    one = standing("ylh", [told("a", rest=circuit(60)), told("b", rest=circuit(30)), told("c")], None)
    assert one.state == "circuit_open"
    (resting,) = one.resting
    assert (resting.processes, resting.rest.next_probe) == (2, AT + timedelta(seconds=30))
    assert in_words(one) == (
        f"circuit open in 2 of 3 processes since {AT}: down; next probe at {AT + timedelta(seconds=30)}"
    )


def test_a_trial_is_told_where_nothing_worse_stands() -> None:
    trial = Rest(RestKind.TRIAL, "down", "transient", AT)
    one = standing("ylh", [told("a", rest=trial), told("b")], None)
    assert one.state == "trial"
    assert in_words(one) == f"on trial, one message at a time, in 1 of 2 processes since {AT}: down"
    assert standing("ylh", [told("a", rest=trial), told("b", rest=circuit(30))], None).state == "circuit_open"


def test_what_wants_a_person_says_so() -> None:
    rest = Rest(RestKind.PAUSE, "check YLH_USERNAME", "auth", AT, LATER, alert=True)
    one = standing("ylh", [told("a", rest=rest)], None)
    assert one.state == "resting"
    assert in_words(one).endswith("a person has to mend this")


def test_a_persons_pause_is_believed_from_the_books_alone() -> None:
    stale = Rest(RestKind.PERSON, "paused by 王: old")
    pause = SupplierPause("ylh", "李@ops-1", "割接", AT)
    assert standing("ylh", [told("a", rest=stale)], None).state == "normal"
    one = standing("ylh", [told("a"), told("b", rest=circuit(30))], pause)
    assert one.state == "paused"
    assert in_words(one).startswith(f"paused by 李@ops-1 since {AT}: 割接; circuit open in 1 of 2 processes")


def test_the_keys_for_programs_are_these_with_and_without_a_service() -> None:
    keys = {
        "supplier",
        "state",
        "up",
        "processes",
        "accounts",
        "paused",
        "resting",
        "token_age_seconds",
        "quota_used_ratio",
        "calls",
        "calls_per_minute",
        "success_rate",
        "outcomes",
        "mean_seconds",
        "p50_seconds",
        "p95_seconds",
        "p99_seconds",
        "last_error",
        "last_error_at",
        "by_call",
    }
    figures = {"create": CallFigures({"ok": 1}, {10: 1}, 0.1)}
    for reports in ([], [told("a", calls=figures, last_error=failed(AT, "timeout"), rest=circuit(30))]):
        assert set(data(record(standing("ylh", reports, None), str))) == keys


def test_whose_calls_they_are_is_told_once_for_each_account_with_what_keeps_the_active_one_from_being_used() -> None:
    main = AccountSeen("the stored account main, revision 3", "main", 3)
    stuck = replace(main, trouble="it cannot be decrypted")
    reports = [told(name, account=account) for name, account in (("a", main), ("b", stuck), ("c", main), ("d", None))]
    row = record(standing("haier", reports, None), str)
    assert row["accounts"] == [
        {"name": "main", "revision": 3, "used": True, "trouble": "it cannot be decrypted"},
        {"name": "main", "revision": 3, "used": True, "trouble": None},
    ]
    assert row["accounts_in_words"] == (
        "the stored account main, revision 3; the active stored one cannot be used: it cannot be decrypted; "
        "the stored account main, revision 3"
    )

"""RELAY_SCHEDULE: entries, or everything that is wrong with them at once."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.settings import Problem, SettingsError, load
from consumer.settings.faults import PartsRefused
from consumer.settings.schedule import read_schedule
from schemas.events import SyncLogisticsRequested, SyncProductsRequested

ROOT = Path(__file__).parents[3]
GOODS: dict[str, Any] = {"cron": "0 3 * * *", "type": "sync.products.requested", "data": {"with_prices": True}}


def problems(schedule: object) -> dict[str, Problem]:
    text = schedule if isinstance(schedule, str) else json.dumps(schedule)
    with pytest.raises(SettingsError) as caught:
        load({"RELAY_SCHEDULE": text}, None, need=())
    return {problem.setting.removeprefix("RELAY_SCHEDULE, "): problem for problem in caught.value.problems}


def test_nothing_is_scheduled_by_default() -> None:
    assert load({}, None, need=()).schedule.entries == ()


def test_entries_stand_in_their_order_with_typed_data() -> None:
    parcels = {"cron": "15 * * * *", "type": "sync.logistics.requested", "data": {"scope": "open"}}
    text = json.dumps(
        {"夜间商品": GOODS, "parcels": parcels, "money": {"cron": "0 8 * * *", "type": "sync.balance.requested"}}
    )
    entries = load({"RELAY_SCHEDULE": text}, None, need=()).schedule.entries
    assert [entry.name for entry in entries] == ["夜间商品", "parcels", "money"]
    assert entries[0].cron.expression == "0 3 * * *"
    assert entries[0].data == SyncProductsRequested(with_prices=True)
    assert entries[1].data == SyncLogisticsRequested(scope="open")


def test_everything_wrong_is_said_at_once_with_the_faults_of_other_settings() -> None:
    schedule = {
        "a": {**GOODS, "cron": "61 3 * * *"},
        "b": {**GOODS, "type": "order.paid"},
        "c": {**GOODS, "data": {"county_codes": ["青岛"], "with_prices": "yes"}},
        " d": {"type": "sync.balance.requested", "when": "now"},
        "e": "0 3 * * *",
    }
    with pytest.raises(SettingsError) as caught:
        load({"RELAY_SCHEDULE": json.dumps(schedule), "RELAY_HTTP_PORT": "http"}, None, need=())
    assert sorted(problem.setting for problem in caught.value.problems) == sorted(
        [
            "RELAY_HTTP_PORT",
            'RELAY_SCHEDULE, "a", cron',
            'RELAY_SCHEDULE, "b", type',
            'RELAY_SCHEDULE, "c", data.county_codes.0',
            'RELAY_SCHEDULE, "c", data.county_codes',
            'RELAY_SCHEDULE, "c", data.with_prices',
            'RELAY_SCHEDULE, " d"',
            'RELAY_SCHEDULE, " d", "when"',
            'RELAY_SCHEDULE, " d", cron',
            'RELAY_SCHEDULE, "e"',
        ]
    )
    assert all(problem.expected and problem.source == "environment" for problem in caught.value.problems)


@pytest.mark.parametrize(
    "type_",
    ["sync.logistics.batch", "sync.completed", "catalog.batch.products", "supplier.callback.confirmed", 7, None],
)
def test_only_requests_for_syncs_can_be_scheduled(type_: object) -> None:
    found = problems({"a": {**GOODS, "type": type_}})
    assert "sync.stock.requested" in found['"a", type'].expected


def test_a_name_that_stands_there_twice() -> None:
    one = json.dumps(GOODS)
    assert problems(f'{{"a": {one}, "b": {one}, "a": {one}}}').keys() == {'"a"'}


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("0 3 * * *", "no JSON"),
        ("[]", "no JSON object"),
        ('{"a": ', "no JSON"),
        ("[" * 100_000, "nested too deep"),
        (json.dumps({str(number): GOODS for number in range(101)}), "101 entries"),
        (json.dumps({"": GOODS}), "no name"),
        (json.dumps({"x" * 101: GOODS}), "no name"),
        (json.dumps({"a\nb": GOODS}), "no name"),
    ],
)
def test_what_cannot_be_read(text: str, word: str) -> None:
    (problem,) = problems(text).values()
    assert word in problem.problem


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["cron", "type", "data", "scope", "so_ids"]) | st.text(max_size=4), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(st.text(max_size=40) | json_values.map(json.dumps) | st.dictionaries(st.text(), json_values).map(json.dumps))
def test_whatever_the_text_it_is_read_or_refused_in_words(text: str) -> None:
    try:
        entries = read_schedule(text)
    except ValueError as error:
        told = error.problems if isinstance(error, PartsRefused) else [str(error)]
    else:
        told = [entry.type for entry in entries]
    assert all(str(one) for one in told)


@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md", "docs/scheduling.md"])
def test_what_the_pages_show_can_be_put_into_an_env_file(page: str, tmp_path: Path) -> None:
    shown = re.findall(r"^RELAY_SCHEDULE=.*$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    assert shown
    for line in shown:
        (tmp_path / ".env").write_text(line, encoding="utf-8")
        assert load({}, tmp_path / ".env", need=()).schedule.entries


def test_what_the_compose_file_runs_is_a_schedule() -> None:
    compose = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    folded = re.search(r"RELAY_SCHEDULE: >-\n((?:        .*\n)+)", compose)
    assert folded is not None
    assert len(read_schedule(" ".join(folded[1].split()))) == 2


def test_what_the_example_file_shows_can_be_read() -> None:
    shown = re.search(r"^#   (\{.*\})$", (ROOT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE)
    assert shown is not None
    assert [entry.name for entry in read_schedule(shown[1])] == ["nightly goods"]

"""`relay schedule` as a shell sees it: runs, stands by, ends in order; what is due and what came of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.acceptance.cli_process import relay, said, started
from tests.support.relay import Relay, serving, system

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

GOODS = {"cron": "*/2 * * * * *", "type": "sync.products.requested", "data": {"product_codes": ["BX0000001"]}}
PARCELS = {"cron": "0 3 * * *", "type": "sync.logistics.requested", "data": {"scope": "open"}}
SCHEDULE = json.dumps({"some goods": GOODS, "夜间物流": PARCELS})


@pytest.fixture
async def given(amqp_url: str, tmp_path: Path) -> AsyncIterator[Relay]:
    """A system whose service runs in this process."""
    url = f"sqlite+aiosqlite:///{tmp_path}/relay.db"
    async with system(amqp_url, url, RELAY_SCHEDULE=SCHEDULE) as relay_system, serving(relay_system):
        yield relay_system


async def listed(given: Relay, directory: Path) -> dict[str, dict[str, Any]]:
    answer = await relay("schedule", "list", "--output", "json", given=given.environment, directory=directory)
    assert answer.code == 0, answer.err
    return {row["name"]: row for row in answer.data}


async def test_one_runs_another_stands_by_and_the_list_says_what_came_of_it(given: Relay, tmp_path: Path) -> None:
    environment = given.environment
    async with started("schedule", given=environment, directory=tmp_path) as first:
        ready = await said(first.stderr, "Ready: running the schedule, 2 entries")
        assert 'next "some goods" at' in ready[-1]
        async with started("schedule", given=environment, directory=tmp_path) as second:
            await said(second.stderr, "Standing by: ")
            done = await given.result("sync.completed")
            rows = await listed(given, tmp_path)
            first.terminate()
            assert await first.wait() == 0
            await said(second.stderr, "Ready: running the schedule")
            second.terminate()
            assert await second.wait() == 0
    goods, parcels = rows["some goods"], rows["夜间物流"]
    assert done["data"]["sync_log"]["status"] == "success"
    assert (goods["cron"], goods["type"]) == (GOODS["cron"], GOODS["type"])
    assert goods["last"] in {"requested", "missed"}
    assert datetime.fromisoformat(parcels["next_at"]).astimezone(UTC).strftime("%H:%M:%S") == "19:00:00"
    assert (parcels["last"], parcels["outcome"]) == (None, None)


async def test_what_came_of_the_last_run_stands_in_the_list(given: Relay, tmp_path: Path) -> None:
    rarely = {**given.environment, "RELAY_SCHEDULE": json.dumps({"some goods": {**GOODS, "cron": "*/5 * * * * *"}})}
    async with started("schedule", given=rarely, directory=tmp_path) as process:
        await said(process.stderr, "sync requested")
        process.terminate()
        await process.wait()
    done = await given.result("sync.completed")
    row = (await listed(given, tmp_path))["some goods"]
    assert (row["last"], row["outcome"], row["event_id"]) == ("requested", "success", done["correlationid"])
    assert (row["sync_log_id"], row["message"]) == (
        done["data"]["sync_log"]["id"],
        done["data"]["sync_log"]["message"],
    )


async def test_people_read_who_runs_it(given: Relay, tmp_path: Path) -> None:
    answer = await relay("schedule", "list", given=given.environment, directory=tmp_path)
    assert answer.code == 0
    assert "夜间物流" in answer.out
    assert "03:00:00" in answer.out
    assert "No scheduler runs: start `relay schedule`." in answer.err


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ("", ["RELAY_SCHEDULE is empty"]),
        (
            json.dumps({"a": {**GOODS, "cron": "0 25 * * *"}, "b": {**GOODS, "type": "order.paid"}}),
            ["2 settings are wrong", '"a", cron', '"b", type'],
        ),
    ],
)
async def test_what_cannot_be_run_is_said_at_once(schedule: str, words: list[str], tmp_path: Path) -> None:
    answer = await relay("schedule", given={"RELAY_SCHEDULE": schedule}, directory=tmp_path)
    assert answer.code == 2
    assert all(word in answer.err for word in words)


async def test_an_old_database_is_not_begun_with(tmp_path: Path) -> None:
    given = {"RELAY_SCHEDULE": SCHEDULE, "RELAY_DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path}/relay.db"}
    answer = await relay("schedule", given=given, directory=tmp_path)
    assert answer.code == 1
    assert "relay db upgrade" in answer.err

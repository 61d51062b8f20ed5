"""`relay sync products|prices|stock|balance|cancel` as a shell sees them: asked, joined, stopped, refused."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.cli_process import Answer, relay
from tests.support.relay import Relay, eventually, serving, system

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

COUNTY = "330106"
GOODS = 190
"""That the sandbox has."""
SLOWLY = "10/s"
"""Their stock takes some twenty seconds."""


@pytest.fixture
async def given(amqp_url: str, tmp_path: Path) -> AsyncIterator[Relay]:
    """A system whose service runs in this process."""
    async with system(amqp_url, f"sqlite+aiosqlite:///{tmp_path}/relay.db") as relay_system, serving(relay_system):
        yield relay_system


@pytest.fixture
async def slow(amqp_url: str, tmp_path: Path) -> AsyncIterator[Relay]:
    """The same with little of a quota."""
    url = f"sqlite+aiosqlite:///{tmp_path}/relay.db"
    async with system(amqp_url, url, RELAY_RATE_LIMIT=SLOWLY) as relay_system, serving(relay_system):
        yield relay_system


async def ask(given: Relay, directory: Path, *arguments: str) -> Answer:
    return await relay("sync", *arguments, given=given.environment, directory=directory)


async def test_goods_with_prices_and_stock_are_watched_to_their_end(given: Relay, tmp_path: Path) -> None:
    wish = ("products", "--prices", "--stock", "--counties", COUNTY)
    answer = await ask(given, tmp_path, *wish, "--wait", "--timeout", "60s", "-o", "json")
    # One in twenty has no valid price.
    assert (answer.code, answer.data["status"], answer.data["total_count"]) == (3, "partial", 570), answer.err
    assert answer.data["success_count"] + answer.data["failed_count"] == 570
    shown = await ask(given, tmp_path, "show", answer.data["id"])
    assert "no valid price" in shown.out


async def test_prices_of_codes_and_stock_of_a_county(given: Relay, tmp_path: Path) -> None:
    codes = "BX0000001,BX0000002"
    prices = await ask(given, tmp_path, "prices", "--codes", codes, "--wait", "--timeout", "30s", "-o", "json")
    assert (prices.code, prices.data["sync_type"], prices.data["success_count"]) == (0, "prices", 2), prices.err
    stock = await ask(
        given, tmp_path, "stock", "--codes", codes, "--counties", COUNTY, "--wait", "--timeout", "30s", "-o", "json"
    )
    assert (stock.code, stock.data["sync_type"], stock.data["success_count"]) == (0, "stock", 2), stock.err


async def test_the_balance_is_shown_to_who_waits(given: Relay, tmp_path: Path) -> None:
    answer = await ask(given, tmp_path, "balance", "--wait", "--timeout", "30s", "-o", "json")
    assert answer.code == 0, answer.err
    assert all(payer["payer_account_balance"] for payer in answer.data)
    told = await given.result("account.balance.reported")
    assert [payer["payer_account_code"] for payer in told["data"]["payers"]] == [
        payer["payer_account_code"] for payer in answer.data
    ]


async def test_the_same_request_joins_and_a_cancel_ends_both(slow: Relay, tmp_path: Path) -> None:
    wish = ("stock", "--counties", COUNTY, "--wait", "--timeout", "60s", "-o", "json")
    first = asyncio.create_task(ask(slow, tmp_path, *wish))
    await eventually(lambda: _counting(slow))
    second = asyncio.create_task(ask(slow, tmp_path, *wish))
    await eventually(lambda: _joined(slow))
    [row] = await slow.store.recent_sync_logs(5)
    cancelled = await ask(slow, tmp_path, "cancel", row.id, "--reason", "wrong county", "-o", "json")
    assert (cancelled.code, cancelled.data["status"]) == (0, "failed"), cancelled.err
    assert cancelled.data["message"].startswith("cancelled by ")
    for answer in await asyncio.gather(first, second):
        assert (answer.code, answer.data["id"]) == (1, row.id)
    assert f"joined sync {row.id}" in second.result().err
    # Batches in hand look once a second whether they are still wanted; a call that waits for its slot is made.
    await asyncio.sleep(4)
    calls = (await slow.box.summary())["calls"]
    await asyncio.sleep(2)
    assert calls == (await slow.box.summary())["calls"] < GOODS, "what was not begun is not done any more"
    again = await ask(slow, tmp_path, "cancel", row.id, "--reason", "once more")
    assert (again.code, again.out) == (1, "")
    assert f"relay sync show {row.id}" in again.err
    acts = [(act.action, act.subject, act.reason, "refused" in act.detail) for act in await slow.store.audit_log()]
    assert acts == [("sync.cancel", row.id, "wrong county", False), ("sync.cancel", row.id, "once more", True)]
    await slow.until(lambda: len(slow.of("sync.completed")) == 2)


async def _counting(given: Relay) -> bool:
    rows = await given.store.recent_sync_logs(1)
    return bool(rows) and rows[0].total_count > 0


async def _joined(given: Relay) -> bool:
    ends = await given.store._database.read(
        lambda connection: connection.exec_driver_sql("SELECT count(*) FROM sync_followers").scalar_one()
    )
    return bool(ends == 1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("products", "--codes", " , "), "--codes names nothing"),
        (("stock",), "--counties"),
        (("stock", "--counties", ","), "--counties names nothing"),
        (("prices", "--wait", "--timeout", "soon"), "write 30s, 10m or 2h"),
        (("cancel", "some-id", "--reason", " "), "--reason is empty"),
        (("cancel", "some-id"), "--reason"),
    ],
)
async def test_a_wish_that_says_nothing_is_a_usage_error(
    tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    answer = await relay("sync", *arguments, given={}, directory=tmp_path)
    assert (answer.code, answer.out) == (2, "")
    assert words in answer.err


async def test_what_the_contract_does_not_take_is_told_by_its_field(given: Relay, tmp_path: Path) -> None:
    answer = await ask(given, tmp_path, "stock", "--counties", "杭州")
    assert answer.code != 0
    assert "county_codes" in answer.err
    assert "Traceback" not in answer.err


async def test_without_a_broker_nothing_is_sent_and_it_says_where_it_looked(tmp_path: Path) -> None:
    given = {"RELAY_AMQP_URL": "amqp://guest:secret@127.0.0.1:1/"}
    answer = await relay("sync", "prices", given=given, directory=tmp_path)
    assert (answer.code, answer.out) == (5, "")
    assert "127.0.0.1:1" in answer.err
    assert "secret" not in answer.err

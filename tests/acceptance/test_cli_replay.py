"""`relay replay` as a shell sees it: planned, started, watched, stopped by its guard, refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from consumer.domain.ledger import Selection
from tests.acceptance.cli_process import Answer, relay
from tests.support.events import paid
from tests.support.relay import Relay, eventually, serving, system

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

REFUSING = {"call": "ylh.create", "effect": "refuse", "code": "E-SHOP", "message": "店铺未授权"}


@pytest.fixture
async def given(amqp_url: str, tmp_path: Path) -> AsyncIterator[Relay]:
    """A system whose service runs in this process, with a dozen orders that YLH has refused."""
    url = f"sqlite+aiosqlite:///{tmp_path}/relay.db"
    async with system(amqp_url, url) as relay_system, serving(relay_system):
        await relay_system.box.add_fault(REFUSING)
        await relay_system.send(*[paid(f"SO-{number}") for number in range(12)])

        async def filed() -> bool:
            return await relay_system.store.ledger.count(Selection()) == 12

        await eventually(filed)
        yield relay_system


async def ask(given: Relay, directory: Path, *arguments: str, **more: str) -> Answer:
    return await relay("replay", *arguments, given={**given.environment, **more}, directory=directory)


async def planned(given: Relay, directory: Path) -> Answer:
    [group] = await given.store.ledger.groups(Selection())
    answer = await ask(given, directory, "plan", "--fingerprint", group.fingerprint, "-o", "json")
    assert answer.code == 0, answer.err
    return answer


async def test_a_plan_says_what_would_be_done_and_its_replay_does_that(given: Relay, tmp_path: Path) -> None:
    await given.box.clear_faults()
    plan = (await planned(given, tmp_path)).data
    assert (plan["count"], plan["skipped"], plan["calls"], plan["eta_seconds"]) == (12, [], {"ylh.create": 12}, 1.2)
    start = ("start", plan["id"], "--reason", "the shop is authorised again", "--rate", "100")
    dry = await ask(given, tmp_path, *start, "--dry-run")
    assert (dry.code, "Would replay 12 letters" in dry.err) == (0, True), dry.err
    unasked = await ask(given, tmp_path, *start)
    assert unasked.code == 4
    assert "--yes" in unasked.err
    done = await ask(given, tmp_path, *start, "--yes", "--wait", "--timeout", "60s", "-o", "json")
    assert (done.code, done.data["status"], done.data["succeeded"]) == (0, "done", 12), done.err
    again = await ask(given, tmp_path, *start, "--yes")
    assert again.code == 4
    assert "is done" in again.err
    acts = [(act.action, '"refused"' in act.detail) for act in await given.store.audit_log()]
    assert acts == [("replay.start", True), ("replay.start", False), ("replay.start", True)]


async def test_the_guard_stops_it_and_the_shell_is_told(given: Relay, tmp_path: Path) -> None:
    plan = (await planned(given, tmp_path)).data
    start = ("start", plan["id"], "--reason", "a try", "--yes", "--wait", "--timeout", "60s", "-o", "json")
    stopped = await ask(given, tmp_path, *start)
    assert (stopped.code, stopped.data["status"], stopped.data["failed"]) == (6, "stopped", 1), stopped.err
    assert "came back" in stopped.data["message"]
    [failed] = stopped.data["failed_letters"]
    assert failed["new_letter"]
    shown = await ask(given, tmp_path, "status", plan["id"][:8])
    assert shown.code == 6
    assert "店铺未授权" in shown.out
    listed = await ask(given, tmp_path, "list", "-o", "json")
    assert [(row["id"], row["status"]) for row in listed.data] == [(plan["id"], "stopped")]


async def test_a_replay_is_paused_resumed_and_cancelled(given: Relay, tmp_path: Path) -> None:
    await given.box.clear_faults()
    plan = (await planned(given, tmp_path)).data
    start = ("start", plan["id"], "--reason", "slowly", "--yes", "--rate", "0.5", "--max", "11", "-o", "json")
    started = await ask(given, tmp_path, *start)
    assert (started.code, started.data["status"], started.data["skipped"]) == (0, "running", 1), started.err
    dry = await ask(given, tmp_path, "cancel", plan["id"], "--dry-run", "--yes")
    assert (dry.code, "which is running; nothing was done" in dry.err) == (0, True)
    dry = await ask(given, tmp_path, "resume", plan["id"], "--dry-run", "--yes")
    assert (dry.code, "this takes one under way that is paused" in dry.err) == (4, True)
    for act, status in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
        answer = await ask(given, tmp_path, act, plan["id"], "--reason", "wait", "-o", "json")
        assert (answer.code, answer.data["status"]) == (0, status), answer.err
    refused = await ask(given, tmp_path, "resume", plan["id"])
    assert refused.code == 4
    assert "is cancelled" in refused.err
    unknown = await ask(given, tmp_path, "pause", "no-such-replay")
    assert (unknown.code, "There is no plan or replay" in unknown.err) == (1, True)
    *_, resumed, paused = await given.store.audit_log()
    assert [(act.action, act.subject) for act in (resumed, paused)] == [
        ("replay.resume", plan["id"]),
        ("replay.pause", "no-such-replay"),
    ]
    assert "refused" in resumed.detail
    assert "refused" in paused.detail


async def test_what_makes_no_sense_is_said(given: Relay, tmp_path: Path) -> None:
    for wrong, words in (
        (("plan",), "Say which letters"),
        (("plan", "--class", "bad"), "--class bad"),
        (("plan", "--since", "yesterday"), "how long ago"),
        (("start", "x", "--reason", "r", "--max", str(2**70)), "10000000"),
        (("start", "x", "--reason", "r", "--canary", "10,1"), "ascending"),
        (("start", "x", "--reason", "r", "--rate", "0"), "rate"),
        (("start", "x", "--reason", " "), "--reason is empty"),
    ):
        answer = await ask(given, tmp_path, *wrong)
        assert (answer.code, words in answer.err) == (2, True), (wrong, answer.err)
    none = await ask(given, tmp_path, "plan", "--so-id", "SO-NONE")
    assert (none.code, "No open letter" in none.err) == (1, True)
    unknown = await ask(given, tmp_path, "status", "nothing")
    assert (unknown.code, "There is no plan" in unknown.err) == (1, True)

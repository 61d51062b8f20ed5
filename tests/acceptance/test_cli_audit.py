"""`relay audit list|verify` as a shell sees them: what was done and refused, what is proven, what somebody changed."""

from __future__ import annotations

import json
import re
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.fernet import Fernet

from consumer.persistence import migrations
from tests.acceptance.cli_process import Answer, relay, started
from tests.support.relay import eventually, system
from tests.support.sockets import free_port

if TYPE_CHECKING:
    from pathlib import Path

KEY = Fernet.generate_key().decode()


@dataclass(frozen=True)
class Desk:
    """A shell in a directory with a database, a key and a log."""

    directory: Path
    environment: dict[str, str]

    async def __call__(self, *arguments: str, **more: str) -> Answer:
        return await relay(*arguments, given=self.environment | more, directory=self.directory)

    async def pause(self, reason: str = "割接", **more: str) -> None:
        assert (await self("supplier", "pause", "ylh", "--reason", reason, **more)).code == 0

    def tamper(self, statement: str) -> None:
        """Write in the table past relay."""
        with sqlite3.connect(self.directory / "relay.db") as connection:
            connection.execute(statement)

    def lines(self, stream: str) -> list[dict[str, Any]]:
        """What the log has in a stream."""
        file = self.directory / "logs" / f"{stream}.jsonl"
        return [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.exists() else []


@pytest.fixture
async def desk(tmp_path: Path) -> Desk:
    url = f"sqlite+aiosqlite:///{tmp_path}/relay.db"
    await migrations.upgrade(url)
    given = {"RELAY_DATABASE_URL": url, "RELAY_SECRET_KEY": KEY, "RELAY_LOG_DIR": str(tmp_path / "logs")}
    return Desk(tmp_path, given)


async def test_acts_are_listed_the_newest_first_with_those_that_were_refused(desk: Desk) -> None:
    empty = await desk("audit", "list")
    assert (empty.code, empty.out) == (0, "")
    assert "No such act" in empty.err
    await desk.pause()
    assert (await desk("supplier", "resume", "haier", "--reason", "试一下")).code == 1
    listed = (await desk("audit", "list", "-o", "json")).data
    assert [(act["sequence"], act["action"], act["subject"], act["reason"]) for act in listed] == [
        (2, "supplier.resume", "haier", "试一下"),
        (1, "supplier.pause", "ylh", "割接"),
    ]
    assert "Nobody has paused haier" in listed[0]["refused"]
    assert listed[1]["refused"] is None
    assert re.fullmatch(r".+@.+", listed[1]["actor"])
    people = await desk("audit", "list")
    assert "Nobody has paused haier" in people.out
    assert "割接" in people.out
    assert (await desk("audit", "list", "--limit", "1", "-o", "ndjson")).lines == listed[:1]
    assert (await desk("audit", "list", "--action", "supplier", "--subject", "ylh", "-o", "json")).data == listed[1:]
    assert (await desk("audit", "list", "--since", "1h", "--until", "0.001s", "-o", "json")).data == listed
    assert (await desk("audit", "list", "--actor", "nobody-of-that-name", "-o", "json")).data == []
    assert (await desk("audit", "list", "--since", "noon")).code == 2


async def test_what_is_sound_is_told_with_what_was_compared(desk: Desk) -> None:
    assert (await desk("audit", "verify")).code == 0
    await desk.pause()
    await desk.pause("again")
    proof = (await desk("audit", "verify", "-o", "json")).data
    [first, head] = desk.lines("auth")
    assert (first["message"], first["level"], first["sequence"], first["action"]) == (
        "audit",
        "info",
        1,
        "supplier.pause",
    )
    assert proof["head"] == {"sequence": 2, "mac": head["mac"]}
    assert (proof["sound"], proof["rows"], proof["signed"], proof["heads_compared"]) == (True, 2, 2, 2)
    assert (proof["findings"], proof["not_proven"]) == ([], [])
    people = await desk("audit", "verify")
    assert "Nothing is wrong." in people.out
    assert head["mac"] in people.out
    assert desk.lines("error") == []


async def test_what_cannot_be_proven_is_said(desk: Desk) -> None:
    await desk.pause()
    bare = await desk("audit", "verify", "-o", "json", RELAY_SECRET_KEY="", RELAY_LOG_DIR="off")
    assert bare.code == 0
    [keyless, logless] = bare.data["not_proven"]
    assert "RELAY_SECRET_KEY" in keyless
    assert "cut off" in logless
    await desk.pause("elsewhere", RELAY_LOG_DIR="off")
    behind = await desk("audit", "verify")
    assert behind.code == 0
    assert "newest head in the log is row 1" in behind.out
    assert (await desk("audit", "verify", "--log-dir", "nowhere")).code == 2


@pytest.mark.parametrize(
    ("statement", "kinds"),
    [
        ("UPDATE audit_log SET actor = 'root' WHERE sequence = 2", ["changed"]),
        ("DELETE FROM audit_log WHERE sequence = 2", ["missing"]),
        ("DELETE FROM audit_log WHERE sequence = 3", ["cut_off"]),
        ("UPDATE audit_log SET mac = NULL WHERE sequence = 3", ["unsigned", "other_head"]),
    ],
)
async def test_what_somebody_changed_is_told_with_what_to_do_and_one_critical_line(
    desk: Desk, statement: str, kinds: list[str]
) -> None:
    for number in range(3):
        await desk.pause(f"reason {number}")
    desk.tamper(statement)
    answer = await desk("audit", "verify", "-o", "json")
    assert (answer.code, answer.data["sound"]) == (1, False)
    assert [finding["kind"] for finding in answer.data["findings"]] == kinds
    assert all(finding["meaning"] for finding in answer.data["findings"])
    [line] = desk.lines("error")
    assert (line["level"], line["failures"], line["kind"]) == ("critical", len(kinds), kinds[0])
    people = await desk("audit", "verify")
    assert people.code == 1
    assert answer.data["findings"][0]["sentence"] in people.out
    assert answer.data["findings"][0]["meaning"] in people.out
    assert "Nothing is wrong" not in people.out


async def test_the_old_key_is_needed_after_an_exchange(desk: Desk) -> None:
    await desk.pause()
    new = Fernet.generate_key().decode()
    await desk.pause("after the exchange", RELAY_SECRET_KEY=f"{new},{KEY}")
    assert (await desk("audit", "verify", RELAY_SECRET_KEY=f"{new},{KEY}")).code == 0
    without = await desk("audit", "verify", "-o", "json", RELAY_SECRET_KEY=new)
    assert without.code == 1
    [finding] = without.data["findings"]
    assert (finding["kind"], finding["sequence"]) == ("unknown_key", 1)
    assert "old key" in finding["meaning"]


async def test_a_log_of_another_machine_is_compared_too(desk: Desk, tmp_path: Path) -> None:
    await desk.pause()
    await desk.pause("from elsewhere", RELAY_LOG_DIR=str(tmp_path / "elsewhere"))
    desk.tamper("DELETE FROM audit_log WHERE sequence = 2")
    assert (await desk("audit", "verify")).code == 0
    both = await desk("audit", "verify", "--log-dir", "logs", "--log-dir", "elsewhere", "-o", "json")
    assert (both.code, both.data["findings"][0]["kind"]) == (1, "cut_off")


async def test_a_command_leaves_no_log_where_no_service_runs(desk: Desk, tmp_path: Path) -> None:
    given = {name: value for name, value in desk.environment.items() if name != "RELAY_LOG_DIR"}
    (tmp_path / "home").mkdir()
    here = Desk(tmp_path / "home", given)
    await here.pause()
    assert not (tmp_path / "home" / "logs").exists()
    (tmp_path / "home" / "logs").mkdir()
    await here.pause("again")
    assert [line["sequence"] for line in here.lines("auth")] == [2]


async def test_a_running_service_tells_the_heads_of_commands_without_a_log(amqp_url: str, tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/relay.db"
    logs = {"RELAY_LOG_DIR": str(tmp_path / "logs"), "RELAY_HTTP_PORT": str(free_port()), "RELAY_SECRET_KEY": KEY}
    async with system(amqp_url, url, **logs) as served:
        here = Desk(tmp_path, dict(served.environment))
        await here.pause(RELAY_LOG_DIR="off")
        async with started("consume", given=served.environment, directory=tmp_path):
            await eventually(lambda: _told(here))
        assert (await here("audit", "verify", "-o", "json")).data["newest_head"] == 1


async def _told(desk: Desk) -> bool:
    return any(line["message"] == "audit" and line["sequence"] == 1 for line in desk.lines("auth"))

"""How checks are run: after what they need, within their time, without harming each other; and what the end says."""

from __future__ import annotations

import asyncio
import json
import os
from typing import TYPE_CHECKING

import pytest

from consumer.settings import Settings, load
from ops.cli.app import run
from ops.cli.failing import ExitCode, Failure
from ops.doctor import machine
from ops.doctor.checks import Check, Finding, Status, fail, ok, warn
from ops.doctor.examining import Examined, examine, exit_code

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


async def well(_: Settings) -> Sequence[Finding]:
    return ok("well")


async def ill(_: Settings) -> Sequence[Finding]:
    return fail("ill", "Take this.")


async def broken(_: Settings) -> Sequence[Finding]:
    raise RuntimeError("secret")


async def away(_: Settings) -> Sequence[Finding]:
    raise Failure("Nobody there.", ExitCode.OUT_OF_REACH)


async def slow(_: Settings) -> Sequence[Finding]:
    await asyncio.sleep(60)
    return ok("late")


@pytest.fixture
def settings() -> Settings:
    return load(environ={}, dotenv=None, need=())


def statuses(examined: list[Examined]) -> list[str]:
    return [finding.status.value for one in examined for finding in one.findings]


async def test_a_check_waits_for_what_it_needs_and_is_skipped_when_that_fails(settings: Settings) -> None:
    examined = await examine(
        [Check("a", well), Check("b", ill), Check("c", well, needs=("a",)), Check("d", well, needs=("b",))], settings
    )
    assert statuses(examined) == ["ok", "fail", "ok", "skipped"]
    assert "b" in examined[3].findings[0].message


async def test_skipping_goes_on_down_the_line(settings: Settings) -> None:
    checks = [Check("a", ill), Check("b", well, needs=("a",)), Check("c", well, needs=("b",))]
    assert statuses(await examine(checks, settings)) == ["fail", "skipped", "skipped"]


async def test_one_that_breaks_harms_no_other_and_keeps_its_words(settings: Settings) -> None:
    examined = await examine([Check("a", broken), Check("b", well)], settings)
    assert statuses(examined) == ["fail", "ok"]
    assert "RuntimeError" in examined[0].findings[0].message
    assert "secret" not in examined[0].findings[0].message


async def test_one_that_takes_too_long_is_out_of_reach(settings: Settings) -> None:
    (examined,) = await examine([Check("a", slow, seconds=0.05)], settings)
    assert examined.findings[0].status is Status.FAIL
    assert examined.findings[0].out_of_reach


async def test_checks_run_together(settings: Settings) -> None:
    async def waits(_: Settings) -> Sequence[Finding]:
        await asyncio.sleep(0.2)
        return ok("done")

    began = asyncio.get_running_loop().time()
    await examine([Check(str(number), waits) for number in range(10)], settings)
    assert asyncio.get_running_loop().time() - began < 1


async def test_a_check_without_its_section_of_the_settings_is_skipped(settings: Settings) -> None:
    (examined,) = await examine([Check("a", well, sections=("ylh",))], settings)
    assert statuses([examined]) == ["skipped"]


@pytest.mark.parametrize(
    ("findings", "code"),
    [
        ([*ok("a"), *warn("b", "c")], 0),
        (fail("a"), 1),
        (fail("a", out_of_reach=True), 5),
        ([*fail("a", out_of_reach=True), *fail("b")], 1),
        ([Finding(Status.SKIPPED, "a"), *fail("b", out_of_reach=True)], 5),
    ],
)
def test_the_exit_code_says_what_kind_of_wrong(findings: list[Finding], code: int) -> None:
    assert exit_code([Examined("x", tuple(findings))]) == code


async def test_a_cure_for_what_is_out_of_reach_comes_from_the_check(settings: Settings) -> None:
    (examined,) = await examine([Check("a", away, reach="Check the cable.")], settings)
    assert examined.findings == (Finding(Status.FAIL, "Nobody there.", "Check the cable.", out_of_reach=True),)


async def test_a_port_in_use_is_told() -> None:
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        taken = server.sockets[0].getsockname()[1]
        found = load(environ={"RELAY_HTTP_PORT": str(taken)}, dotenv=None, need=())
        (finding,) = await machine.port(found)
    assert finding.status is Status.FAIL
    assert f"port {taken}" in finding.message
    assert finding.cure is not None
    assert "RELAY_HTTP_PORT" in finding.cure


async def test_a_directory_that_may_not_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no directory")
    found = load(environ={"RELAY_LOG_DIR": str(tmp_path / "file")}, dotenv=None, need=())
    finding = (await machine.disk(found))[0]
    assert finding.status is Status.FAIL
    assert "RELAY_LOG_DIR" in finding.message


def test_on_a_bare_machine_every_missing_setting_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name in list(os.environ):
        if name.startswith(("RELAY_", "YLH_", "HAIER_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RELAY_AMQP_URL", "amqp://user:hunter2@127.0.0.1:1/")
    assert run(["doctor", "--output", "json"]) == 1
    rows = json.loads(capsys.readouterr().out)
    told = {row["check"]: row["status"] for row in rows}
    assert told["settings"] == told["database"] == told["broker"] == "fail"
    assert told["schema"] == told["topology"] == told["ylh login"] == "skipped"
    assert any("YLH_USERNAME" in row["message"] for row in rows)
    assert "hunter2" not in json.dumps(rows)
    assert all(row["cure"] or "." in row["message"] for row in rows if row["status"] == "fail")


def test_settings_that_cannot_be_read_skip_the_rest(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RELAY_HTTP_PORT", "x")
    assert run(["doctor", "--output", "ndjson"]) == 1
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {row["status"] for row in rows if row["check"] not in {"python", "settings"}} == {"skipped"}

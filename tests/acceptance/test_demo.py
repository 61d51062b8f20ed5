"""`relay demo`, run as a reader runs it: it shows its point, and whatever ends it, nothing is left behind."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from rabbitmq.connection import connect
from rabbitmq.container import engine_answers
from rabbitmq.declaring import apply
from rabbitmq.management import Management
from rabbitmq.node import server_executable
from rabbitmq.topology import Topology

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from tests.support.broker import Broker

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-c", "import sys; from ops.cli import main; sys.exit(main())", "demo")


class Demo:
    """A demo under way. Its temporary directory is what its processes and files are known by."""

    def __init__(self, process: asyncio.subprocess.Process, directory: Path) -> None:
        self.process = process
        self.directory = directory
        self.said = ""

    async def until_said(self, words: str) -> None:
        """Read standard error until it says so."""
        assert self.process.stderr is not None
        async with asyncio.timeout(60):
            while words not in self.said:
                line = await self.process.stderr.readline()
                assert line, f"ended before it said {words!r}:\n{self.said}"
                self.said += line.decode()

    async def ended(self) -> tuple[int, str]:
        """Wait for its end: exit code and standard output."""
        async with asyncio.timeout(60):
            out, err = await self.process.communicate()
        self.said += err.decode()
        assert self.process.returncode is not None
        return self.process.returncode, out.decode()

    def processes(self) -> dict[int, str]:
        """Every process that has anything to do with it, by its id (Linux; elsewhere only files are looked at)."""
        found: dict[int, str] = {}
        if not Path("/proc/self/environ").exists():
            return found
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                with suppress(OSError):  # gone meanwhile
                    command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    environ = (entry / "environ").read_bytes().decode(errors="replace")
                    if str(self.directory) in command or str(self.directory) in environ:
                        found[int(entry.name)] = command
        return found

    def left(self) -> list[str]:
        """What is there of it: processes and files."""
        return [*self.processes().values(), *(str(path) for path in self.directory.iterdir())]

    def part(self, command: str) -> int:
        """Process id of its `relay` with this command."""
        (found,) = (pid for pid, said in self.processes().items() if said.rstrip().endswith(f" {command}"))
        return found


@asynccontextmanager
async def demo(directory: Path, *arguments: str, **environ: str) -> AsyncIterator[Demo]:
    directory.mkdir()  # noqa: ASYNC240 - one directory
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("RELAY_", "LC_", "LANG"))}
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        *arguments,
        cwd=ROOT,
        env={**inherited, "TMPDIR": str(directory), **environ},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield Demo(process, directory)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.fixture
def named(broker: Broker) -> Mapping[str, str]:
    """The settings that name the run's broker, on which the demo makes a virtual host of its own."""
    if broker.management_url is None:
        pytest.skip("this broker has no management API, so the demo could not have a virtual host of its own")
    return {"RELAY_AMQP_URL": broker.amqp_url, "RELAY_MANAGEMENT_URL": broker.management_url}


async def virtual_hosts_left(run: Demo, broker: Broker) -> list[str]:
    """The virtual host that it made, if that is still there; another demo may have its own meanwhile."""
    assert broker.management_url is not None
    made = re.findall(r"relay-demo-[0-9a-f]{8}\b", run.said)
    assert made
    vhosts = await Management(broker.management_url).call("GET", "/vhosts")
    return [vhost["name"] for vhost in vhosts if vhost["name"] in made]


@pytest.fixture
async def own_broker() -> None:
    """Without a named broker the demo starts a private node here."""
    if server_executable() is None or await engine_answers():
        pytest.skip("needs rabbitmq-server on this machine, and no Docker engine before it")


async def test_books_agree_and_kept_it_stays_up_until_interrupted_and_leaves_nothing(
    named: Mapping[str, str], broker: Broker, tmp_path: Path
) -> None:
    async with demo(tmp_path / "demo", "--output", "json", "--keep", **named) as run:
        await run.until_said("Ctrl-C")
        paste = next(line for line in run.said.splitlines() if "set -a" in line)
        timeline = next(line for line in run.said.splitlines() if " order timeline " in line)
        amqp_url, sandbox_url = (await answer_of(f"{paste}; echo $RELAY_AMQP_URL $YLH_BASE_URL")).split()
        async with await connect(amqp_url, name="test"):
            assert urlsplit(sandbox_url).port
        assert "order.reschedule.succeeded" in await answer_of(f"{paste}; {timeline}")
        run.process.send_signal(signal.SIGINT)
        code, out = await run.ended()
        assert code == 0, run.said
        assert "\x1b" not in run.said, "no control sequences where there is no terminal"
        assert run.left() == []
    assert await virtual_hosts_left(run, broker) == []
    check(json.loads(out))


async def answer_of(command: str) -> str:
    """What a command that is pasted into a shell says on standard output."""
    shell = await asyncio.create_subprocess_shell(
        command, cwd=ROOT, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await shell.communicate()
    assert shell.returncode == 0, command
    return out.decode()


def check(summary: dict[str, Any]) -> None:
    assert summary["agrees"]
    assert summary["disagreements"] == []
    assert (summary["events_in"], summary["distinct"], summary["ended"]) == (200, 180, 180)
    assert (summary["told_pushed"], summary["held"], summary["doubled"]) == (160, 160, 0)
    assert {one["name"]: (one["told"], one["held"]) for one in summary["standings"]} == {
        "confirmed": (154, 154),
        "out_of_stock": (1, 1),
        "turned_down": (1, 1),
        "cancelled": (3, 3),
        "intercepted": (1, 1),
        "settled": (1, 1),
        "moved": (3, 3),
    }
    assert summary["moved_along"] == 1
    assert summary["callbacks"] > summary["callbacks_repeated"] > 0
    assert summary["callbacks_refused"] == 1
    assert summary["rescued"] >= 18
    assert summary["copies"] > summary["results"]
    assert {one["reason"] for one in summary["refused"]} >= {"收货地址超出配送范围", "收货人电话无法接通"}
    assert [one["so_id"] for one in summary["parked"]] == ["SO-1006", "SO-1036"]
    assert {one["field"] for one in summary["rejected"]} == {"body", "data.total_amount", "type"}
    assert (summary["told_goods"], summary["held_goods"]) == (200, 200)


async def test_the_summary_is_for_people_in_their_language_and_ends_with_commands_that_work(
    named: Mapping[str, str], broker: Broker, tmp_path: Path
) -> None:
    async with demo(tmp_path / "demo", RELAY_LANG="zh", NO_COLOR="1", **named) as run:
        code, out = await run.ended()
    assert code == 0, run.said
    assert await virtual_hosts_left(run, broker) == []
    assert "账本与结果一致" in out
    commands = [line.strip() for line in out.splitlines() if "relay " in line]
    assert len(commands) == 3
    # All but the first, which is this one over again.
    for command in commands[1:]:
        shell = await asyncio.create_subprocess_shell(command, cwd=ROOT, stdout=asyncio.subprocess.DEVNULL)
        assert await shell.wait() == 0, command


async def test_ctrl_c_half_way_leaves_nothing_and_a_second_one_changes_nothing(
    named: Mapping[str, str], broker: Broker, tmp_path: Path
) -> None:
    async with demo(tmp_path / "demo", **named) as run:
        await run.until_said("events go in")
        await asyncio.sleep(0.5)
        run.process.send_signal(signal.SIGINT)
        await run.until_said("Interrupted")
        run.process.send_signal(signal.SIGINT)
        code, out = await run.ended()
        assert code == 130, run.said
        assert out == ""
        assert "Traceback" not in run.said
        assert run.left() == []
        assert await virtual_hosts_left(run, broker) == []


@pytest.mark.parametrize(("command", "name"), [("consume", "service"), ("callbacks", "callback receiver")])
async def test_a_part_that_dies_is_told_with_its_last_words(
    command: str, name: str, named: Mapping[str, str], broker: Broker, tmp_path: Path
) -> None:
    async with demo(tmp_path / "demo", **named) as run:
        await run.until_said("events go in")
        await asyncio.sleep(0.5)
        os.kill(run.part(command), signal.SIGKILL)
        code, _ = await run.ended()
        assert code == 1, run.said
        assert f"the {name} ended by itself" in run.said
        assert "event_id=" in run.said, "the last lines of its log"
        assert run.processes() == {}
        assert await virtual_hosts_left(run, broker) == []
        (log,) = run.directory.iterdir()
        assert str(log) in run.said


async def test_it_stays_away_from_queues_that_somebody_else_may_use(amqp_url: str, tmp_path: Path) -> None:
    async with await connect(amqp_url, name="test") as connection:
        await apply(connection, Topology.build())
    async with demo(tmp_path / "demo", RELAY_AMQP_URL=amqp_url) as run:
        code, out = await run.ended()
        assert code == 4, run.said
        assert out == ""
        assert "relay.orders" in run.said
        assert run.left() == []


async def test_in_an_empty_virtual_host_it_takes_its_queues_away_again(amqp_url: str, tmp_path: Path) -> None:
    async with demo(tmp_path / "demo", RELAY_AMQP_URL=amqp_url) as run:
        await run.until_said("events go in")
        run.process.send_signal(signal.SIGINT)
        code, _ = await run.ended()
    assert code == 130, run.said
    async with await connect(amqp_url, name="test") as connection:
        for queue in Topology.build().queues:
            channel = await connection.channel()
            with pytest.raises(Exception, match="NOT_FOUND"):
                await channel.declare_queue(queue.name, passive=True)


async def test_it_does_not_run_in_production(tmp_path: Path) -> None:
    async with demo(tmp_path / "demo", RELAY_ENV="prod") as run:
        code, _ = await run.ended()
    assert code == 4
    assert "RELAY_ENV" in run.said


async def test_a_named_broker_that_does_not_answer_is_told(tmp_path: Path, unused_tcp_port: int) -> None:
    async with demo(tmp_path / "demo", RELAY_AMQP_URL=f"amqp://guest:secret@127.0.0.1:{unused_tcp_port}/") as run:
        code, _ = await run.ended()
        assert code == 5, run.said
        assert "nothing listens there" in run.said
        assert "secret" not in run.said
        assert run.left() == []


@pytest.mark.usefixtures("own_broker")
async def test_interrupted_while_its_own_broker_boots_it_leaves_nothing(tmp_path: Path) -> None:
    async with demo(tmp_path / "demo") as run:
        await run.until_said("Starting a private RabbitMQ")
        await asyncio.sleep(2)
        run.process.send_signal(signal.SIGINT)
        code, _ = await run.ended()
        assert code == 130, run.said
        assert run.left() == []


@pytest.mark.usefixtures("own_broker")
async def test_killed_outright_its_parts_go_by_themselves(tmp_path: Path) -> None:
    async with demo(tmp_path / "demo") as run:
        await run.until_said("events go in")
        run.process.kill()
        await run.ended()
        async with asyncio.timeout(30):
            while run.left():  # noqa: ASYNC110 - nobody is there to tell us
                await asyncio.sleep(0.1)

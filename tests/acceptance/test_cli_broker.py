"""`relay topology`, `event publish` and `queues` against a real broker."""

from __future__ import annotations

import asyncio
import json
import signal
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import pytest

from rabbitmq.connection import connect
from tests.acceptance.cli_process import Answer, relay, said, started
from tests.integration.publishers.line import Line
from tests.support.events import cancelled, paid

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from pathlib import Path
    from typing import Any

    Cli = Callable[..., Coroutine[Any, Any, Answer]]


@pytest.fixture
def cli(amqp_url: str, tmp_path: Path) -> Cli:
    async def run(*arguments: str, stdin: bytes = b"", **given: str) -> Answer:
        return await relay(*arguments, given={"RELAY_AMQP_URL": amqp_url, **given}, directory=tmp_path, stdin=stdin)

    return run


@pytest.fixture
async def line(amqp_url: str) -> AsyncIterator[Line]:
    """The network before the broker, to be cut."""
    parts = urlsplit(amqp_url)
    network = Line(str(parts.hostname), parts.port or 5672)
    await network.open()
    yield network
    await network.close()


def through(line: Line, amqp_url: str) -> dict[str, str]:
    """Settings that lead to the broker by ``line``."""
    parts = urlsplit(amqp_url)
    user = parts.netloc.rpartition("@")[0]
    return {"RELAY_AMQP_URL": urlunsplit(parts._replace(netloc=f"{user}@127.0.0.1:{line.port}"))}


def ndjson(*documents: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(document, ensure_ascii=False).encode() + b"\n" for document in documents)


async def waiting(amqp_url: str, queue: str) -> list[dict[str, Any]]:
    """The events in a queue, taken out."""
    found = []
    async with await connect(amqp_url, name="test") as connection, connection.channel() as channel:
        declared = await channel.declare_queue(queue, passive=True)
        while (message := await declared.get(fail=False)) is not None:
            await message.ack()
            found.append(json.loads(message.body))
    return found


async def test_an_empty_broker_is_checked_applied_and_then_as_it_should_be(cli: Cli) -> None:
    before = await cli("topology", "check", "--output", "json")
    assert before.code == 1
    assert any(drift["what"] == "queue relay.orders" for drift in before.data)
    assert all("relay topology apply" in drift["cure"] for drift in before.data)
    applied = await cli("topology", "apply", "--output", "json")
    assert (applied.code, applied.data["queues"]) == (0, 15)
    assert (await cli("topology", "apply")).code == 0
    after = await cli("topology", "check")
    assert (after.code, after.out) == (0, "")
    assert "has the shape" in after.err


async def test_a_queue_of_another_shape_is_named_with_its_cure(cli: Cli, amqp_url: str) -> None:
    async with await connect(amqp_url, name="test") as connection, connection.channel() as channel:
        await channel.declare_queue("relay.orders", durable=True, arguments={"x-queue-type": "classic"})
    applied = await cli("topology", "apply")
    assert (applied.code, applied.out) == (1, "")
    assert "relay.orders" in applied.err
    assert "rabbitmqctl delete_queue" in applied.err
    checked = await cli("topology", "check", "--output", "ndjson")
    assert checked.code == 1
    assert any("relay.orders, " in drift["what"] for drift in checked.lines)


async def test_events_are_published_as_they_stand(cli: Cli, amqp_url: str) -> None:
    await cli("topology", "apply")
    events = [paid("SO-1"), cancelled("SO-1"), paid("SO-2")]
    answer = await cli("event", "publish", "--output", "ndjson", stdin=ndjson(*events))
    assert answer.code == 0
    assert [(row["line"], row["id"], row["status"]) for row in answer.lines] == [
        (number, event["id"], "confirmed") for number, event in enumerate(events, 1)
    ]
    assert await waiting(amqp_url, "relay.orders") == events


async def test_one_event_over_many_lines_from_a_file(cli: Cli, amqp_url: str, tmp_path: Path) -> None:
    await cli("topology", "apply")
    (tmp_path / "event.json").write_text(json.dumps(paid("SO-1"), indent=2, ensure_ascii=False), encoding="utf-8")
    assert (await cli("event", "publish", "event.json")).code == 0
    assert await waiting(amqp_url, "relay.orders") == [paid("SO-1")]


async def test_what_breaks_the_contract_stays_here_and_the_rest_goes(cli: Cli, amqp_url: str) -> None:
    await cli("topology", "apply")
    unknown = {**paid("SO-2"), "type": "order.nonsense"}
    callback = {**paid("SO-3"), "type": "supplier.callback.confirmed"}
    answer = await cli(
        "event", "publish", "--output", "json", stdin=ndjson(paid("SO-1"), unknown, callback) + b"garbage\n"
    )
    assert answer.code == 3
    assert {name: answer.data[name] for name in ("read", "confirmed", "invalid", "failed")} == {
        "read": 4,
        "confirmed": 1,
        "invalid": 3,
        "failed": 0,
    }
    assert [failure["line"] for failure in answer.data["failures"]] == [2, 3, 4]
    assert answer.data["failures"][0]["errors"][0]["field"] == "type"
    assert await waiting(amqp_url, "relay.orders") == [paid("SO-1")]
    assert await waiting(amqp_url, "relay.unroutable") == []


async def test_when_nothing_went_out_it_failed(cli: Cli) -> None:
    await cli("topology", "apply")
    assert (await cli("event", "publish", stdin=b"{}\n")).code == 1
    nothing = await cli("event", "publish", stdin=b"\n")
    assert (nothing.code, nothing.err) == (1, "There is no event in standard input.\n")


async def test_a_result_is_no_event_to_publish(cli: Cli) -> None:
    await cli("topology", "apply")
    document = {**paid("SO-1"), "type": "order.push.succeeded"}
    answer = await cli("event", "publish", stdin=ndjson(document))
    assert answer.code == 1
    assert "line 1: " in answer.err


async def test_without_a_topology_it_says_what_to_run(cli: Cli) -> None:
    answer = await cli("event", "publish", stdin=ndjson(paid("SO-1")))
    assert (answer.code, answer.out) == (1, "")
    assert "relay topology apply" in answer.err


async def test_without_a_broker_it_is_out_of_reach_and_reads_nothing(cli: Cli) -> None:
    answer = await cli("event", "publish", RELAY_AMQP_URL="amqp://guest:hunter2@127.0.0.1:1/")
    assert answer.code == 5
    assert answer.err.startswith("Error: RabbitMQ at 127.0.0.1:1 cannot be used")
    assert "hunter2" not in answer.err


async def test_thousands_travel_together(cli: Cli) -> None:
    await cli("topology", "apply")
    answer = await cli(
        "event", "publish", "--output", "json", stdin=ndjson(*(paid(f"SO-{number}") for number in range(3000)))
    )
    assert (answer.code, answer.data["confirmed"]) == (0, 3000)


async def test_ctrl_c_ends_it_quietly_while_its_input_is_silent(cli: Cli, amqp_url: str, tmp_path: Path) -> None:
    await cli("topology", "apply")
    given = {"RELAY_AMQP_URL": amqp_url}
    async with started("event", "publish", given=given, directory=tmp_path) as process:
        await asyncio.sleep(3)
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(5):
            # Not communicate(): that would close its standard input, which is to stay silent.
            code = await process.wait()
        assert process.stderr is not None
        assert (code, await process.stderr.read()) == (130, b"")


async def test_a_reader_that_goes_away_is_no_error_to_talk_about(cli: Cli, amqp_url: str, tmp_path: Path) -> None:
    del cli
    given = {"RELAY_AMQP_URL": amqp_url}
    async with started("topology", "show", "--output", "json", given=given, directory=tmp_path) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout._transport.close()  # type: ignore[attr-defined]  # the reader hangs up, as `head` does
        async with asyncio.timeout(10):
            assert await process.stderr.read() == b""
            await process.wait()


async def test_queues_are_counted_and_missing_ones_named(cli: Cli) -> None:
    missing = await cli("queues", "--output", "json")
    assert missing.code == 1
    assert missing.data[0]["messages"] is None
    assert "relay topology apply" in missing.err
    await cli("topology", "apply")
    await cli("event", "publish", stdin=ndjson(paid("SO-1"), paid("SO-2")))
    answer = await cli("queues", "--output", "ndjson")
    assert answer.code == 0
    orders = next(row for row in answer.lines if row["queue"] == "relay.orders")
    assert (orders["kind"], orders["messages"], orders["consumers"], orders["in_rate"]) == ("lane", 2, 0, None)
    assert {"relay.orders.dlq", "relay.retry.5s", "relay.unroutable", "relay.results.unclaimed"} <= {
        row["queue"] for row in answer.lines
    }


async def test_with_the_management_api_there_are_rates(cli: Cli, broker: Any) -> None:
    if broker.management_url is None:
        pytest.skip("this broker has no management API that we know of")
    await cli("topology", "apply")
    checked = await cli("topology", "check", RELAY_MANAGEMENT_URL=broker.management_url)
    assert "Not compared" not in checked.err
    answer = await cli("queues", "--output", "json", RELAY_MANAGEMENT_URL=broker.management_url)
    assert answer.code == 0
    assert isinstance(answer.data[0]["in_rate"], float)
    assert isinstance(answer.data[0]["in_flight"], int)


async def test_watching_goes_on_until_it_is_stopped(cli: Cli, amqp_url: str, tmp_path: Path) -> None:
    await cli("topology", "apply")
    given = {"RELAY_AMQP_URL": amqp_url}
    async with started(
        "queues", "--watch", "--interval", "0.2", "-o", "ndjson", given=given, directory=tmp_path
    ) as process:
        assert process.stdout is not None
        looks: set[str] = set()
        async with asyncio.timeout(20):
            while len(looks) < 3:
                looks.add(json.loads(await process.stdout.readline())["at"])
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()
        assert (process.returncode, err) == (130, b"")


async def test_watching_goes_on_when_the_broker_is_back(cli: Cli, amqp_url: str, line: Line, tmp_path: Path) -> None:
    await cli("topology", "apply")
    command = ("queues", "--watch", "--interval", "0.2", "-o", "ndjson")
    async with started(*command, given=through(line, amqp_url), directory=tmp_path) as process:
        await said(process.stdout, "relay.orders")
        reading = asyncio.create_task(_until_silent(process))
        await line.refuse()
        told = "".join(await said(process.stderr, "nothing listens there"))
        assert "Traceback" not in told
        assert "fault in relay" not in told
        await reading
        await line.open()
        await said(process.stdout, "relay.orders")


async def _until_silent(process: asyncio.subprocess.Process) -> None:
    """Read what is still on its way, until a second passes without a line."""
    assert process.stdout is not None
    while True:
        try:
            async with asyncio.timeout(1):
                await process.stdout.readline()
        except TimeoutError:
            return


async def test_a_broker_that_goes_away_midway_is_told_with_where_it_happened(
    cli: Cli, amqp_url: str, line: Line, tmp_path: Path
) -> None:
    await cli("topology", "apply")
    given = through(line, amqp_url)
    async with started("event", "publish", "-o", "ndjson", given=given, directory=tmp_path) as process:
        assert process.stdin is not None
        process.stdin.write(ndjson(paid("SO-1"), paid("SO-2")))
        # Told although the pipe stays open: nothing waits for a batch to fill.
        await said(process.stdout, '"line":2,')
        await line.refuse()
        # An event that is on its way when the line goes is "unconfirmed"; this one is to be "not sent".
        await asyncio.sleep(1)
        process.stdin.write(ndjson(paid("SO-late")))
        async with asyncio.timeout(30):
            out, err = await process.communicate()
    assert process.returncode == 5
    assert json.loads(out)["status"] == "not_sent"
    assert "went away at line 3; 2 events confirmed until then" in err.decode()

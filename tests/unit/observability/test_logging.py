"""What comes out on the console and in the files when our modules and libraries log."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import pytest

from consumer.observability.foreign import from_foreign
from consumer.observability.logging import Logs, configure, get_logger, message_context, stream_of, trace_id
from consumer.observability.redaction import Redactor

NAME = "欧阳修文"
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class OurError(Exception):
    """Vouched for."""


@pytest.fixture
def console() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def logs(tmp_path: Path, console: io.StringIO) -> Iterator[Logs]:
    set_up = configure(
        directory=tmp_path, console=console, timezone=UTC, secrets=frozenset({"hush-hush"}), speaking=(OurError,)
    )
    yield set_up
    set_up.close()


def lines(directory: Path, stream: str) -> list[dict[str, object]]:
    path = directory / f"{stream}.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


@pytest.mark.usefixtures("logs")
def test_a_line_goes_to_the_console_for_people_and_to_a_file_for_programs(tmp_path: Path, console: io.StringIO) -> None:
    get_logger("consumer.runtime.pipeline").info("message", lane="relay.orders", outcome="done", seconds=0.25)
    (line,) = lines(tmp_path, "sync")
    assert line.pop("time")
    assert line == {
        "level": "info",
        "stream": "sync",
        "logger": "consumer.runtime.pipeline",
        "message": "message",
        "lane": "relay.orders",
        "outcome": "done",
        "seconds": 0.25,
    }
    assert console.getvalue()[8:] == " info     message  lane=relay.orders  outcome=done  seconds=0.25\n"


@pytest.mark.usefixtures("logs")
def test_every_line_within_a_message_says_which_one(tmp_path: Path) -> None:
    log = get_logger("consumer.suppliers.ylh")

    async def work(so_id: str) -> None:
        with message_context(
            event_id=f"e-{so_id}", so_id=so_id, lane="relay.orders", attempt=1, traceparent=TRACEPARENT
        ):
            await asyncio.sleep(0)
            log.info("called", supplier="ylh")
            logging.getLogger("publishers.confirms").warning("slow")

    async def both() -> None:
        await asyncio.gather(work("A"), work("B"))

    asyncio.run(both())
    log.info("afterwards")
    told = lines(tmp_path, "api") + lines(tmp_path, "sync")
    within = [line for line in told if line["message"] in {"called", "slow"}]
    assert sorted(str(line["so_id"]) for line in within) == ["A", "A", "B", "B"]
    assert {line["trace_id"] for line in within} == {"0af7651916cd43dd8448eb211c80319c"}
    assert all(line["event_id"] == f"e-{line['so_id']}" for line in within)
    assert [line for line in told if "so_id" not in line and line["message"] == "afterwards"]


@pytest.mark.parametrize("traceparent", [None, "", "nonsense", "00-XYZ-b7ad6b7169203331-01"])
def test_a_trace_that_cannot_be_read_is_none(traceparent: str | None) -> None:
    assert trace_id(traceparent) is None


@pytest.mark.usefixtures("logs")
def test_what_a_line_is_cannot_be_overwritten_by_what_it_is_about(tmp_path: Path) -> None:
    get_logger("consumer.x").info("words", message="other words", time="never", logger="nobody", level="none")
    (line,) = lines(tmp_path, "sync")
    assert (line["message"], line["logger"], line["level"]) == ("words", "consumer.x", "info")
    assert line["time"] != "never"


@pytest.mark.usefixtures("logs")
def test_each_line_is_in_exactly_one_stream(tmp_path: Path) -> None:
    get_logger("consumer.suppliers.oauth2").info("one")
    get_logger("consumer.suppliers.haier.client").info("two")
    get_logger("consumer.handlers.order_paid").info("three")
    get_logger("consumer.handlers.order_paid").info("four", stream="auth")
    get_logger("consumer.suppliers.haier.client").error("five")
    get_logger("api").info("six", stream="no such stream")
    found = {
        stream: [line["message"] for line in lines(tmp_path, stream)] for stream in ("auth", "api", "sync", "error")
    }
    assert found == {"auth": ["one", "four"], "api": ["two", "six"], "sync": ["three"], "error": ["five"]}


def test_a_logger_may_be_named_after_a_stream() -> None:
    assert [stream_of(name) for name in ("auth", "api", "consumer.callbacks.receiver", "haier_relay.publishers")] == [
        "auth",
        "api",
        "api",
        "sync",
    ]


@pytest.mark.usefixtures("logs")
def test_an_exception_is_told_by_type_and_place_but_not_by_its_words(tmp_path: Path, console: io.StringIO) -> None:
    def reads() -> None:
        raise ValueError(f"cannot read {NAME}")

    def works() -> None:
        try:
            reads()
        except ValueError as error:
            raise OurError("the order cannot be read; the token was hush-hush") from error

    try:
        works()
    except OurError:
        get_logger("consumer.x").exception("failed", lane="relay.orders")
    (line,) = lines(tmp_path, "error")
    exception = line["exception"]
    assert isinstance(exception, dict)
    assert exception["type"].endswith("test_logging.OurError")
    assert exception["message"] == "the order cannot be read; the token was ***"
    assert exception["cause"]["type"] == "ValueError"
    assert exception["cause"]["message"] == "***"
    assert [frame.rpartition(" ")[2] for frame in exception["cause"]["frames"]] == ["works", "reads"]
    assert exception["frames"][0].startswith("tests/unit/observability/test_logging.py:")
    for text in (console.getvalue(), json.dumps(line, ensure_ascii=False)):
        assert NAME not in text
        assert "hush" not in text
    assert "because of:\n  ValueError: ***" in console.getvalue()


@pytest.mark.usefixtures("logs")
def test_every_member_of_a_group_is_told(tmp_path: Path) -> None:
    get_logger("consumer.x").error("failed", exc_info=ExceptionGroup(NAME, [OurError("one"), ValueError(NAME)]))
    (line,) = lines(tmp_path, "error")
    assert NAME not in json.dumps(line, ensure_ascii=False)
    exception = line["exception"]
    assert isinstance(exception, dict)
    assert [member["message"] for member in exception["members"]] == ["one", "***"]


@pytest.mark.usefixtures("logs")
def test_causes_that_go_in_a_circle_come_to_an_end(tmp_path: Path) -> None:
    one, two = OurError("one"), OurError("two")
    one.__cause__, two.__cause__ = two, one
    get_logger("consumer.x").error("failed", exc_info=one)
    assert len(lines(tmp_path, "error")) == 1


@pytest.mark.usefixtures("logs")
def test_a_librarys_arguments_are_hidden_unless_we_know_what_it_logs(tmp_path: Path) -> None:
    logging.getLogger("some.library").warning(
        "bad row %r for %s after %d tries (%s)", (NAME,), NAME, 3, ValueError(NAME)
    )
    logging.getLogger("aiormq.connection").warning("lost %s", "amqp://relay:hush@broker/")
    logging.getLogger("some.library").warning("row %(row)s", {"row": NAME})
    logging.getLogger("some.library").warning(ValueError(NAME))
    logging.getLogger("some.library").warning("with extra", extra={"consignee": NAME, "count": 1})
    told = [line["message"] for line in lines(tmp_path, "sync")]
    assert told == [
        "bad row '<tuple>' for *** after 3 tries (ValueError: ***)",
        "lost amqp://***@broker/",
        "row ***",
        "ValueError: ***",
        "with extra",
    ]
    assert lines(tmp_path, "sync")[-1]["count"] == 1


def test_arguments_that_do_not_fit_once_they_are_hidden_leave_the_words() -> None:
    record = logging.LogRecord("some.library", logging.WARNING, "", 0, "%d rows", (NAME,), None)
    assert from_foreign(record, Redactor(), "sync", {"lane": "relay.orders"}).message == "%d rows"


@pytest.mark.usefixtures("logs")
def test_what_asyncio_says_of_a_lost_task_does_not_quote_its_exception(tmp_path: Path) -> None:
    async def fails() -> None:
        raise ValueError(NAME)

    async def main() -> None:
        task = asyncio.create_task(fails())
        await asyncio.wait([task])
        asyncio.get_running_loop().call_exception_handler(
            {"message": "Task exception was never retrieved", "exception": task.exception(), "task": task}
        )

    asyncio.run(main())
    (line,) = lines(tmp_path, "error")
    assert line["message"] == "Task exception was never retrieved"
    assert NAME not in json.dumps(line, ensure_ascii=False)


@pytest.mark.usefixtures("logs")
def test_libraries_are_quiet_below_warning_and_our_packages_are_not(tmp_path: Path) -> None:
    logging.getLogger("aiormq").info("noise")
    logging.getLogger("publishers.confirms").info("connected to %s", "broker")
    assert [line["message"] for line in lines(tmp_path, "sync")] == ["connected to broker"]


@pytest.mark.usefixtures("logs")
def test_a_line_below_the_level_is_not_written(tmp_path: Path, console: io.StringIO) -> None:
    get_logger("consumer.x").debug("quiet")
    assert console.getvalue() == ""
    assert lines(tmp_path, "sync") == []


@pytest.mark.usefixtures("logs")
def test_a_value_cannot_forge_a_line_or_move_the_cursor(tmp_path: Path, console: io.StringIO) -> None:
    get_logger("consumer.x").info("words", version="1\n12:00:00 info     forged", queue="\x1b[2J\u202e")
    assert console.getvalue().count("\n") == 1
    assert "\x1b" not in console.getvalue()
    assert "\u202e" not in console.getvalue()
    (line,) = lines(tmp_path, "sync")
    assert line["version"] == "1\n12:00:00 info     forged"


@pytest.mark.usefixtures("logs")
def test_chinese_stays_readable_in_the_file(tmp_path: Path) -> None:
    get_logger("consumer.x").warning("余额不足")
    assert "余额不足" in (tmp_path / "sync.jsonl").read_text(encoding="utf-8")


def test_closing_leaves_the_standard_library_as_it_was(tmp_path: Path, console: io.StringIO) -> None:
    before = (list(logging.getLogger().handlers), logging.getLogger("consumer").level, logging.logThreads)
    configure(level="debug", directory=tmp_path, console=console).close()
    assert (list(logging.getLogger().handlers), logging.getLogger("consumer").level, logging.logThreads) == before


def test_a_closed_console_does_not_stop_the_files(tmp_path: Path, console: io.StringIO) -> None:
    logs = configure(directory=tmp_path, console=console)
    console.close()
    get_logger("consumer.x").info("still here")
    logs.close()
    assert len(lines(tmp_path, "sync")) == 1


def test_a_secret_learnt_while_running_is_hidden_in_every_line_after_it(
    logs: Logs, tmp_path: Path, console: io.StringIO
) -> None:
    logs.learn({"of-the-new-account"})
    get_logger("consumer.test").warning("seen", url="https://x/of-the-new-account/hush-hush")
    told = console.getvalue() + str(lines(tmp_path, "sync"))
    assert "seen" in told
    assert "of-the-new-account" not in told
    assert "hush" not in told

"""`relay queues`: how full the queues are, once or again and again."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs (see ops.cli.app)

import asyncio
import sys
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ops.cli.asking import broker, management_of, settings_for
from ops.cli.failing import ExitCode, Failure, explained
from ops.cli.printing import NOTHING, Column, Output, OutputOption, Printer, console, say, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aio_pika.abc import AbstractConnection

    from consumer.settings import Settings
    from ops.queues import QueueState

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def _span(value: object) -> str:
    """Write seconds the way people say them."""
    if not isinstance(value, float):
        return NOTHING
    for size, unit in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if value >= 2 * size:
            return f"{value / size:.0f} {unit}"
    return f"{value:.0f} s"


_COLUMNS: Final = [
    Column("queue", "Queue"),
    Column("messages", "Waiting", right=True, show=lambda value: "missing" if value is None else str(value)),
    Column("consumers", "Consumers", right=True),
]
_RATES: Final = [
    Column("in_flight", "In flight", right=True),
    Column("in_rate", "In/s", right=True),
    Column("out_rate", "Out/s", right=True),
    Column("drain_seconds", "Empty in", right=True, show=_span),
]


def queues(
    *,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Look again and again, until Ctrl-C.")] = False,
    interval: Annotated[float, typer.Option(min=0.2, help="Seconds between two looks.")] = 2.0,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show how many messages wait in each queue, and who takes them.

    Rates and the time until a queue is empty need RELAY_MANAGEMENT_URL.
    """
    settings = settings_for("broker")
    if watch:
        if output is Output.JSON:
            raise Failure("--watch never ends, so it cannot be one JSON document: use --output ndjson.", ExitCode.USAGE)
        asyncio.run(_watch(settings, interval, output))
        return
    states = asyncio.run(_once(settings))
    printer = Printer(output, settings.service.timezone)
    printer.rows([_row(state) for state in states], _columns(settings), empty="")
    missing = [state.queue for state in states if state.messages is None]
    if missing:
        raise Failure(f"Not on the broker: {', '.join(missing)}. Run `relay topology apply`.")


async def _once(settings: "Settings") -> "list[QueueState]":
    async with broker(settings, "queues") as connection:
        return await _look(connection, settings)


async def _look(connection: "AbstractConnection", settings: "Settings") -> "list[QueueState]":
    from ops.queues import look, names
    from rabbitmq.topology import Topology

    return await look(connection, names(Topology.build(settings.broker.retry_delays)), management_of(settings))


async def _watch(settings: "Settings", interval: float, output: Output) -> None:
    """Look until Ctrl-C; a broker that goes away meanwhile is told, and looked for again."""
    from rabbitmq.connection import BrokerUnreachable
    from rabbitmq.management import ManagementUnreachable

    printer = Printer(output, settings.service.timezone)
    seen = False
    with _screen(printer, _columns(settings)) as show:
        while True:
            try:
                async with broker(settings, "queues --watch") as connection:
                    while True:
                        show([_row(state) for state in await _look(connection, settings)])
                        seen = True
                        await asyncio.sleep(interval)
            except (Failure, BrokerUnreachable, ManagementUnreachable) as error:
                sentence, code = explained(error)
                if not seen or code is not ExitCode.OUT_OF_REACH:
                    raise
                say(sentence)
                await asyncio.sleep(interval)


@contextmanager
def _screen(printer: Printer, columns: list[Column]) -> "Iterator[Callable[[list[dict[str, object]]], None]]":
    """Give what shows one look: on a terminal a table in its place, elsewhere a line for each queue and look."""
    if printer.for_people and sys.stdout.isatty():
        from rich.live import Live

        with Live(console=console(), auto_refresh=False) as live:
            yield lambda rows: live.update(printer.table(rows, columns), refresh=True)
        return

    def lines(rows: list[dict[str, object]]) -> None:
        now = datetime.now(UTC)
        for row in rows:
            if printer.for_people:
                write(_plain_line(printer.shown(now), row))
            else:
                printer.line({"at": now, **row})

    yield lines


def _plain_line(at: str, row: dict[str, object]) -> str:
    told = " ".join(
        f"{name}={value}" for name, value in row.items() if name not in {"queue", "kind"} and value is not None
    )
    return f"{at} {row['queue']} {told or 'missing'}"


def _columns(settings: "Settings") -> list[Column]:
    return [*_COLUMNS, *(_RATES if settings.broker.management_url is not None else ())]


def _row(state: "QueueState") -> dict[str, object]:
    return {**asdict(state), "drain_seconds": state.drain_seconds}

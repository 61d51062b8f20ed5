"""`relay topology`: the broker's shape, shown, compared, declared."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs (see ops.cli.app)

import asyncio
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from ops.cli.asking import broker, management_of, settings_for, vhost_of
from ops.cli.failing import ExitCode, Failure
from ops.cli.printing import Column, Output, OutputOption, Printer, console, document, say, write

if TYPE_CHECKING:
    from consumer.settings import Settings
    from rabbitmq.declaring import Survey
    from rabbitmq.topology import Topology

app = typer.Typer(help="Exchanges, queues and bindings on the broker.", no_args_is_help=True)


class Format(StrEnum):
    """How the shape can be shown."""

    TABLE = "table"
    JSON = "json"
    NDJSON = "ndjson"
    DEFINITIONS = "definitions"


@app.command()
def show(
    *,
    permissions: Annotated[
        bool, typer.Option("--permissions", help="The rights that each kind of user needs, as rabbitmqctl commands.")
    ] = False,
    output: Annotated[
        Format,
        typer.Option(
            "--output",
            "--format",
            "-o",
            help="definitions: what `rabbitmqctl import_definitions` takes; no users in it.",
        ),
    ] = Format.TABLE,
) -> None:
    """Show the shape that the service needs. Asks no broker."""
    settings = settings_for("broker")
    vhost = vhost_of(settings)
    if permissions:
        if output is Format.DEFINITIONS:
            raise Failure("--permissions has no form `definitions`: choose table, json or ndjson.", ExitCode.USAGE)
        _show_permissions(Output(output.value), vhost)
        return
    if output is Format.DEFINITIONS:
        from rabbitmq.definitions import definitions

        write(document(definitions(_wanted(settings), vhost)))
        return
    _show_shape(Output(output.value), _wanted(settings))


@app.command()
def check(*, output: OutputOption = Output.TABLE) -> None:
    """Compare the broker with the shape that the service needs; changes nothing. 1 if they differ."""
    settings = settings_for("broker")
    found = asyncio.run(_survey(settings))
    rows = [
        {"what": drift.what, "expected": drift.expected, "found": drift.found, "cure": drift.cure}
        for drift in found.drifts
    ]
    printer = Printer(output)
    if printer.for_people:
        for drift in found.drifts:
            write(str(drift))
    else:
        printer.rows(rows, (), empty="")
    for remark in found.unseen:
        say(f"Not compared: {remark}")
    if rows:
        say("1 difference." if len(rows) == 1 else f"{len(rows)} differences.")
        raise typer.Exit(ExitCode.FAILED)
    say("The broker has the shape that the service needs.")


@app.command()
def apply(*, output: OutputOption = Output.TABLE) -> None:
    """Add to the broker what is missing; never deletes, never changes what is there."""
    settings = settings_for("broker")
    wanted = _wanted(settings)
    asyncio.run(_apply(settings, wanted))
    record = {
        "broker": settings.broker.shown_url,
        "exchanges": len(wanted.exchanges),
        "queues": len(wanted.queues),
        "bindings": len(wanted.bindings),
    }
    printer = Printer(output)
    if printer.for_people:
        write(
            f"In place on {record['broker']}: {record['exchanges']} exchanges, {record['queues']} queues, "
            f"{record['bindings']} bindings."
        )
    else:
        printer.record(record, ())


def _wanted(settings: "Settings") -> "Topology":
    from rabbitmq.topology import Topology

    return Topology.build(settings.broker.retry_delays)


async def _survey(settings: "Settings") -> "Survey":
    from rabbitmq.declaring import survey

    async with broker(settings, "topology check") as connection:
        return await survey(connection, _wanted(settings), management_of(settings))


async def _apply(settings: "Settings", wanted: "Topology") -> None:
    from rabbitmq import declaring

    async with broker(settings, "topology apply") as connection:
        await declaring.apply(connection, wanted)


def _show_shape(output: Output, wanted: "Topology") -> None:
    exchanges = [{"name": one.name, "type": one.type, "arguments": dict(one.arguments)} for one in wanted.exchanges]
    queues = [{"name": one.name, "arguments": dict(one.arguments)} for one in wanted.queues]
    bindings = [
        {"exchange": one.exchange, "queue": one.queue, "routing_key": one.routing_key} for one in wanted.bindings
    ]
    printer = Printer(output)
    match output:
        case Output.JSON:
            write(document({"exchanges": exchanges, "queues": queues, "bindings": bindings}))
        case Output.NDJSON:
            for kind, rows in (("exchange", exchanges), ("queue", queues), ("binding", bindings)):
                for row in rows:
                    printer.line({"kind": kind, **row})
        case Output.TABLE:
            arguments = Column("arguments", "Arguments", show=_arguments)
            console().print(printer.table(exchanges, [Column("name", "Exchange"), Column("type", "Type"), arguments]))
            write("")
            console().print(printer.table(queues, [Column("name", "Queue"), arguments]))
            write("")
            columns = [Column("exchange", "From"), Column("queue", "To queue"), Column("routing_key", "Routing key")]
            console().print(printer.table(bindings, columns))


def _arguments(value: object) -> str:
    return " ".join(f"{name}={entry}" for name, entry in value.items()) if isinstance(value, dict) else ""


def _show_permissions(output: Output, vhost: str) -> None:
    from dataclasses import asdict

    from rabbitmq.permissions import KINDS

    if output is Output.TABLE:
        for kind in KINDS:
            write(f"# {kind.name}: {kind.purpose}")
            for command in kind.commands(vhost=vhost):
                write(command)
            write("")
        return
    Printer(output).rows([{**asdict(kind), "commands": kind.commands(vhost=vhost)} for kind in KINDS], (), empty="")

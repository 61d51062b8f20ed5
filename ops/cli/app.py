"""The tree of commands. Each group is a module beside this one; what a command needs it imports when it runs.

So `relay --help` answers without waiting for the database's driver, and a command works where other commands'
dependencies are missing.
"""

import logging
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated

import typer
from typer.exceptions import TyperException

from ops.cli import (
    audit,
    callbacks,
    config,
    consume,
    database,
    demo,
    dlq,
    doctor,
    event,
    order,
    queues,
    replay,
    sandbox,
    schedule,
    schema,
    supplier,
    sync,
    topology,
)
from ops.cli.failing import ExitCode, debugging, report, say_error

app = typer.Typer(
    name="relay",
    help="Carries an order system's events from RabbitMQ to Haier and YLH, and tells what came of each.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
_WORK, _LOOK, _SET_UP, _TRY = "The service", "Looking and asking", "Setting up", "Trying it out"

app.command("consume", rich_help_panel=_WORK)(consume.consume)
app.command("callbacks", rich_help_panel=_WORK)(callbacks.callbacks)
app.add_typer(schedule.app, name="schedule", rich_help_panel=_WORK)
app.add_typer(event.app, name="event", rich_help_panel=_LOOK)
app.add_typer(sync.app, name="sync", rich_help_panel=_LOOK)
app.add_typer(order.app, name="order", rich_help_panel=_LOOK)
app.command("queues", rich_help_panel=_LOOK)(queues.queues)
app.add_typer(dlq.app, name="dlq", rich_help_panel=_LOOK)
app.add_typer(replay.app, name="replay", rich_help_panel=_LOOK)
app.add_typer(audit.app, name="audit", rich_help_panel=_LOOK)
app.add_typer(supplier.app, name="supplier", rich_help_panel=_LOOK)
app.add_typer(config.app, name="config", rich_help_panel=_SET_UP)
app.add_typer(topology.app, name="topology", rich_help_panel=_SET_UP)
app.add_typer(database.app, name="db", rich_help_panel=_SET_UP)
app.add_typer(schema.app, name="schema", rich_help_panel=_SET_UP)
app.command("doctor", rich_help_panel=_SET_UP)(doctor.doctor)
app.command("demo", rich_help_panel=_TRY)(demo.demo)
app.command("sandbox", rich_help_panel=_TRY)(sandbox.sandbox)


def _version(asked: bool) -> None:  # noqa: FBT001 - typer calls it with the option's value
    if asked:
        sys.stdout.write(f"relay {version('haier-relay')}\n")
        raise typer.Exit


@app.callback()
def _relay(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    del version  # its callback has answered


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line (None: of this process) and return the exit code; never raises."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            # A terminal that cannot write Chinese shows escapes instead of ending the command.
            reconfigure(errors="backslashreplace")
    if not debugging():
        # A library's warning is no sentence for the person at the terminal; `relay consume` sets up its own log.
        logging.getLogger().addHandler(logging.NullHandler())
    code = _run(arguments)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read us has gone (`relay … | head`): that is no error, but Python would say so at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return int(code)


def _run(arguments: Sequence[str] | None) -> int:
    command = typer.main.get_command(app)
    try:
        answer = command.main(args=arguments, prog_name="relay", standalone_mode=False)
    except TyperException as error:
        return _misused(error)
    except (KeyboardInterrupt, typer.Abort):
        return ExitCode.INTERRUPTED
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else ExitCode.FAILED
    except Exception as error:  # noqa: BLE001 - the last stop: told in a sentence, and whole with RELAY_DEBUG
        return report(error)
    return answer if isinstance(answer, int) else ExitCode.OK


def _misused(error: TyperException) -> int:
    context: typer.Context | None = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stderr.write(f"{error.format_message()}\n")
        return ExitCode.USAGE
    cure = f" See `{context.command_path} --help`." if context is not None else ""
    say_error(f"{error.format_message().rstrip('.')}.{cure}")
    return error.exit_code

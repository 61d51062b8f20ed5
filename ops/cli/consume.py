"""`relay consume`: the service itself, until it is told to stop."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs (see ops.cli.app)

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ops.cli.asking import run_fast
from ops.cli.failing import ExitCode, Failure
from ops.cli.printing import say
from ops.cli.starting import refuse_old_schema, stop_on_signals
from ops.health import ANYWHERE, says_yes

if TYPE_CHECKING:
    from consumer.settings import Settings

_ASK_EVERY: Final = 0.2


def consume(
    *,
    lanes: Annotated[
        str | None,
        typer.Option(help="Only these lanes, parted by commas, such as relay.orders,relay.catalog. Default: all."),
    ] = None,
) -> None:
    """Take events from RabbitMQ, call the suppliers, publish the results.

    Ends on Ctrl-C or SIGTERM once what is in flight is done (RELAY_SHUTDOWN_TIMEOUT); a second signal ends it at once.
    """
    run_fast(_consume(_lanes(lanes)))


def _lanes(given: str | None) -> tuple[str, ...] | None:
    """Return the names given, each a lane; None for all."""
    from rabbitmq.topology import LANES

    if given is None:
        return None
    known = [lane.name for lane in LANES]
    names = tuple(dict.fromkeys(name.strip() for name in given.split(",") if name.strip()))
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise Failure(
            f"--lanes: {', '.join(unknown) or 'nothing'} is no lane; there are {', '.join(known)}.", ExitCode.USAGE
        )
    return names


async def _consume(lanes: tuple[str, ...] | None) -> None:
    from consumer import bootstrap
    from ops.accounts.using import settings_of_the_service

    settings, account = await settings_of_the_service()
    await refuse_old_schema(settings)
    if account is not None:
        say(f"Haier: {account.told}.")
    stop = asyncio.Event()
    stop_on_signals(stop)
    telling = asyncio.create_task(_tell_when_ready(settings, lanes), name="telling that it is ready")
    try:
        await bootstrap.serve(settings, lanes=lanes, stop=stop)
    finally:
        telling.cancel()
        with suppress(asyncio.CancelledError):
            await telling


async def _tell_when_ready(settings: "Settings", lanes: tuple[str, ...] | None) -> None:
    """Say in one line that the service is ready, as /health/ready sees it."""
    from rabbitmq.topology import LANES

    if settings.http.port == 0:
        return  # any free port: only the service knows which one
    host = ANYWHERE.get(settings.http.host, settings.http.host)
    while not await says_yes(host, settings.http.port, "/health/ready"):  # noqa: ASYNC110 - an HTTP answer has no event
        await asyncio.sleep(_ASK_EVERY)
    names = lanes or [lane.name for lane in LANES]
    shown = f"[{host}]" if ":" in host else host
    say(f"Ready: consuming {', '.join(names)}; health and metrics on http://{shown}:{settings.http.port}.")

"""`relay sandbox`: both suppliers as a local server. Only in a checkout: it is not part of an installed wheel."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs (see ops.cli.app)

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ops.cli.asking import settings_for
from ops.cli.failing import ExitCode, Failure
from ops.cli.printing import say

if TYPE_CHECKING:
    from sandbox.config import SandboxConfig


def sandbox(
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on. Default: RELAY_SANDBOX_HOST.")] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65_535, help="Port; 0 takes a free one. Default: RELAY_SANDBOX_PORT, else 9100."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="JSON with the sandbox's own settings (sandbox/README.md).")
    ] = None,
    faults: Annotated[
        Path | None, typer.Option(metavar="FILE", help="JSON with a list of fault rules (sandbox/README.md).")
    ] = None,
) -> None:
    """Play both suppliers on this machine, with faults to switch on."""
    if find_spec("sandbox") is None:
        raise Failure(
            "The sandbox is not part of an installed haier-relay. Run this in a checkout of the project, "
            "or use the image haier-relay-sandbox of docker-compose.yml."
        )
    from sandbox.server import serve

    http = settings_for().http
    serve(
        host if host is not None else http.sandbox_host,
        port if port is not None else http.sandbox_port,
        _configured(config, faults),
        ready=lambda url: say(f"The sandbox plays YLH and Haier on {url}; Ctrl-C ends it."),
    )


def _configured(config: Path | None, faults: Path | None) -> "SandboxConfig":
    from pydantic import TypeAdapter, ValidationError

    from sandbox.config import SandboxConfig, told
    from sandbox.faults import Rule

    chosen = SandboxConfig.from_file(config) if config is not None else SandboxConfig()
    if faults is None:
        return chosen
    try:
        rules = TypeAdapter(tuple[Rule, ...]).validate_json(faults.read_bytes())
    except ValidationError as error:
        # No chain: the library quotes its input, and the sentence has all that is wrong.
        raise Failure(f"The fault file {faults} is not usable: {told(error)}.", ExitCode.USAGE) from None
    return chosen.model_copy(update={"faults": (*chosen.faults, *rules)})

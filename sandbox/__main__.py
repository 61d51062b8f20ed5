"""``python -m sandbox``: both suppliers on one port until stopped; prints one line with the URL."""

import argparse
import os
import sys
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from sandbox.config import DEFAULT_PORT, ConfigError, SandboxConfig, told
from sandbox.faults import Rule
from sandbox.server import LOOPBACK, serve

RULES = TypeAdapter(tuple[Rule, ...])
PORTS = range(65536)
FAILED, USAGE = 1, 2


def main() -> int:
    """Exit code 0 after a stop, 1 where it cannot listen, 2 for a configuration that cannot be used."""
    options = _options()
    try:
        port = _port(options.port)
        config = SandboxConfig.from_file(options.config) if options.config else SandboxConfig()
        if options.faults:
            config = config.model_copy(update={"faults": (*config.faults, *_rules(options.faults))})
    except ConfigError as error:
        return _said(str(error), USAGE)
    try:
        serve(options.host, port, config, ready=lambda url: print(f"sandbox listens on {url}", flush=True))  # noqa: T201  (stdout is this command's one answer)
    except OSError as error:
        return _said(str(error), FAILED)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="sandbox", description="Both suppliers as an HTTP server.")
    parser.add_argument("--host", default=LOOPBACK)
    parser.add_argument("--port", help=f"0 takes a free one; default RELAY_SANDBOX_PORT, else {DEFAULT_PORT}")
    parser.add_argument("--config", type=Path, help="JSON file with the fields of sandbox.config.SandboxConfig")
    parser.add_argument("--faults", type=Path, help="JSON file with a list of fault rules")
    return parser.parse_args()


def _port(given: str | None) -> int:
    text = given or os.environ.get("RELAY_SANDBOX_PORT") or str(DEFAULT_PORT)
    if not text.isdecimal() or int(text) not in PORTS:
        raise ConfigError(f"The port (--port or RELAY_SANDBOX_PORT) is {text!r}; expected a number from 0 to 65535.")
    return int(text)


def _rules(path: Path) -> tuple[Rule, ...]:
    try:
        return RULES.validate_json(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"The fault file {path} cannot be read: {error.strerror}. Check the path.") from error
    except ValidationError as error:
        raise ConfigError(f"The fault file {path} is not usable: {told(error)}.") from error


def _said(sentence: str, code: int) -> int:
    print(sentence, file=sys.stderr)  # noqa: T201  (a person reads this on the terminal)
    return code


if __name__ == "__main__":
    sys.exit(main())

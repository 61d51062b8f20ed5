"""The topology as RabbitMQ's own definitions file, for those who import that rather than run ``relay topology apply``.

``rabbitmq/definitions.json`` is generated from here and compared in ``make check``. It holds no user and no secret:
loaded at boot it would leave a broker without any user (RabbitMQ makes ``guest`` only where nothing was loaded), so it
is meant for a broker that has its users: ``rabbitmqctl import_definitions rabbitmq/definitions.json``.

``python -m rabbitmq.definitions`` writes the file, with ``--check`` it only compares.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rabbitmq.topology import Topology

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FILE = Path(__file__).with_name("definitions.json")

Definitions = dict[str, list[dict[str, Any]]]

# What tells one entry of a section from another.
_IDENTITY = {
    "vhosts": ("name",),
    "exchanges": ("vhost", "name"),
    "queues": ("vhost", "name"),
    "bindings": ("vhost", "source", "destination_type", "destination", "routing_key"),
}


def definitions(topology: Topology, vhost: str = "/") -> Definitions:
    """What ``import_definitions`` takes: virtual host, exchanges, queues, bindings; in a fixed order."""
    return {
        "vhosts": [{"name": vhost}],
        "exchanges": [
            {
                "name": exchange.name,
                "vhost": vhost,
                "type": exchange.type,
                "durable": True,
                "auto_delete": False,
                "internal": False,
                "arguments": dict(exchange.arguments),
            }
            for exchange in topology.exchanges
        ],
        "queues": [
            {
                "name": queue.name,
                "vhost": vhost,
                "durable": True,
                "auto_delete": False,
                "arguments": dict(queue.arguments),
            }
            for queue in topology.queues
        ],
        "bindings": [
            {
                "source": binding.exchange,
                "vhost": vhost,
                "destination": binding.queue,
                "destination_type": "queue",
                "routing_key": binding.routing_key,
                "arguments": {},
            }
            for binding in topology.bindings
        ],
    }


def rendered(topology: Topology) -> str:
    """The file's text."""
    return json.dumps(definitions(topology), indent=2, ensure_ascii=False) + "\n"


def differences(expected: Definitions, found: Definitions) -> list[str]:
    """How ``found`` differs from ``expected``, a line each, in the sections that we write; empty when it does not."""
    lines: list[str] = []
    for section, identity in _IDENTITY.items():
        wanted, there = _by_identity(expected, section, identity), _by_identity(found, section, identity)
        lines.extend(f"{section}: {name} is missing" for name in wanted if name not in there)
        lines.extend(f"{section}: {name} is not in the topology" for name in there if name not in wanted)
        for name in wanted.keys() & there.keys():
            lines.extend(f"{section}: {name}, {line}" for line in _fields(wanted[name], there[name]))
    return sorted(lines)


def _by_identity(document: Definitions, section: str, identity: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    return {" ".join(str(entry.get(key, "")) for key in identity): entry for entry in document.get(section, [])}


def _fields(expected: Mapping[str, Any], found: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key in sorted(expected.keys() | found.keys()):
        wanted, there = expected.get(key), found.get(key)
        if isinstance(wanted, dict) and isinstance(there, dict):
            yield from _fields(wanted, there, f"{prefix}{key}.")
        elif wanted != there:
            yield f"{prefix}{key}: expected {wanted!r}, found {there!r}"


def stale() -> list[str]:
    """How the committed file differs from the topology; empty when it is current."""
    try:
        text = FILE.read_text(encoding="utf-8")
        found: Definitions = json.loads(text)
    except (OSError, ValueError) as error:
        return [f"{FILE.name} cannot be read: {error}"]
    expected = Topology.build()
    lines = differences(definitions(expected), found)
    if not lines and text != rendered(expected):
        lines.append(f"{FILE.name} says the same in another order or spelling")
    return lines


def main(arguments: list[str]) -> int:
    """Write the file, or compare it with ``--check``; the exit code."""
    if arguments == ["--check"]:
        lines = stale()
        for line in lines:
            print(line, file=sys.stderr)  # noqa: T201 - a command's own output
        if lines:
            print(f"{FILE} is out of date: run `make docs`.", file=sys.stderr)  # noqa: T201 - as above
        return 1 if lines else 0
    if arguments:
        print("usage: python -m rabbitmq.definitions [--check]", file=sys.stderr)  # noqa: T201 - as above
        return 2
    FILE.write_text(rendered(Topology.build()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

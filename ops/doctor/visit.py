"""One visit: Python and settings at once, then everything that the settings point at."""

from __future__ import annotations

from typing import Final

from consumer.settings import SettingsError, load
from ops.doctor import machine, receiver, setup, surroundings
from ops.doctor.checks import Check
from ops.doctor.examining import Examined, examine, skipped

CHECKS: Final = (
    Check("disk", machine.disk),
    Check("port", machine.port),
    Check("callbacks", receiver.callbacks),
    Check("database", surroundings.database, sections=("database",)),
    Check("schema", surroundings.schema, needs=("database",), sections=("database",)),
    Check("broker", surroundings.broker, sections=("broker",)),
    Check("topology", surroundings.topology, needs=("broker",), sections=("broker",)),
    Check("consumers", surroundings.consumers, needs=("topology",), sections=("broker",)),
    Check(
        "ylh login",
        surroundings.ylh_login,
        sections=("ylh",),
        reach="Check YLH_BASE_URL, and that this machine may reach it.",
    ),
    Check(
        "haier login",
        surroundings.haier_login,
        reach="Check HAIER_BASE_URL (a stored account: its base_url), and that this machine may reach it.",
    ),
)
"""In the order in which they are told; each after what it needs."""


async def visit() -> list[Examined]:
    """Look at everything, with the settings of this process."""
    python = Examined("python", tuple(machine.python()))
    try:
        settings = load(need=())
    except SettingsError as error:
        why = "not looked at: it needs the settings, which are wrong"
        return [
            python,
            Examined("settings", tuple(setup.faults(error))),
            *(skipped(check, why) for check in CHECKS),
        ]
    return [python, Examined("settings", tuple(await setup.settings(settings))), *await examine(CHECKS, settings)]

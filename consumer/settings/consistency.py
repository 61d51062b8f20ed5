"""Rules between settings of one section, which no single field can check."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from consumer.settings.faults import Problem
from consumer.settings.sections import HttpSettings, RetentionSettings
from consumer.settings.suppliers import HaierSettings

if TYPE_CHECKING:
    from consumer.settings.sections import Section

SHORTEST_MEMORY = timedelta(days=2)
"""A day of snoozing (DESIGN section 6) and a day for a late duplicate."""


def contradictions(section: Section) -> list[Problem]:
    """Return where the settings of ``section`` do not fit each other."""
    match section:
        case HaierSettings(supplier_code="1001", send_to_code=None):
            return [
                Problem(
                    "HAIER_SEND_TO_CODE",
                    "is missing",
                    "your ship-to party code 送达方, since HAIER_SUPPLIER_CODE is 1001",
                )
            ]
        case HttpSettings() if section.callback_port and section.callback_port == section.callback_health_port:
            return [
                Problem(
                    "RELAY_CALLBACK_HEALTH_PORT",
                    f"is {section.callback_health_port}, the same as RELAY_CALLBACK_PORT",
                    "another port, or 0 for none: health and metrics must not be open to the supplier",
                )
            ]
        case RetentionSettings() if section.messages < SHORTEST_MEMORY:
            return [
                Problem(
                    "RELAY_KEEP_MESSAGES",
                    "is too short: a late duplicate would be taken for a new event",
                    "a duration of at least 2d, such as 30d",
                )
            ]
        case _:
            return []

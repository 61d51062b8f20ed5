"""Results as they come, sorted by the event that each answers: every event is to have exactly one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.domain.writes import Letter
    from tests.support.order_lives import Plan
    from tests.support.relay import Relay

ANSWERS: Mapping[str, frozenset[str]] = {
    "order.paid": frozenset({"order.push.succeeded", "order.push.failed", "order.superseded"}),
    "order.cancelled": frozenset({"order.cancel.accepted", "order.cancel.succeeded", "order.cancel.failed"}),
    "order.rescheduled": frozenset({"order.reschedule.succeeded", "order.reschedule.failed", "order.superseded"}),
    "order.status.requested": frozenset({"order.status.reported"}),
}
"""The results that answer an event; what callbacks bring about has a causation of its own."""


@dataclass
class Answers:
    """What has been told so far."""

    relay: Relay
    plan: Plan
    by_event: dict[str, dict[str, str]] = field(default_factory=dict)
    """Event id → result id → type."""
    by_order: dict[str, dict[str, int]] = field(default_factory=dict)
    """``so_id`` → result id → sequence."""
    _read: int = 0

    def read(self) -> None:
        """Take in what has come since the last time."""
        events = self.plan.events
        for result in self.relay.results[self._read :]:
            if not result["type"].startswith("order."):
                continue
            self.by_order.setdefault(result["subject"], {})[result["id"]] = result["data"]["sequence"]
            event = events.get(result.get("correlationid", ""))
            if event is not None and "causationid" not in result and result["type"] in ANSWERS[event["type"]]:
                self.by_event.setdefault(event["id"], {})[result["id"]] = result["type"]
        self._read = len(self.relay.results)

    def missing(self, letters: list[Letter]) -> set[str]:
        """Events without a result that are not parked either."""
        self.read()
        return set(self.plan.events) - set(self.by_event) - {letter.event_id for letter in letters}

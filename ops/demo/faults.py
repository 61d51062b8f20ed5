"""What goes wrong at the suppliers, as rules for the sandbox. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class FaultName(StrEnum):
    """What goes wrong at the suppliers."""

    UNAVAILABLE = "unavailable"
    LOST_ANSWER = "lost_answer"
    EXPIRED_TOKEN = "expired_token"  # noqa: S105 - the name of a fault
    REFUSED = "refused"
    NEVER_AVAILABLE = "never_available"
    GOODS_UNAVAILABLE = "goods_unavailable"


@dataclass(frozen=True, slots=True)
class Fault:
    """One rule for the sandbox (`sandbox.faults.Rule` as JSON).

    Attributes:
        name: what it shows.
        rule: for ``--faults``.
        least: it has to fire at least so often, or the demo did not show it.
    """

    name: FaultName
    rule: Mapping[str, object]
    least: int


def create_fault(name: FaultName, so_ids: Iterable[str], **rule: object) -> Fault:
    """Return a fault of the create of each of these orders."""
    named = sorted(so_ids)
    return Fault(name, {"call": "ylh.create", "pattern": "|".join(named), **rule}, least=len(named))

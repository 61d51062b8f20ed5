"""The settings, all of them: every fault at once, and names that have no effect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from consumer.settings import SettingsError, load
from ops.accounts.using import stored_account_serves
from ops.doctor.checks import Finding, Status, ok

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.settings import Problem, Settings

_OURS: Final = frozenset({"RELAY_DEBUG"})
"""Names that are no settings of the service but have an effect."""


async def settings(found: Settings) -> Sequence[Finding]:
    """Everything that `relay consume` needs; ``found`` is at least readable."""
    stored = await stored_account_serves()
    try:
        load(need=("broker", "database", "ylh") if stored else ("broker", "database", "ylh", "haier"))
    except SettingsError as error:
        return faults(error)
    warnings = [
        Finding(Status.WARN, _told(problem), f"Expected {problem.expected}.")
        for problem in found.warnings
        if problem.setting not in _OURS
    ]
    account = "; a stored account stands for HAIER_*" if stored else ""
    return warnings or ok(f"complete, for RELAY_ENV={found.service.environment}{account}")


def faults(error: SettingsError) -> list[Finding]:
    """Return a finding for each fault."""
    return [Finding(Status.FAIL, _told(problem), f"Expected {problem.expected}.") for problem in error.problems]


def _told(problem: Problem) -> str:
    place = f" (from {problem.source})" if problem.source else ""
    return f"{problem.setting}{place}: {problem.problem}"

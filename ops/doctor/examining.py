"""Runs checks: all at once, each after those it stands on, none longer than it may, none harming another."""

from __future__ import annotations

import asyncio
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

from consumer.settings import Settings, SettingsError
from ops.cli.failing import ExitCode, debugging, explained
from ops.doctor.checks import Check, Finding, Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Examined:
    """What a check found."""

    name: str
    findings: tuple[Finding, ...]

    @property
    def failed(self) -> bool:
        """Did it fail, or was it not looked at because another one did."""
        return any(finding.status in {Status.FAIL, Status.SKIPPED} for finding in self.findings)


async def examine(checks: Sequence[Check], settings: Settings) -> list[Examined]:
    """Run ``checks``, which stand in an order in which each comes after what it needs; results in the same order.

    Args:
        checks: what to look at.
        settings: readable, though sections of them may be wrong.
    """
    running: dict[str, asyncio.Task[Examined]] = {}
    for check in checks:
        needed = {name: running[name] for name in check.needs}
        running[check.name] = asyncio.create_task(_examined(check, settings, needed), name=f"check {check.name}")
    return list(await asyncio.gather(*running.values()))


async def _examined(check: Check, settings: Settings, needed: Mapping[str, asyncio.Task[Examined]]) -> Examined:
    for name, task in needed.items():
        if (await task).failed:
            return skipped(check, f"not looked at: {name} has to be well first")
    try:
        for section in check.sections:
            getattr(settings, section)
    except SettingsError:
        return skipped(check, _UNSET)
    return Examined(check.name, tuple(await _looked(check, settings)))


async def _looked(check: Check, settings: Settings) -> Sequence[Finding]:
    try:
        async with asyncio.timeout(check.seconds):
            return await check.run(settings)
    except SettingsError:
        # Only while it looked did it turn out which section it needs.
        return skipped(check, _UNSET).findings
    except TimeoutError:
        return [Finding(Status.FAIL, f"no answer within {check.seconds:g} s", _SLOW, out_of_reach=True)]
    except Exception as error:  # noqa: BLE001 - one check that breaks must not hide what the others have found
        if debugging():
            traceback.print_exception(error)
        sentence, code = explained(error)
        away = code is ExitCode.OUT_OF_REACH
        return [Finding(Status.FAIL, sentence, check.reach if away else None, out_of_reach=away)]


_UNSET = "not looked at: its settings are missing or wrong, see above"
_SLOW = "Check the network on the way to it, and how busy it is."


def skipped(check: Check, why: str) -> Examined:
    """Say why a check was not run."""
    return Examined(check.name, (Finding(Status.SKIPPED, why),))


def exit_code(examined: Sequence[Examined]) -> ExitCode:
    """0: nothing failed; 5: all that failed is out of reach; 1: something here is wrong."""
    failures = [finding for one in examined for finding in one.findings if finding.status is Status.FAIL]
    if not failures:
        return ExitCode.OK
    return ExitCode.OUT_OF_REACH if all(failure.out_of_reach for failure in failures) else ExitCode.FAILED

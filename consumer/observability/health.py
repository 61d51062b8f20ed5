"""Is the service fit for work? Checks are registered by whoever owns the dependency and run when somebody asks."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from consumer.observability.logging import get_logger
from consumer.observability.redaction import type_name

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

_log = get_logger(__name__)


class NotReady(Exception):
    """Raised by a check to say in words why the service is not fit; the words are shown to whoever asks."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """How one check ended.

    Attributes:
        ok: whether what was checked is fit.
        detail: why not, in words; empty when it is.
        seconds: how long the check took.
    """

    ok: bool
    detail: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Report:
    """All checks' results, by name."""

    checks: Mapping[str, CheckResult]

    @property
    def ready(self) -> bool:
        """Whether every check is fine; also true when there is none."""
        return all(check.ok for check in self.checks.values())


@dataclass(slots=True)
class Health:
    """The checks of one service instance."""

    _checks: dict[str, tuple[Callable[[], Awaitable[None]], float]] = field(default_factory=dict)
    _running: asyncio.Task[Report] | None = None

    def register(self, name: str, check: Callable[[], Awaitable[None]], *, timeout: float = 2.0) -> None:
        """Add a check.

        Args:
            name: shown in the answer, e.g. ``database``.
            check: returns when all is well; raises `NotReady` with words, or anything else, when not.
            timeout: seconds after which it counts as failed.

        Raises:
            ValueError: there is a check of this name already.
        """
        if name in self._checks:
            raise ValueError(f"there are two health checks named {name!r}")
        self._checks[name] = (check, timeout)

    async def report(self) -> Report:
        """Run all checks at once; whoever asks meanwhile gets the same report, so that probes do not pile up."""
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run(), name="health checks")
        return await asyncio.shield(self._running)  # one asker that gives up must not take the others' answer away

    async def _run(self) -> Report:
        results = await asyncio.gather(*(_outcome(name, *check) for name, check in self._checks.items()))
        return Report(dict(zip(self._checks, results, strict=True)))


async def _outcome(name: str, check: Callable[[], Awaitable[None]], timeout: float) -> CheckResult:  # noqa: ASYNC109 - the check's own limit, reported in words
    began = time.monotonic()
    try:
        async with asyncio.timeout(timeout) as limit:
            await check()
    except NotReady as error:
        detail = str(error)
    except Exception as error:  # noqa: BLE001 - a check may fail in any way: each is a "not ready", logged with its place
        if limit.expired():
            detail = f"no answer within {timeout:g} s"
        else:
            # The message is not shown: whoever reaches the port reads it, and it may hold a password.
            detail = f"failed with {type_name(error)}"
            _log.warning("health check failed", check=name, exc_info=error)
    else:
        return CheckResult(ok=True, detail="", seconds=time.monotonic() - began)
    return CheckResult(ok=False, detail=detail, seconds=time.monotonic() - began)

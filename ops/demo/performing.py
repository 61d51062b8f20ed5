"""One run of the demo from start to verdict, with everything started and everything taken away."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NoReturn, TypeVar

from ops.demo.evidence import supplier_books
from ops.demo.hearing import listening
from ops.demo.observing import observing
from ops.demo.reckoning import missing_ends, reckon
from ops.demo.scenario import build
from ops.demo.sending import Sender
from ops.demo.stage import stage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ops.demo.hearing import Ear
    from ops.demo.observing import Observer, Snapshot
    from ops.demo.reckoning import Verdict
    from ops.demo.scenario import Scenario
    from ops.demo.stage import Stage
    from ops.demo.texts import Texts
    from ops.demo.watching import View

RESULTS_LIMIT: Final = 45.0
"""Seconds after the last event until every result and every last word must be there; three are usual."""
SILENCE: Final = 0.6
"""Seconds without a result, and nothing waiting anywhere, after which nothing more is going to come."""
_LOOK_EVERY: Final = 0.2

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a run; ``last_words`` of the parts where something disagrees."""

    verdict: Verdict
    seconds: float
    last_words: list[str]


async def perform(texts: Texts, view: View, tell: Callable[[Report, Stage], Awaitable[None]]) -> bool:
    """Run the demo; ``tell`` gets the report while everything still runs.

    Returns:
        Whether all accounts agree.

    Raises:
        DemoError: it will not run here, or a part failed.
        BrokerNotAvailable: no broker can be had.
    """
    started = time.monotonic()
    scenario = build(datetime.now(UTC))
    async with stage(scenario, texts, view.step) as built:
        verdict = await _alongside(built.broken(), _run(scenario, built, texts, view))
        words = [] if verdict.agrees else built.last_words()
        await _alongside(built.broken(), tell(Report(verdict, time.monotonic() - started, words), built))
    view.step(texts("step.stopped"))
    return verdict.agrees


async def _alongside(guard: Awaitable[NoReturn], work: Awaitable[T]) -> T:
    """Do the work; the moment the guard raises, give up and raise that."""
    doing, guarding = asyncio.ensure_future(work), asyncio.ensure_future(guard)
    try:
        await asyncio.wait({doing, guarding}, return_when=asyncio.FIRST_COMPLETED)
        if guarding.done():
            guarding.result()
        return doing.result()
    finally:
        doing.cancel()
        guarding.cancel()
        await asyncio.gather(doing, guarding, return_exceptions=True)


async def _run(scenario: Scenario, built: Stage, texts: Texts, view: View) -> Verdict:
    async with listening(built.amqp_url) as ear, observing(built, scenario.faults) as observer:
        sender = Sender(built.amqp_url, ear.has_ended)
        watch = _Watch(scenario, sender, ear, observer, view)
        view.step(texts("step.sending", count=len(scenario.events)))
        sending = asyncio.create_task(sender.send(scenario))
        try:
            missing = await watch.until_settled(scenario, sending, texts)
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        view.rest()
        if missing:
            view.step(texts("step.unsettled", count=missing, seconds=f"{RESULTS_LIMIT:.0f}"))
        else:
            view.step(texts("step.settled"))
        box = built.sandbox
        books = supplier_books(await box.ledger(), await box.catalogue(), await box.faults(), await box.callbacks())
        return reckon(scenario, books, ear.received)


class _Watch:
    """Looks at the system again and again while something else is done, and shows what it sees."""

    def __init__(self, scenario: Scenario, sender: Sender, ear: Ear, observer: Observer, view: View) -> None:
        self._events = len(scenario.events)
        self._sender = sender
        self._ear = ear
        self._observer = observer
        self._view = view

    async def until_settled(self, scenario: Scenario, sending: asyncio.Task[None], texts: Texts) -> int:
        """Show how it stands until events have results, orders their last word, and all is quiet; or the time is up.

        Returns:
            How many results are missing.

        Raises:
            PublishError: from ``sending``.
        """
        deadline = None
        while True:
            snapshot = await self._look()
            if deadline is None and sending.done():
                sending.result()
                deadline = time.monotonic() + RESULTS_LIMIT
                self._view.step(texts("step.sent", count=len(scenario.events)))
            if deadline is not None:
                missing = len(missing_ends(scenario, self._ear.received))
                is_quiet = snapshot.is_idle and self._ear.silence >= SILENCE
                if (not missing and is_quiet) or time.monotonic() > deadline:
                    return missing
            await asyncio.sleep(_LOOK_EVERY)

    async def _look(self) -> Snapshot:
        snapshot = await self._observer.look(self._sender, self._ear, self._events)
        self._view.show(snapshot)
        return snapshot

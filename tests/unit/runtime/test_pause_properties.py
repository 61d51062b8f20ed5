"""The board under a clock in hand: whatever causes come together, in whatever order.

Nothing is fetched while something rests; one probe at a time; no pause outlives its cap unprobed; what a person has
paused only a person resumes.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from consumer.domain.interventions import SupplierPause
from consumer.domain.recoverability import Lapse
from consumer.runtime.pause_board import PauseBoard
from consumer.runtime.pauses import Fetching, Pause
from tests.unit.domain import failures

if TYPE_CHECKING:
    from consumer.domain.errors import RelayError

RESOURCES = ("ylh", "haier", "database")
LANES = (frozenset({"ylh", "database"}), frozenset({"haier", "database"}), frozenset(RESOURCES))
FIRST, CAP = 30.0, 300.0
AT = datetime(2026, 11, 22, tzinfo=UTC)

resources = st.sampled_from(RESOURCES)
suppliers = st.sampled_from(("ylh", "haier"))
people = st.sampled_from(("李", "王"))
CAUSES: dict[str, tuple[RelayError, bool, Lapse]] = {
    "circuit": (failures.transient(), False, Lapse.PROBE),
    "auth": (failures.unauthorised(expired=False), True, Lapse.PROBE),
    "misconfigured": (failures.misconfigured(), True, Lapse.PROBE),
    "throttled": (failures.throttled(), False, Lapse.TRIAL),
}


class Board(RuleBasedStateMachine):
    """Causes, probes, trials and people, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.board = PauseBoard(clock=lambda: self.now)
        self.held: set[str] = set()
        self.probing: dict[str, Pause] = {}
        self.asked: dict[str, float] = {}
        self.loop = asyncio.new_event_loop()

    @initialize()
    def begin(self) -> None:
        assert all(self.board.fetching(lane) is Fetching.FULL for lane in LANES)

    def teardown(self) -> None:
        self.loop.close()

    @rule(seconds=st.sampled_from([0.0, 0.1, 1.0, 29.0, 30.0, 61.0, 300.0, 7200.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(resource=suppliers, kind=st.sampled_from(sorted(CAUSES)), rest=st.sampled_from([1.0, 30.0, 600.0]))
    def something_fails(self, resource: str, kind: str, rest: float) -> None:
        cause, alert, lapse = CAUSES[kind]
        first, longest = (FIRST, CAP) if lapse is Lapse.PROBE else (rest, rest)
        before = self.board.pause_of(resource)
        self.board.pause(
            resource,
            rest=timedelta(seconds=first),
            longest=timedelta(seconds=longest),
            cause=cause,
            alert=alert,
            lapse=lapse,
        )
        after = self.board.pause_of(resource)
        assert after is not None
        assert after.alert or not alert, "what wants a person is not hidden by what stood before"
        if before is not None and before.on_trial(self.now) is None:
            assert after.ends >= before.ends, "no cause shortens what another asked for"
            assert after.since == before.since
            assert Lapse.PROBE not in {lapse, before.lapse} or after.lapse is Lapse.PROBE
        self.asked[resource] = max(CAP, first, self.asked.get(resource, 0.0))

    @rule()
    def the_database_goes(self) -> None:
        cause = failures.books_unavailable()
        self.board.pause("database", rest=timedelta(seconds=2), longest=timedelta(seconds=30), cause=cause, alert=False)
        self.asked["database"] = CAP

    @rule(resource=resources, took=st.sampled_from([0.0, 0.05, 10.0, 100.0]))
    def something_gets_through(self, resource: str, took: float) -> None:
        pause = self.board.pause_of(resource)
        since = None if pause is None else pause.on_trial(self.now)
        self.board.lift(resource, took=took)
        lifted = since is not None and self.now - took >= since
        assert self.board.pause_of(resource) is (None if lifted else pause)

    @rule(resource=suppliers, took=st.sampled_from([0.0, 0.05, 10.0, 100.0]))
    def something_fails_on_trial(self, resource: str, took: float) -> None:
        pause = self.board.pause_of(resource)
        since = None if pause is None else pause.on_trial(self.now)
        self.board.renew(resource, longest=timedelta(seconds=CAP), cause=failures.transient(), took=took)
        after = self.board.pause_of(resource)
        if pause is not None and since is not None and self.now - took >= since:
            assert after is not None
            assert after.length == min(pause.length * 2, CAP)
            assert after.on_trial(self.now) is None
            assert after.lapse is Lapse.PROBE
            assert after.since == pause.since
        else:
            assert after is pause

    @precondition(lambda self: len(self.probing) < len(RESOURCES))
    @rule(resource=resources)
    def a_probe_begins(self, resource: str) -> None:
        """Whoever asks for what is due gets it exactly when its rest is over and no person wants silence."""
        if resource in self.probing:
            return
        pause = self.board.pause_of(resource)
        due = (
            pause is not None
            and pause.lapse is Lapse.PROBE
            and pause.trial_since is None
            and self.now >= pause.ends
            and resource not in self.held
        )
        got = self.loop.run_until_complete(_at_once(self.board.until_due(resource)))
        assert (got is not None) is due
        if got is not None:
            assert got is pause
            self.probing[resource] = got

    @precondition(lambda self: self.probing)
    @rule(data=st.data(), passed=st.booleans())
    def a_probe_ends(self, data: st.DataObject, passed: bool) -> None:  # noqa: FBT001 - drawn
        resource = data.draw(st.sampled_from(sorted(self.probing)))
        probed = self.probing.pop(resource)
        before = self.board.pause_of(resource)
        if passed:
            self.board.passed(probed)
        else:
            self.board.failed(
                probed,
                rest=timedelta(seconds=FIRST),
                longest=timedelta(seconds=CAP),
                cause=failures.transient(),
                alert=False,
            )
        after = self.board.pause_of(resource)
        if before is not probed:
            assert after is before, "what became another pause meanwhile was not probed"
        else:
            assert after is not None
            assert (after.on_trial(self.now) is not None) is passed
            assert passed or after.length == max(FIRST, min(probed.length * 2, CAP))

    @rule(supplier=suppliers, by=people)
    def a_person_pauses(self, supplier: str, by: str) -> None:
        self.board.hold(SupplierPause(supplier, by, "割接", AT))
        self.held.add(supplier)

    @rule(supplier=suppliers)
    def a_person_resumes(self, supplier: str) -> None:
        self.board.release(supplier)
        self.held.discard(supplier)

    @invariant()
    def what_rests_is_not_fetched_for(self) -> None:
        resting = {pause.resource for pause in self.board.pauses() if pause.on_trial(self.now) is None} | self.held
        tried = {pause.resource for pause in self.board.pauses()}
        for lane in LANES:
            expected = Fetching.PAUSED if lane & resting else Fetching.TRIAL if lane & tried else Fetching.FULL
            assert self.board.fetching(lane) is expected
        assert {name for name in RESOURCES if self.board.why_paused(name) is not None} == resting

    @invariant()
    def only_people_end_the_pauses_of_people(self) -> None:
        assert {hold.supplier for hold in self.board.holds()} == self.held

    @invariant()
    def no_pause_outlives_what_was_asked_for(self) -> None:
        for pause in self.board.pauses():
            assert pause.ends - self.now <= self.asked[pause.resource] + 1e-6, "but for the rounding of the clock"


async def _at_once(waiting: object) -> Pause | None:
    """What ``waiting`` returns without the clock moving, or None."""
    task = asyncio.ensure_future(waiting)  # type: ignore[call-overload] # a coroutine, whatever it is called here
    for _ in range(3):
        await asyncio.sleep(0)
    if task.done():
        return task.result()  # type: ignore[no-any-return] # until_due's
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return None


TestBoard = Board.TestCase
TestBoard.settings = settings(max_examples=150, stateful_step_count=60)

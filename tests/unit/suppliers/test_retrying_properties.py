"""The back-off of immediate repeats in virtual time: how often, after which pauses, and never over the deadline."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from consumer.domain.errors import Malformed, Rejected, Resting, SupplierError, Throttled, Transient, UnknownOutcome
from consumer.domain.recoverability import Policy
from consumer.suppliers.retrying import Tries
from tests.support.virtual_time import run_virtually

WORTH_IT = (Transient, UnknownOutcome, Malformed)
KINDS = (*WORTH_IT, Rejected, Resting, None)

Script = Sequence[tuple[float, type[SupplierError] | None]]

policies = st.builds(
    Policy,
    immediate_retries=st.integers(0, 10),
    immediate_delay=st.integers(0, 5000).map(lambda ms: timedelta(milliseconds=ms)),
    immediate_factor=st.floats(1, 4),
    immediate_cap=st.integers(0, 60).map(lambda seconds: timedelta(seconds=seconds)),
)
scripts = st.lists(st.tuples(st.floats(0, 40), st.sampled_from(KINDS)), min_size=11, max_size=11)
deadlines = st.floats(0.001, 300)


def fault(kind: type[SupplierError]) -> SupplierError:
    return kind("…", code="x", supplier="ylh", operation="create")


@dataclass
class Run:
    """What one business call did; seconds since its beginning."""

    began: list[float] = field(default_factory=list)
    ended: list[float] = field(default_factory=list)
    outcomes: list[SupplierError | None] = field(default_factory=list)
    raised: SupplierError | None = None
    lasted: float = 0.0
    unanswered: UnknownOutcome | None = None


def run(policy: Policy, deadline: float, script: Script, seed: int = 0) -> Run:
    """Make a call whose tries last and end as ``script`` says, each cut off by what is left of the deadline."""

    async def main() -> Run:
        loop = asyncio.get_running_loop()
        start, told = loop.time(), Run()
        jitter = random.Random(seed).uniform  # noqa: S311 -- jitter
        tries = Tries(policy, timedelta(seconds=deadline), clock=loop.time, jitter=jitter)
        coming = iter(script)

        async def call() -> None:
            told.began.append(loop.time() - start)
            lasts, kind = next(coming)
            left = tries.remaining
            await asyncio.sleep(min(lasts, left))
            outcome = UnknownOutcome if lasts >= left else kind
            error = None if outcome is None else fault(outcome)
            told.ended.append(loop.time() - start)
            told.outcomes.append(error)
            if error is not None:
                raise error

        try:
            await tries.run(call)
        except SupplierError as error:
            told.raised = error
        told.lasted = loop.time() - start
        told.unanswered = tries.unanswered
        return told

    return run_virtually(main())


@given(policies, deadlines, scripts, st.integers(0, 999))
def test_tries_pauses_and_deadline_are_kept(policy: Policy, deadline: float, script: Script, seed: int) -> None:
    told = run(policy, deadline, script, seed)
    assert 1 <= len(told.began) <= 1 + policy.immediate_retries
    # timedelta counts in microseconds.
    assert told.lasted <= deadline + 1e-5
    for number, (ended, began) in enumerate(zip(told.ended, told.began[1:], strict=False)):
        bound = min(policy.immediate_delay * policy.immediate_factor**number, policy.immediate_cap).total_seconds()
        assert -1e-9 <= began - ended <= bound + 1e-9
    assert all(isinstance(error, WORTH_IT) for error in told.outcomes[:-1]), "nothing else is repeated"


@given(policies, deadlines, scripts, st.integers(0, 999))
def test_what_comes_out_is_the_last_try_that_was_made(
    policy: Policy, deadline: float, script: Script, seed: int
) -> None:
    told = run(policy, deadline, script, seed)
    made = [error for error in told.outcomes if not isinstance(error, Resting)] or told.outcomes
    assert told.raised is made[-1]
    lost = [error for error in told.outcomes if isinstance(error, UnknownOutcome)]
    assert told.unanswered is (lost[0] if lost else None)


@given(policies, scripts, st.integers(0, 999))
def test_with_time_enough_every_repeat_is_made(policy: Policy, script: Script, seed: int) -> None:
    told = run(policy, 100_000, script, seed)
    worth_it = [kind in WORTH_IT for _, kind in script]
    first_final = worth_it.index(False) if False in worth_it else len(script)
    assert len(told.began) == min(first_final, policy.immediate_retries) + 1


@pytest.mark.parametrize("repeat", [0, 2, 9])
def test_pauses_are_spread_over_their_whole_range(repeat: int) -> None:
    """Full jitter: of many calls that failed together, the repeats come back evenly."""
    policy = Policy(immediate_retries=repeat + 1)
    bound = min(0.5 * 2**repeat, 30)
    script = [(0.0, Transient)] * 13
    last = []
    for seed in range(200):
        told = run(policy, 100_000, script, seed)
        last.append((told.began[-1] - told.ended[-2]) / bound)
    assert min(last) < 0.1
    assert max(last) > 0.9
    assert 0.38 < sum(last) / len(last) < 0.62


@given(st.floats(0, 86400), st.integers(1, 10))
def test_a_supplier_that_wants_us_to_rest_is_not_asked_again_at_once(rest: float, retries: int) -> None:
    error = Throttled("…", supplier="ylh", operation="create", retry_after=timedelta(seconds=rest))
    calls = 0

    async def main() -> SupplierError | None:
        nonlocal calls

        async def call() -> None:
            nonlocal calls
            calls += 1
            raise error

        try:
            await Tries(Policy(immediate_retries=retries), timedelta(minutes=5)).run(call)
        except SupplierError as raised:
            return raised
        return None

    assert run_virtually(main()) is error
    assert calls == 1


@given(policies, st.floats(0.1, 30))
def test_cancelled_in_a_pause_a_call_ends_at_once(policy: Policy, after: float) -> None:
    assume(policy.immediate_retries)

    async def main() -> tuple[int, float]:
        calls = 0

        async def call() -> None:
            nonlocal calls
            calls += 1
            raise fault(Transient)

        loop = asyncio.get_running_loop()
        running = asyncio.create_task(Tries(policy, timedelta(hours=1), clock=loop.time).run(call))
        await asyncio.sleep(after)
        running.cancel()
        cut = loop.time()
        await asyncio.wait([running])
        return calls, loop.time() - cut

    calls, late = run_virtually(main())
    assert late == 0
    assert calls <= 1 + policy.immediate_retries

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import pytest

from consumer.domain.errors import Malformed, Rejected, Resting, SupplierError, Throttled, Transient, UnknownOutcome
from consumer.domain.recoverability import Policy
from consumer.suppliers.retrying import Tries

QUICK = Policy(immediate_retries=2, immediate_delay=timedelta(milliseconds=2))
MINUTE = timedelta(minutes=1)


def fault(kind: type[SupplierError]) -> SupplierError:
    return kind("…", code="x", supplier="ylh", operation="create")


class Script:
    """Raises its faults one after the other, then answers."""

    def __init__(self, *faults: Exception) -> None:
        self.faults = list(faults)
        self.calls = 0

    async def __call__(self) -> str:
        self.calls += 1
        await asyncio.sleep(0)
        if self.faults:
            raise self.faults.pop(0)
        return "answer"


@pytest.mark.parametrize("kind", [Transient, UnknownOutcome, Malformed])
async def test_what_is_worth_it_is_repeated_at_once(kind: type[SupplierError]) -> None:
    script = Script(fault(kind), fault(kind))
    assert await Tries(QUICK, MINUTE).run(script) == "answer"
    assert script.calls == 3


async def test_the_last_error_is_raised_when_the_tries_are_used_up() -> None:
    last = fault(Transient)
    script = Script(fault(UnknownOutcome), fault(Transient), last, fault(Transient))
    tries = Tries(QUICK, MINUTE)
    with pytest.raises(Transient) as caught:
        await tries.run(script)
    assert caught.value is last
    assert script.calls == 3
    assert tries.unanswered is not None


@pytest.mark.parametrize(
    "error", [fault(Rejected), Throttled("…", supplier="ylh", operation="create"), ValueError("a bug")]
)
async def test_nothing_else_is_repeated(error: Exception) -> None:
    script = Script(error)
    with pytest.raises(type(error)):
        await Tries(QUICK, MINUTE).run(script)
    assert script.calls == 1


async def test_a_refusal_after_an_unanswered_try_ends_it_and_the_try_is_remembered() -> None:
    first = UnknownOutcome("…", code="timeout", supplier="ylh", operation="create")
    tries = Tries(QUICK, MINUTE)
    with pytest.raises(Rejected):
        await tries.run(Script(first, fault(Rejected)))
    assert tries.unanswered is first


@pytest.mark.parametrize("kind", [Transient, UnknownOutcome, Malformed])
async def test_a_repeat_that_finds_the_supplier_at_rest_is_told_as_the_try_that_was_made(
    kind: type[SupplierError],
) -> None:
    made = fault(kind)
    script = Script(fault(Transient), made, fault(Resting), fault(Transient))
    with pytest.raises(kind) as caught:
        await Tries(Policy(immediate_retries=9, immediate_delay=timedelta(milliseconds=1)), MINUTE).run(script)
    assert caught.value is made
    assert isinstance(made.__cause__, Resting)
    assert script.calls == 3, "at rest is at rest: no further repeat"


async def test_a_call_that_finds_the_supplier_at_rest_before_its_first_try_was_never_made() -> None:
    script = Script(fault(Resting))
    with pytest.raises(Resting):
        await Tries(QUICK, MINUTE).run(script)
    assert script.calls == 1


async def test_a_pause_that_reaches_over_the_deadline_is_not_begun() -> None:
    patient = Policy(immediate_retries=5, immediate_delay=timedelta(seconds=30))
    began = time.monotonic()
    script = Script(*(fault(Transient) for _ in range(9)))
    tries = Tries(patient, timedelta(milliseconds=1))
    with pytest.raises(Transient):
        await tries.run(script)
    assert script.calls == 1
    assert time.monotonic() - began < 5


async def test_a_policy_without_repeats_is_heeded() -> None:
    script = Script(fault(Transient))
    with pytest.raises(Transient):
        await Tries(Policy(immediate_retries=0), MINUTE).run(script)
    assert script.calls == 1


async def test_a_supplier_at_rest_is_not_asked_again_and_the_try_before_is_what_is_told() -> None:
    first = fault(UnknownOutcome)
    script = Script(first, fault(Resting), fault(Transient))
    tries = Tries(QUICK, MINUTE)
    with pytest.raises(UnknownOutcome) as caught:
        await tries.run(script)
    assert caught.value is first
    assert script.calls == 2


async def test_a_call_that_finds_the_supplier_at_rest_right_away_says_so() -> None:
    script = Script(fault(Resting), fault(Transient))
    with pytest.raises(Resting):
        await Tries(QUICK, MINUTE).run(script)
    assert script.calls == 1

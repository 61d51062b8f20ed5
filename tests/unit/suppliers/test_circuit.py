"""When a circuit opens, held against a plain count over the whole history, under a clock in hand."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.domain.errors import ErrorClass
from consumer.domain.supplier_report import TOKEN
from consumer.suppliers.circuit import ANSWERED, FAILED, Circuit

WINDOW, MINIMUM, RATE = 10.0, 20, 0.5
OUTCOMES = ("ok", *(error_class.value for error_class in ErrorClass))


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def new(clock: Clock) -> Circuit:
    return Circuit(clock=clock, window=WINDOW, minimum=MINIMUM, rate=RATE)


def opens(circuit: Circuit, outcome: str, *, seconds: float = 0.0, operation: str = "create") -> bool:
    return circuit.heard(operation, outcome, seconds=seconds) is not None


def test_it_opens_at_the_twentieth_failure_and_not_before() -> None:
    circuit = new(Clock())
    assert [opens(circuit, "transient") for _ in range(20)] == [False] * 19 + [True]


def test_half_of_the_calls_is_enough() -> None:
    circuit = new(Clock())
    heard = [opens(circuit, outcome) for outcome in ("ok", "unknown_outcome") * 10]
    assert heard == [False] * 19 + [True]


def test_less_than_half_is_not() -> None:
    circuit, clock = new(Clock()), Clock()
    for _ in range(500):
        clock.now += 0.01
        assert not opens(circuit, "ok")
        assert not opens(circuit, "transient")
        assert not opens(circuit, "ok")


def test_why_is_said_in_words() -> None:
    circuit = new(Clock())
    (trip,) = [trip for _ in range(20) if (trip := circuit.heard("create", "transient", seconds=0))]
    assert trip.why == "20 of the 20 calls of the last 10 s failed"


@pytest.mark.parametrize("outcome", sorted(set(OUTCOMES) - FAILED))
def test_what_does_not_speak_of_a_supplier_that_is_down_never_opens_it(outcome: str) -> None:
    circuit = new(Clock())
    assert not any(opens(circuit, outcome) for _ in range(1000))


@pytest.mark.parametrize("outcome", ["throttled", "auth", "misconfigured"])
def test_what_the_gateway_says_does_not_water_failures_down(outcome: str) -> None:
    circuit = new(Clock())
    for _ in range(1000):
        opens(circuit, outcome)
    assert [opens(circuit, "transient") for _ in range(20)][-1]


def test_failures_that_are_too_old_do_not_count() -> None:
    clock = Clock()
    circuit = new(clock)
    for _ in range(200):
        clock.now += WINDOW / (MINIMUM - 1) + 0.001
        assert not opens(circuit, "transient"), "19 within any ten seconds"


def test_a_call_that_began_before_it_opened_says_nothing_afterwards() -> None:
    clock = Clock()
    circuit = new(clock)
    for _ in range(20):
        opens(circuit, "transient")
    clock.now += 30
    assert not any(opens(circuit, "unknown_outcome", seconds=30.5) for _ in range(100))
    assert [opens(circuit, "unknown_outcome", seconds=29) for _ in range(20)][-1]


def test_two_failed_logins_in_a_row_open_it_however_far_apart() -> None:
    clock = Clock()
    circuit = new(clock)
    assert not opens(circuit, "transient", operation=TOKEN)
    clock.now += 3600
    assert opens(circuit, "transient", operation=TOKEN)


@pytest.mark.parametrize("between", [(TOKEN, "ok"), (TOKEN, "auth"), ("create", "ok"), ("create", "rejected")])
def test_a_login_or_a_call_that_was_let_in_between_takes_the_first_failure_back(between: tuple[str, str]) -> None:
    circuit = new(Clock())
    for _ in range(5):
        assert not opens(circuit, "transient", operation=TOKEN)
        assert not opens(circuit, between[1], operation=between[0])


def test_logins_that_work_do_not_water_failures_down() -> None:
    circuit = new(Clock())
    for _ in range(1000):
        opens(circuit, "ok", operation=TOKEN)
    assert [opens(circuit, "transient") for _ in range(20)][-1]


@dataclass(frozen=True)
class Step:
    pause: float
    outcome: str


STEPS = st.lists(
    st.builds(
        Step,
        st.sampled_from([0.0, 0.001, 0.2, 0.5, 1.0, 4.0, 9.99, 10.0, 11.0]),
        st.sampled_from(OUTCOMES) | st.sampled_from(["ok", "transient", "transient"]),
    ),
    max_size=200,
)


@given(STEPS)
def test_it_opens_exactly_when_a_plain_count_says_so(steps: list[Step]) -> None:
    clock = Clock()
    circuit = new(clock)
    history: list[tuple[float, bool]] = []
    for step in steps:
        clock.now += step.pause
        if step.outcome in FAILED | ANSWERED:
            history.append((clock.now, step.outcome in FAILED))
        counted = [failed for at, failed in history if at > clock.now - WINDOW]
        expected = len(counted) >= MINIMUM and sum(counted) >= RATE * len(counted)
        assert opens(circuit, step.outcome) is expected
        if expected:
            history.clear()

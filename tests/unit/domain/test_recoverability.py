"""What happens after each failure (DESIGN section 6): the table, and what holds for every combination."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.domain.recoverability import (
    DATABASE,
    Action,
    Attempt,
    DeadLetter,
    Lapse,
    PauseLane,
    Policy,
    Reject,
    RetryIn,
    RetryNow,
    Snooze,
    decide,
)
from tests.unit.domain import failures

POLICY = Policy()
SPENT = POLICY.immediate_retries
LADDER = POLICY.delays
LAST_RUNG = len(LADDER)
NOW = RetryNow(timedelta(seconds=0.5))
FIRST_RUNG = RetryIn(timedelta(seconds=5), 2)
SHORTEST = Snooze(timedelta(seconds=5))
DAY = timedelta(hours=24)
ALERT = PauseLane("ylh", timedelta(seconds=30), longest=timedelta(minutes=5), alert=True, lapse=Lapse.PROBE)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)

TABLE: list[tuple[str, BaseException, Attempt, Action]] = [
    ("invalid_event, at once", failures.invalid_event(), Attempt(), DeadLetter()),
    ("transient, first", failures.transient(), Attempt(), NOW),
    ("transient, immediate spent", failures.transient(), Attempt(immediate=SPENT), FIRST_RUNG),
    ("transient, second attempt", failures.transient(), Attempt(2, SPENT), RetryIn(timedelta(seconds=30), 3)),
    ("transient, last rung", failures.transient(), Attempt(LAST_RUNG, SPENT), RetryIn(LADDER[-1], LAST_RUNG + 1)),
    ("transient, ladder spent", failures.transient(), Attempt(LAST_RUNG + 1, SPENT), DeadLetter()),
    ("unknown outcome, first", failures.unknown_outcome(), Attempt(), NOW),
    ("unknown outcome, immediate spent", failures.unknown_outcome(), Attempt(immediate=SPENT), FIRST_RUNG),
    ("unknown outcome, ladder spent", failures.unknown_outcome(), Attempt(LAST_RUNG + 1, SPENT), DeadLetter()),
    (
        "throttled without a wish",
        failures.throttled(),
        Attempt(),
        PauseLane("haier", SECOND, longest=SECOND, alert=False),
    ),
    (
        "throttled for a minute, ladder spent",
        failures.throttled(MINUTE),
        Attempt(99, SPENT),
        PauseLane("haier", MINUTE, longest=MINUTE, alert=False),
    ),
    (
        "throttled, but welcome at once",
        failures.throttled(timedelta(0)),
        Attempt(),
        PauseLane("haier", SECOND, longest=SECOND, alert=False),
    ),
    ("expired login, immediate not asked", failures.unauthorised(expired=True), Attempt(), FIRST_RUNG),
    ("expired login, ladder spent", failures.unauthorised(expired=True), Attempt(LAST_RUNG + 1), DeadLetter()),
    ("login never accepted", failures.unauthorised(expired=False), Attempt(99, SPENT), ALERT),
    ("misconfigured", failures.misconfigured(), Attempt(99, SPENT), ALERT),
    ("rejected", failures.rejected(), Attempt(), Reject()),
    ("malformed, first", failures.malformed(), Attempt(), NOW),
    ("malformed, immediate spent", failures.malformed(), Attempt(immediate=SPENT), DeadLetter()),
    ("unmatched", failures.unmatched(), Attempt(), DeadLetter()),
    ("our own defect", failures.defect(), Attempt(), DeadLetter()),
    (
        "database away",
        failures.books_unavailable(),
        Attempt(99, SPENT),
        PauseLane(DATABASE, timedelta(seconds=2), longest=timedelta(seconds=30), alert=False),
    ),
    ("snoozed without a wish", failures.snoozed(), Attempt(), SHORTEST),
    ("snoozed for a while", failures.snoozed(timedelta(minutes=3)), Attempt(), Snooze(timedelta(minutes=2))),
    ("snoozed for long", failures.snoozed(timedelta(days=3)), Attempt(), Snooze(timedelta(hours=1))),
    ("snoozed, attempts do not count", failures.snoozed(), Attempt(99, SPENT), SHORTEST),
    ("snoozed, just under a day", failures.snoozed(), Attempt(snoozed=DAY - SECOND), SHORTEST),
    ("snoozed, a day old", failures.snoozed(), Attempt(snoozed=DAY), DeadLetter()),
    *((f"state error {error!r}", error, Attempt(), SHORTEST) for error in failures.state_errors()),
    *(
        (f"state error {error!r}, a day old", error, Attempt(snoozed=DAY), DeadLetter())
        for error in failures.state_errors()
    ),
    *((f"not ours: {type(error).__name__}", error, Attempt(), DeadLetter()) for error in failures.foreign_errors()),
]


@pytest.mark.parametrize(("error", "attempt", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_the_table(error: BaseException, attempt: Attempt, expected: Action) -> None:
    assert decide(error, attempt, POLICY) == expected


DELAYS = st.timedeltas(min_value=timedelta(milliseconds=1), max_value=timedelta(days=1))
LADDERS = st.lists(DELAYS, min_size=1, max_size=8, unique=True).map(sorted).map(tuple)
POLICIES = st.builds(
    Policy,
    delays=LADDERS,
    immediate_retries=st.integers(0, 5),
    snooze_limit=st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=30)),
)
ATTEMPTS = st.builds(
    Attempt,
    number=st.integers(1, 2**62),
    immediate=st.integers(0, 10),
    snoozed=st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=400_000)),
)
WAITS = st.none() | st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=400_000))
ERRORS = st.one_of(
    st.sampled_from([row[1] for row in TABLE]),
    st.builds(failures.snoozed, WAITS),
    st.builds(failures.throttled, WAITS),
)


@given(ERRORS, ATTEMPTS, POLICIES)
def test_every_failure_has_one_of_six_answers_and_attempts_never_leave_the_ladder(
    error: BaseException, attempt: Attempt, policy: Policy
) -> None:
    match decide(error, attempt, policy):
        case RetryIn(delay, number):
            assert number == attempt.number + 1
            assert number <= len(policy.delays) + 1
            assert delay == policy.delays[attempt.number - 1]
        case RetryNow(after):
            assert attempt.immediate < policy.immediate_retries
            assert timedelta(0) < after <= policy.immediate_cap
        case Snooze(delay):
            assert delay in policy.delays
            assert attempt.snoozed < policy.snooze_limit
        case PauseLane(resource, rest, longest):
            assert resource in {"ylh", "haier", DATABASE}
            assert timedelta(0) <= rest <= longest
        case DeadLetter() | Reject():
            pass
        case other:
            pytest.fail(f"not in the closed set: {other!r}")


@given(st.integers(0, 10), POLICIES)
def test_a_failing_message_comes_to_an_end_after_each_rung_once(immediate: int, policy: Policy) -> None:
    attempt = Attempt(immediate=max(immediate, policy.immediate_retries))
    waits = []
    while isinstance(action := decide(failures.transient(), attempt, policy), RetryIn):
        waits.append(action.delay)
        attempt = Attempt(action.attempt, attempt.immediate)
    assert action == DeadLetter()
    assert tuple(waits) == policy.delays


@given(
    st.sampled_from([BaseException, Exception, RuntimeError, KeyError, MemoryError, OSError, TimeoutError]), ATTEMPTS
)
def test_what_nobody_foresaw_is_dead_lettered_and_never_loops(kind: type[BaseException], attempt: Attempt) -> None:
    assert decide(kind("?"), attempt, POLICY) == DeadLetter()


def test_immediate_pauses_grow_up_to_their_cap() -> None:
    patient = Policy(immediate_retries=20)
    pauses = []
    for tries in range(20):
        action = decide(failures.transient(), Attempt(immediate=tries), patient)
        assert isinstance(action, RetryNow)
        pauses.append(action.after)
    assert pauses[:4] == [timedelta(seconds=seconds) for seconds in (0.5, 1, 2, 4)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == patient.immediate_cap

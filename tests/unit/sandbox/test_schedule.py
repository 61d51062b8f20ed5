"""Rules on a schedule: from, until, again and again, rising; and lots that depend on the seed alone."""

from itertools import product

import pytest
from pydantic import ValidationError

from sandbox import Rule
from sandbox.calling import Caller
from sandbox.faults import Faults


class Clock:
    """Time that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def rule(**fields: object) -> Rule:
    """A rule that hits what it can."""
    return Rule.model_validate({"effect": "reset", **fields})


def hit_at(faults: Faults, clock: Clock, seconds: list[float]) -> list[float]:
    """At which of these seconds after now a call is hit."""
    begun = clock.now
    found = []
    for second in seconds:
        clock.now = begun + second
        if faults.hit("ylh.create", (f"SO-{second}",)) is not None:
            found.append(second)
    return found


def test_a_rule_holds_from_and_until_its_seconds() -> None:
    clock = Clock()
    faults = Faults((rule(after=5, until=8),), clock)
    assert hit_at(faults, clock, [0, 4.9, 5, 7.9, 8, 100]) == [5, 7.9]


def test_seconds_count_from_when_the_rule_was_added() -> None:
    clock = Clock()
    faults = Faults((), clock)
    clock.now += 50
    faults.add(rule(until=2))
    assert hit_at(faults, clock, [0, 1, 2]) == [0, 1]


def test_a_window_comes_again() -> None:
    clock = Clock()
    faults = Faults((rule(after=1, until=2, repeat=10),), clock)
    assert hit_at(faults, clock, [0, 1, 2, 9, 11, 12, 31.5]) == [1, 11, 31.5]


def test_phases_follow_each_other_and_a_call_outside_is_not_counted() -> None:
    clock = Clock()
    faults = Faults((rule(until=10, status=503, effect="status"), rule(after=10, nth=1, effect="hang")), clock)
    assert faults.hit("ylh.create", ("SO-1",)) is faults.rules()[1]
    clock.now += 10
    assert faults.hit("ylh.create", ("SO-1",)) is faults.rules()[2]
    assert faults.hit("ylh.create", ("SO-1",)) is None


def test_a_ramp_rises() -> None:
    clock = Clock()
    ramp = Faults((rule(probability=0, ramp_to=1, until=1000),), clock)
    hits = hit_at(ramp, clock, [float(second) for second in range(1000)])
    thirds = [sum(low <= second < low + 333 for second in hits) for low in (0, 333, 666)]
    assert [round(hits / 333, 1) for hits in thirds] == [0.2, 0.5, 0.8]


def test_each_so_manieth_call_is_hit_whatever_its_key() -> None:
    faults = Faults((rule(every=3, times=2),))
    assert [faults.hit("ylh.create", (f"SO-{n}",)) is not None for n in range(12)] == [
        n in (2, 5) for n in range(12)
    ]  # fmt: skip


def test_lots_of_neighbouring_counts_and_seeds_are_independent() -> None:
    """With a plain checksum for a lot, either every call that is hit is hit again when it is repeated, or none is."""
    keys = [f"SO{number:05}" for number in range(5_000)]
    rules = [rule(probability=0.1, seed=seed) for seed in (1, 2)]
    drawn = {(seed, n, key) for seed, n, key in product((0, 1), (1, 2), keys) if rules[seed].hits("ylh.create", (key,))}
    for one, other in (((0, 1), (0, 2)), ((0, 1), (1, 1))):
        both = sum((*one, key) in drawn and (*other, key) in drawn for key in keys)
        assert 20 < both < 85, "one in a hundred"


def test_a_mixture_of_rules_strikes_the_same_calls_whatever_the_order() -> None:
    mixture = (rule(probability=0.1, seed=1), rule(probability=0.05, seed=2, effect="hang"), rule(nth=3, seed=3))
    calls = [(f"SO-{n}", count) for n in range(200) for count in range(4)]

    def struck(order: list[tuple[str, int]]) -> dict[str, list[str | None]]:
        faults = Faults(mixture)
        found: dict[str, list[str | None]] = {}
        for key, _ in order:
            hit = faults.hit("ylh.create", (key,))
            found.setdefault(key, []).append(None if hit is None else hit.effect)
        return found

    assert struck(calls) == struck(sorted(calls, key=lambda call: (call[1], call[0])))


async def test_a_schedule_over_http(caller: Caller) -> None:
    await caller.box.add_fault({"effect": "status", "status": 503, "until": 3600}, {"effect": "reset", "after": 3600})
    assert (await caller.balance()).status_code == 503
    assert [found.get("until") for found in await caller.box.faults()] == [3600, None]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"after": 5, "until": 5}, "later"),
        ({"ramp_to": 1}, "until"),
        ({"repeat": 5}, "until"),
        ({"repeat": 5, "until": 6}, "shorter"),
        ({"after": -1}, "after"),
        ({"every": 0}, "every"),
        ({"effect": "drip"}, "needs seconds"),
        ({"effect": "redirect", "status": 404}, "300 to 399"),
        ({"effect": "status", "status": 302}, "400 to 599"),
        ({"effect": "status", "status": 429, "retry_after": 1, "retry_after_date": 1}, "same header"),
        ({"effect": "reset", "size": 5}, "means nothing"),
        ({"effect": "revoke_tokens", "applied": True}, "settled"),
    ],
)
def test_a_schedule_or_option_that_makes_no_sense_is_refused(fields: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        rule(**fields)

"""How many refusals of one address are explained."""

from __future__ import annotations

from consumer.callbacks.limiting import AT_ONCE, MOST_ADDRESSES, PER_SECOND, RefusedCalls


def explained(calls: RefusedCalls, peer: str, *, times: int, now: float = 0) -> int:
    return sum(calls.explained(peer, now) for _ in range(times))


def test_so_many_at_once_and_more_with_time() -> None:
    calls = RefusedCalls()
    assert explained(calls, "192.0.2.1", times=1000) == AT_ONCE
    assert explained(calls, "192.0.2.1", times=1000, now=10) == int(10 * PER_SECOND)
    assert explained(calls, "192.0.2.1", times=1000, now=10_000) == AT_ONCE


def test_each_address_has_its_own() -> None:
    calls = RefusedCalls()
    explained(calls, "192.0.2.1", times=100)
    assert explained(calls, "192.0.2.2", times=1) == 1


def test_an_ipv6_line_is_one_caller_however_many_addresses_it_has() -> None:
    calls = RefusedCalls()
    assert sum(calls.explained(f"2001:db8::{number:x}", 0) for number in range(100)) == AT_ONCE
    assert calls.explained("2001:db8:0:1::1", 0)


def test_a_mapped_address_is_the_address() -> None:
    calls = RefusedCalls()
    explained(calls, "192.0.2.1", times=100)
    assert not calls.explained("::ffff:192.0.2.1", 0)


def test_the_memory_is_bounded_and_what_is_no_address_is_a_key_too() -> None:
    calls = RefusedCalls()
    for number in range(MOST_ADDRESSES + 100):
        calls.explained(f"192.0.{number}", 0)
    assert calls.explained(":" * 100_000, 0)
    assert len(calls) == MOST_ADDRESSES

"""Rounds: which units of work may share one transaction's statements."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from consumer.domain.order import Order
from consumer.domain.writes import ClearSuspect, InboxEntry, InboxKey, SaveOrder, UnitOfWork, Write
from consumer.persistence.batch import Batch, rounds

AT = datetime(2026, 11, 22, tzinfo=UTC)


def _entry(name: str) -> InboxEntry:
    return InboxEntry(InboxKey("s", name), "d", "t", "o", AT)


def _save(name: str) -> SaveOrder:
    return SaveOrder(Order(name), "me")


# The same names for keys and orders: a key never collides with an order.
_writes = st.one_of(st.sampled_from("abcd").map(_entry), st.sampled_from("abcd").map(_save), st.just(ClearSuspect("a")))
_units = st.lists(st.lists(_writes, max_size=3).map(lambda writes: UnitOfWork(tuple(writes))), max_size=12)


def _claims(unit: UnitOfWork) -> list[Write]:
    return [write for write in unit.writes if not isinstance(write, ClearSuspect)]


def _consistent(unit: UnitOfWork) -> bool:
    return len(set(map(repr, _claims(unit)))) == len(_claims(unit))


@given(_units)
def test_every_consistent_unit_is_in_exactly_one_round(units: list[UnitOfWork]) -> None:
    placed = Counter(number for round_ in rounds(units) for number in round_)
    assert placed == Counter(number for number, unit in enumerate(units) if _consistent(unit))


@given(_units)
def test_no_two_units_of_a_round_collide(units: list[UnitOfWork]) -> None:
    for round_ in rounds(units):
        claims = [repr(write) for unit in round_.values() for write in _claims(unit)]
        assert len(set(claims)) == len(claims)


@given(_units)
def test_units_that_collide_keep_their_order(units: list[UnitOfWork]) -> None:
    place = {number: at for at, round_ in enumerate(rounds(units)) for number in round_}
    for later, number in enumerate(units):
        for earlier in range(later):
            if {later, earlier} <= place.keys():
                collide = set(map(repr, _claims(number))) & set(map(repr, _claims(units[earlier])))
                assert not collide or place[earlier] < place[later]


def test_units_that_do_not_collide_share_one_round() -> None:
    units = [UnitOfWork((_entry(str(number)), _save(str(number)))) for number in range(50)]
    assert rounds(units) == [dict(enumerate(units))]


def test_no_units_are_no_trouble() -> None:
    assert all(not round_ for round_ in rounds([]))


@given(_units)
def test_a_batch_keeps_every_write(units: list[UnitOfWork]) -> None:
    batch = Batch.of(units)
    kept = [*batch.entries, *batch.orders, *batch.cleared]
    assert Counter(map(repr, kept)) == Counter(repr(write) for unit in units for write in unit.writes)

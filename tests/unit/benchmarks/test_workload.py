"""The work that is laid out: the same for all, each event of another order, and valid for the service."""

from __future__ import annotations

import json
from itertools import chain

import pytest

from schemas.codec import decode
from tests.benchmarks.field import FIELD, Contestant
from tests.benchmarks.workload import LANE, backlog, chunks, order_paid, scattered, so_ids


def test_an_event_is_valid_and_of_the_size_that_is_claimed() -> None:
    body = order_paid("SO-000-000001")
    assert decode(body, routing_key="order.paid").subject == "SO-000-000001"
    assert 600 <= len(body) <= 750


def test_no_order_comes_twice_nor_in_another_batch() -> None:
    orders = [*so_ids("000", 500), *so_ids("001", 500)]
    assert len(set(orders)) == 1_000


def test_a_backlog_has_as_many_events_as_were_asked_for_in_the_order_of_their_numbers() -> None:
    laid_out = list(chain.from_iterable(backlog("000", 2_500)))
    assert [json.loads(one.body)["subject"] for one in laid_out] == list(so_ids("000", 2_500))


@pytest.mark.parametrize(("count", "sizes"), [(0, []), (1, [1]), (1_000, [1_000]), (1_001, [1_000, 1])])
def test_chunks_leave_nothing_out(count: int, sizes: list[int]) -> None:
    assert [len(chunk) for chunk in chunks(next(backlog("000", 1)) * count)] == sizes


def test_scattered_ids_have_no_order_and_stay_the_same() -> None:
    ids = [str(one.message_id) for one in chain.from_iterable(scattered("000", 1_000))]
    assert len(set(ids)) == 1_000
    assert ids != sorted(ids)
    assert ids == [one.message_id for one in chain.from_iterable(scattered("000", 1_000))]


@pytest.mark.parametrize("contestant", FIELD, ids=lambda contestant: contestant.key)
def test_every_contestant_is_given_the_same_events(contestant: Contestant) -> None:
    given = list(chain.from_iterable(contestant.backlog("000", 20)))
    for so_id, one in zip(so_ids("000", 20), given, strict=True):
        assert order_paid(so_id) in one.body
        assert one.routing_key in {"order.paid", LANE}

"""Who gets which core."""

from __future__ import annotations

import pytest

from tests.benchmarks.cores import Cores


@pytest.mark.parametrize("count", [2, 3, 4, 6, 7, 16])
def test_the_worker_has_a_core_of_its_own(count: int) -> None:
    cores = Cores.of(range(count))
    assert len(cores.worker) == 1
    assert not cores.worker & (cores.sandbox | cores.broker)


@pytest.mark.parametrize(("count", "alone"), [(4, False), (6, False), (7, True), (16, True)])
def test_four_workers_are_alone_where_three_cores_are_left_for_the_rest(count: int, *, alone: bool) -> None:
    assert Cores.of(range(count)).crew_is_alone is alone


def test_one_core_is_shared_by_all() -> None:
    cores = Cores.of([3])
    assert not cores.worker | cores.sandbox | cores.broker | cores.crew
    assert not cores.crew_is_alone

"""Whether the host of a virtual machine took its cores away is told with the figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmarks.machine import CpuTime

if TYPE_CHECKING:
    from pathlib import Path

STAT = "cpu  {user} 5 {system} 90000 700 1 4 {stolen} 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n"


def read(tmp_path: Path, *, user: int, system: int, stolen: int) -> CpuTime:
    stat = tmp_path / "stat"
    stat.write_text(STAT.format(user=user, system=system, stolen=stolen))
    found = CpuTime.until_now(stat)
    assert found is not None
    return found


def test_a_quarter_that_was_taken_away_is_told(tmp_path: Path) -> None:
    began = read(tmp_path, user=1_000, system=200, stolen=50)
    note = read(tmp_path, user=1_250, system=250, stolen=150).note(began)
    assert note is not None
    assert "25%" in note


def test_what_nobody_took_is_not_spoken_of(tmp_path: Path) -> None:
    began = read(tmp_path, user=1_000, system=200, stolen=50)
    assert read(tmp_path, user=2_000, system=250, stolen=60).note(began) is None
    assert began.note(began) is None


def test_other_systems_tell_nothing(tmp_path: Path) -> None:
    assert CpuTime.until_now(tmp_path / "nowhere") is None

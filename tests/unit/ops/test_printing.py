"""Tables for people, JSON for programs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from ops.cli.printing import Column, Output, Printer, clean

if TYPE_CHECKING:
    import pytest

AT = datetime(2026, 11, 22, 18, 30, tzinfo=UTC)
ROWS: list[dict[str, object]] = [{"name": "洗衣机", "at": AT, "n": 3}, {"name": None, "at": AT, "n": 0}]
COLUMNS = [Column("name", "Name"), Column("at", "At"), Column("n", "N", right=True)]


def printer(output: Output) -> Printer:
    return Printer(output, ZoneInfo("Asia/Shanghai"))


def test_people_read_times_in_their_zone(capsys: pytest.CaptureFixture[str]) -> None:
    printer(Output.TABLE).rows(ROWS, COLUMNS, empty="")
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.split() == ["Name", "At", "N"]
    assert "2026-11-23 02:30:00" in first
    assert second.startswith("–")


def test_programs_read_times_in_utc_and_chinese_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    printer(Output.JSON).rows(ROWS, COLUMNS, empty="")
    out = capsys.readouterr().out
    assert "洗衣机" in out
    assert json.loads(out)[0] == {"name": "洗衣机", "at": "2026-11-22T18:30:00Z", "n": 3}


def test_ndjson_is_an_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    printer(Output.NDJSON).rows(ROWS, COLUMNS, empty="")
    assert [json.loads(line)["n"] for line in capsys.readouterr().out.splitlines()] == [3, 0]


def test_no_rows_are_data_for_programs_and_a_sentence_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    printer(Output.JSON).rows([], COLUMNS, empty="There is nothing.")
    assert json.loads(capsys.readouterr().out) == []
    printer(Output.TABLE).rows([], COLUMNS, empty="There is nothing.")
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "There is nothing.\n")


def test_a_wide_table_is_neither_cut_nor_wrapped_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    printer(Output.TABLE).rows([{"name": "x" * 400}], [Column("name", "Name")], empty="")
    assert "x" * 400 in capsys.readouterr().out


def test_words_from_outside_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    printer(Output.TABLE).record({"name": "\x1b[2J[red]gone\r\u202e"}, [Column("name", "Name")])
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\r" not in out
    assert "\u202e" not in out
    assert "[red]gone" in out
    assert clean("海尔 Haier") == "海尔 Haier"

"""What people see fits narrow terminals, pipes and terminals without colour."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from ops.demo.disagreeing import Disagreement
from ops.demo.faults import FaultName
from ops.demo.figures import Figures, Parked, Refused, Rejected, Standing
from ops.demo.observing import LaneView, Snapshot
from ops.demo.reckoning import Verdict
from ops.demo.summary import print_commands, print_tables
from ops.demo.texts import Language, Texts
from ops.demo.watching import LiveView, PlainView

SNAPSHOT = Snapshot(
    sent=120,
    events=200,
    lanes=(LaneView("relay.orders", 3, 7, 90), LaneView("relay.catalog", 0, 1, 0)),
    held_back=2,
    due=4,
    results={"order.push.succeeded": 80, "sync_log.recorded": 81},
    calls={"ylh.create": 95},
    faults={name.value: 1 for name in FaultName},
)
FIGURES = Figures(
    events_in=200,
    kinds={"order.paid": 172, "repeated": 20, "malformed": 3},
    distinct=180,
    ended=180,
    results=554,
    copies=594,
    told_pushed=164,
    held=164,
    doubled=0,
    rescued=19,
    create_calls=201,
    duplicates_refused=10,
    standings=(Standing("confirmed", 154, 154), Standing("settled", 1, 1)),
    moved_along=1,
    callbacks=174,
    callbacks_repeated=8,
    callbacks_refused=2,
    superseded=("SO-1120",),
    refused=(Refused("收货地址超出配送范围", ("SO-1020", "SO-1080")),),
    parked=(Parked("paid-SO-1006-1", "SO-1006", "unknown_outcome", "HTTP 503 " * 20, 3),),
    rejected=(Rejected("malformed-amount", "data.total_amount", "money as text", '"[12,30]"'),),
    told_goods=200,
    held_goods=200,
    calls={"ylh.create": 201},
    faults={name.value: 1 for name in FaultName},
)
LANGUAGES: tuple[Language, ...] = ("en", "zh")


def screen(width: int, *, terminal: bool) -> Console:
    return Console(file=io.StringIO(), width=width, force_terminal=terminal, no_color=True, highlight=False)


def shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def summary(verdict: Verdict, width: int, language: Language) -> str:
    console = screen(width, terminal=False)
    print_tables(verdict, 12.3, console, Texts(language))
    return shown(console)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_summary_keeps_to_the_width_and_loses_nothing(width: int, language: Language) -> None:
    text = summary(Verdict(FIGURES, ()), width, language)
    assert all(cell_len(line) <= width for line in text.splitlines())
    joined = "".join(text.split())
    for word in ("SO-1020", "收货地址超出配送范围", "SO-1006", "SO-1120", "data.total_amount", '"[12,30]"', "164"):
        assert word in joined


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_disagreement_is_named(language: Language) -> None:
    found = (Disagreement("doubled", "SO-1001", {"count": 2}), Disagreement("pushed_but_absent", "SO-1002", {}))
    text = summary(Verdict(FIGURES, found), 100, language)
    assert "SO-1001" in text
    assert "SO-1002" in text
    assert Texts(language)("sum.agrees", events=200)[:20] not in text


def test_a_command_is_never_broken_into_two_lines() -> None:
    console = screen(30, terminal=False)
    command = "/a/long/way/to/.venv/bin/relay event validate schemas/examples/order.paid/valid-minimal.json"
    print_commands("Try next:", [(command, "why")], console)
    assert command in [line.strip() for line in shown(console).splitlines()]


@pytest.mark.parametrize("language", LANGUAGES)
def test_plain_lines_hold_the_same_and_no_control_sequence(language: Language) -> None:
    console = screen(40, terminal=False)
    with PlainView(console, Texts(language)) as view:
        view.step("Broker [red]: up")
        view.show(SNAPSHOT)
        view.show(SNAPSHOT)  # too soon for another line
    text = shown(console)
    assert len(text.splitlines()) == 2
    assert "Broker [red]: up" in text
    assert "120/200" in text
    assert "\x1b" not in text


@pytest.mark.parametrize("width", [40, 70, 140])
def test_the_live_picture_is_redrawn_and_gives_the_cursor_back(width: int) -> None:
    console = screen(width, terminal=True)
    with LiveView(console, Texts("en")) as view:
        view.show(SNAPSHOT)
        view.step("a step above the picture")
        view.show(SNAPSHOT)
    text = shown(console)
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1
    assert "120/200" in text
    assert "a step above the picture" in text

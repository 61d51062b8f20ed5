"""Tells the verdict: tables for people, one JSON document for programs. Data, hence on standard output."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ops.demo.texts import Texts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from ops.demo.disagreeing import Disagreement
    from ops.demo.figures import Figures
    from ops.demo.reckoning import Verdict

_NONE: Final = "–"


def as_json(verdict: Verdict, seconds: float) -> str:
    """Return the verdict as one JSON document; sentences in English, names as in the code."""
    texts = Texts("en")
    return json.dumps(
        {
            "agrees": verdict.agrees,
            "seconds": round(seconds, 1),
            "disagreements": [
                {**asdict(one), "facts": dict(one.facts), "message": sentence(one, texts)}
                for one in verdict.disagreements
            ],
            **asdict(verdict.figures),
        },
        ensure_ascii=False,
        indent=2,
    )


def sentence(one: Disagreement, texts: Texts) -> str:
    """Return a disagreement in words."""
    return texts(f"disagree.{one.code}", subject=one.subject, **one.facts)


def print_tables(verdict: Verdict, seconds: float, console: Console, texts: Texts) -> None:
    """Print the verdict for a person."""
    figures = verdict.figures
    console.print()
    console.print(_head(figures, texts))
    console.print()
    console.print(_account(figures, texts))
    for title, rows in _lists(figures, texts):
        if rows:
            console.print()
            console.print(Text(title, style="bold"))
            console.print(Padding(_grid(rows), (0, 0, 0, 2)))
    console.print()
    if verdict.agrees:
        console.print(Text(texts("sum.agrees", events=figures.events_in), style="bold green"))
    else:
        console.print(Text(texts("sum.disagrees", count=len(verdict.disagreements)), style="bold red"))
        for one in verdict.disagreements:
            console.print(Padding(Text(sentence(one, texts)), (0, 0, 0, 2)))
    console.print(texts("sum.took", seconds=f"{seconds:.1f}"), highlight=False)


def print_commands(title: str, commands: Iterable[tuple[str, str]], console: Console) -> None:
    """Print commands, each as one line that can be copied, with what it shows above it."""
    console.print()
    console.print(Text(title, style="bold"))
    for command, shows in commands:
        console.print(Text(f"  # {shows}", style="dim"))
        # Never broken: half a command that is pasted does something else.
        console.print(Text(f"  {command}"), soft_wrap=True)


def _head(figures: Figures, texts: Texts) -> Table:
    kinds = [f"{count} {kind}" for kind, count in figures.kinds.items() if kind not in {"repeated", "malformed"}]
    kinds.append(texts("sum.repeated", count=figures.kinds.get("repeated", 0)))
    kinds.append(texts("sum.malformed", count=figures.kinds.get("malformed", 0)))
    calls = ", ".join(f"{name} {count}" for name, count in sorted(figures.calls.items()))
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(texts("sum.in"), f"{texts('sum.events', count=figures.events_in)}: {', '.join(kinds)}")
    grid.add_row(
        texts("sum.out"),
        texts("sum.results", results=figures.results, ended=figures.ended, distinct=figures.distinct),
    )
    grid.add_row("", texts("sum.copies", count=figures.copies - figures.results))
    grid.add_row(texts("sum.supplier_calls"), calls)
    callbacks = texts(
        "sum.callbacks",
        taken=figures.callbacks,
        repeated=figures.callbacks_repeated,
        refused=figures.callbacks_refused,
    )
    grid.add_row(texts("sum.callbacks_title"), callbacks)
    return grid


def _account(figures: Figures, texts: Texts) -> Table:
    table = Table(title=texts("sum.title"), title_justify="left", title_style="bold", box=None, pad_edge=False)
    table.add_column("", overflow="fold")
    table.add_column(texts("sum.results_column"), justify="right")
    table.add_column(texts("sum.ledger_column"), justify="right")
    table.add_row(texts("sum.pushed"), str(figures.told_pushed), str(figures.held))
    table.add_row("  " + texts("sum.doubled"), "", str(figures.doubled))
    table.add_row("  " + texts("sum.rescued"), "", str(figures.rescued))
    table.add_row("  " + texts("sum.duplicates_refused"), "", str(figures.duplicates_refused))
    for standing in figures.standings:
        table.add_row(texts(f"sum.{standing.name}"), str(standing.told), str(standing.held))
    table.add_row("  " + texts("sum.moved_along"), "", str(figures.moved_along))
    table.add_row(texts("sum.goods"), str(figures.told_goods), str(figures.held_goods))
    return table


def _lists(figures: Figures, texts: Texts) -> Iterable[tuple[str, list[tuple[str, str]]]]:
    yield texts("sum.refused"), [(" ".join(one.so_ids), one.reason) for one in figures.refused]
    yield texts("sum.superseded"), [(so_id, "") for so_id in figures.superseded]
    yield (
        texts("sum.parked"),
        [
            (
                one.so_id or one.event_id,
                f"{one.error_class}, {texts('sum.attempts', count=one.attempts)}: {one.message}",
            )
            for one in figures.parked
        ],
    )
    yield (
        texts("sum.rejected"),
        [
            (one.event_id, f"{one.field}: {texts('sum.expected', expected=one.expected, came=one.came)}")
            for one in figures.rejected
        ],
    )
    yield texts("sum.faults"), [(f"{count}", texts(f"fault.{name}")) for name, count in figures.faults.items()]


def _grid(rows: Iterable[tuple[str, str]]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(overflow="fold")
    grid.add_column(overflow="fold")
    for left, right in rows:
        grid.add_row(Text(left), Text(right))
    return grid

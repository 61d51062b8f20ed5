"""Shows how the demo goes: a live view on a terminal, plain lines elsewhere. Talk, hence on standard error."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from rich.console import RenderableType

    from ops.demo.observing import Snapshot
    from ops.demo.texts import Texts

_LINE_EVERY: Final = 1.0
"""Seconds between two plain lines."""
_TWO_COLUMNS: Final = 100
"""Characters from which tables stand side by side."""


class View(Protocol):
    """What a person sees of the run."""

    def step(self, text: str) -> None:
        """Say what is being done, with the time since the start."""

    def show(self, snapshot: Snapshot) -> None:
        """Show how it stands."""

    def rest(self) -> None:
        """Nothing moves any more: leave the last picture standing."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def view_for(texts: Texts) -> View:
    """Return the live view where standard error is a terminal that can redraw, else plain lines."""
    console = Console(stderr=True, highlight=False)
    if console.is_terminal and not console.is_dumb_terminal:
        return LiveView(console, texts)
    return PlainView(console, texts)


class PlainView:
    """Lines, for files and pipes."""

    def __init__(self, console: Console, texts: Texts) -> None:
        self._console = console
        self._texts = texts
        self._started = time.monotonic()
        self._next = 0.0

    def step(self, text: str) -> None:
        """Say it in lines that are never wrapped."""
        self._console.print(_stamped(self._started, text), soft_wrap=True)

    def show(self, snapshot: Snapshot) -> None:
        """Say it in one line, now and then."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _LINE_EVERY
        self.step(_line(snapshot, self._texts))

    def rest(self) -> None:
        """Lines stand by themselves."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Lines need no end."""


class LiveView:
    """Steps scroll by; below them a picture that is redrawn."""

    def __init__(self, console: Console, texts: Texts) -> None:
        self._console = console
        self._texts = texts
        self._started = time.monotonic()
        self._live: Live | None = None

    def step(self, text: str) -> None:
        """Say it above the picture."""
        self._console.print(_stamped(self._started, text))

    def show(self, snapshot: Snapshot) -> None:
        """Redraw."""
        picture = _picture(snapshot, self._texts, self._console.width)
        if self._live is None:
            # Ctrl-C and errors leave through __exit__, which gives the cursor back.
            self._live = Live(picture, console=self._console, auto_refresh=False, vertical_overflow="ellipsis")
            self._live.start()
        self._live.update(picture, refresh=True)

    def rest(self) -> None:
        """Stop redrawing; the picture stays."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the terminal back."""
        self.rest()


def _stamped(started: float, text: str) -> Text:
    return Text.assemble((f"{time.monotonic() - started:5.1f} s  ", "dim"), text)


def _line(snapshot: Snapshot, texts: Texts) -> str:
    return texts(
        "live.line",
        sent=snapshot.sent,
        events=snapshot.events,
        waiting=sum(lane.waiting for lane in snapshot.lanes),
        in_hand=sum(lane.in_hand for lane in snapshot.lanes),
        retry=snapshot.held_back,
        results=sum(snapshot.results.values()),
        calls=sum(snapshot.calls.values()),
        due=snapshot.due,
        faults=sum(snapshot.faults.values()),
    )


def _picture(snapshot: Snapshot, texts: Texts, width: int) -> RenderableType:
    bar = Table.grid(padding=(0, 1))
    bar.add_row(
        texts("live.in"),
        ProgressBar(total=snapshot.events, completed=snapshot.sent, width=max(10, min(40, width - 20))),
        f"{snapshot.sent}/{snapshot.events}",
    )
    left = (_lanes(snapshot, texts), _counts(texts("live.faults"), _faults(snapshot, texts)))
    right = (
        _counts(texts("live.results"), sorted(snapshot.results.items())),
        _counts(texts("live.calls"), sorted(snapshot.calls.items())),
    )
    if width < _TWO_COLUMNS:
        return Group(bar, *left, *right)
    columns = Table.grid(padding=(0, 4))
    columns.add_row(Group(*left), Group(*right))
    return Group(bar, columns)


def _lanes(snapshot: Snapshot, texts: Texts) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(texts("live.lane"))
    for key in ("live.waiting", "live.in_hand", "live.done"):
        table.add_column(texts(key), justify="right")
    for lane in snapshot.lanes:
        table.add_row(lane.name, str(lane.waiting), str(lane.in_hand), str(lane.done))
    table.add_row(texts("live.retry"), str(snapshot.held_back), "", "")
    table.add_row(texts("live.due"), str(snapshot.due), "", "")
    return table


def _faults(snapshot: Snapshot, texts: Texts) -> Iterable[tuple[str, int]]:
    return [(texts(f"fault.{name}"), count) for name, count in snapshot.faults.items()]


def _counts(title: str, counts: Iterable[tuple[str, int]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(title)
    table.add_column("", justify="right")
    for name, count in counts:
        table.add_row(name, str(count))
    return table

"""Progress bars: on a terminal only, on stderr, and gone when the work is."""

# ruff: noqa: PLC0415 - rich's bars take 0.1 s to import, which a pipe need not wait for

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def transfer(title: str, size: int | None) -> Iterator[Callable[[int, int], None]]:
    """A bar over an input of ``size`` bytes (None: nobody knows); call it with (events confirmed, bytes read)."""
    if not sys.stderr.isatty():
        yield lambda _confirmed, _read: None
        return
    from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
    from rich.text import Text

    from ops.cli.printing import talk

    class Rate(ProgressColumn):
        """Events a second since the beginning."""

        def render(self, task: Task) -> Text:
            confirmed = task.fields["confirmed"]
            return Text(f"{confirmed / task.elapsed:,.0f}/s" if task.elapsed else "")

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[confirmed]:,} confirmed"),
        Rate(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=talk(), transient=True) as progress:
        task = progress.add_task(title, total=size, confirmed=0)
        yield lambda confirmed, read: progress.update(task, completed=read, confirmed=confirmed)


@contextmanager
def counting(title: str) -> Iterator[Callable[[str, int, int | None], None]]:
    """A bar over things that are counted, with their rate and the time left.

    Call it with (what, done, total or None while nobody knows).
    """
    if not sys.stderr.isatty():
        yield lambda _what, _done, _total: None
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    from ops.cli.printing import talk

    class Rate(ProgressColumn):
        """Things a second, lately."""

        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:,.0f}/s" if task.speed else "")

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeElapsedColumn(),
        TextColumn("left:"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=talk(), transient=True) as progress:
        task = progress.add_task(title, total=None)
        yield lambda what, done, total: progress.update(task, description=what, completed=done, total=total)

"""What a suite found, as people read it: tables with what is to be said of them, for the terminal and for Markdown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings; the first column is text, the others figures. Without headings only what is said counts."""

    title: str
    headings: tuple[str, ...] = ()
    rows: Sequence[tuple[str, ...]] = ()
    said: Sequence[str] = ()

    def plain(self) -> list[str]:
        """For a terminal."""
        every = [self.headings, *self.rows] if self.headings else []
        widths = [max(map(len, column)) for column in zip(*every, strict=True)]
        lines = [
            "  ".join(
                cell.rjust(width) if place else cell.ljust(width)
                for place, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            for row in every
        ]
        return [
            f"{self.title}:",
            *(line.rstrip() for line in lines),
            *([""] if lines and self.said else []),
            *self.said,
            "",
        ]

    def markdown(self) -> list[str]:
        """For a page."""
        lines = [f"{self.title}:", ""]
        if self.headings:
            lines += [_row(self.headings), f"|---|{'---:|' * (len(self.headings) - 1)}", *map(_row, self.rows), ""]
        return [*lines, *(f"- {line}" for line in self.said), *([""] if self.said else [])]


class Finding(Protocol):
    """What one suite found in one place."""

    @property
    def suite(self) -> str:
        """Its name on the command line."""
        ...

    @property
    def holds(self) -> bool:
        """Are its targets met, as far as they could be judged."""
        ...

    def tables(self) -> list[Table]:
        """For people."""
        ...

    def as_json(self) -> dict[str, object]:
        """For programs, with every round."""
        ...


def verdict(what: str, reached: float, target: float, *, least: bool = True, unit: str = "") -> str:
    """Say whether ``reached`` is at least ``target``, or at most for ``least`` False."""
    met = reached >= target if least else reached <= target
    bound = "at least" if least else "at most"
    return f"{what}: {reached:.2f}{unit} (target: {bound} {target:g}{unit}: {'met' if met else 'MISSED'})"


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"

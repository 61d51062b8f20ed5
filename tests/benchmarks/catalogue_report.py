"""What the syncs of a catalogue came to: lines for the terminal and for Markdown, and whether the targets are met."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from tests.benchmarks.found.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmarks.catalogue import Again
    from tests.benchmarks.catalogue_place import ByHand, Synced

FULL: Final = 10_000
"""Goods from which on the first second does not count for much, so that targets are held against a sync at a quota."""
TARGET_SHARE: Final = 0.97
"""Of the quota of 100 calls a second."""
TARGET_RATIO: Final = 20.0
"""Goods a second, to the way by hand."""
TARGET_DATABASE: Final = 0.25
"""Of the first sync's database time, for one that changes nothing."""
TARGET_RSS_MB: Final = 300.0
"""With a list of 100,000 goods."""


@dataclass(frozen=True, slots=True)
class AtQuota:
    """A sync with a quota of ``quota`` calls a second; ``targeted``: it is held to the targets."""

    quota: int
    synced: Synced
    targeted: bool

    @property
    def share(self) -> float:
        """Of the quota, over the whole sync."""
        return self.synced.calls_per_second / self.quota

    @property
    def most_calls(self) -> int:
        """One for the list, one for the prices of twenty, one for the stock of each; and one in twenty to spare."""
        return 1 + self.synced.goods * 11 // 10

    @property
    def holds(self) -> bool:
        """Are the targets met: as many calls as there must be, at the quota's pace, and none refused."""
        return not self.targeted or (
            self.synced.calls <= self.most_calls and self.share >= TARGET_SHARE and not self.synced.refused
        )

    def line(self) -> str:
        """For people."""
        one = self.synced
        target = f" (target: at least {TARGET_SHARE:.0%}, at most {self.most_calls:,} calls, no 429)"
        return (
            f"quota {self.quota:,}/s, processes {one.processes}: {one.goods:,} goods in {one.seconds:.1f} s, "
            f"{one.calls:,} calls, {one.refused} refused with 429, {self.share:.1%} of the quota"
            f"{target if self.targeted else ''}"
        )


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What one run found; ``again`` None: there is no PostgreSQL here."""

    at_quota: Sequence[AtQuota]
    by_hand: ByHand
    whole: Synced
    again: Again | None
    listed: Synced
    suite: str = "catalogue"

    @property
    def ratio(self) -> float:
        """Service to the way by hand, goods a second."""
        return self.whole.goods_per_second / self.by_hand.goods_per_second

    @property
    def holds(self) -> bool:
        """Are all targets met."""
        return (
            all(one.holds for one in self.at_quota)
            and self.ratio >= TARGET_RATIO
            and (self.again is None or _unchanged(self.again))
            and self.listed.peak_rss_mb < TARGET_RSS_MB
        )

    def lines(self) -> list[str]:
        """For people, one line for each thing measured."""
        return [
            *(one.line() for one in self.at_quota),
            (
                f"no quota, answers after 20 ms: {self.whole.goods_per_second:,.0f} goods/s, by hand "
                f"{self.by_hand.goods_per_second:,.0f}: {self.ratio:.1f} times (target: at least {TARGET_RATIO:.0f})"
            ),
            _again(self.again),
            (
                f"a list of {self.listed.goods:,} goods in {self.listed.seconds:.1f} s: peak RSS "
                f"{self.listed.peak_rss_mb:,.0f} MB (target: under {TARGET_RSS_MB:.0f})"
            ),
        ]

    def tables(self) -> list[Table]:
        """The same as a table without columns."""
        return [Table("Syncs of a catalogue", said=self.lines())]

    def as_json(self) -> dict[str, object]:
        """All figures."""
        return {
            "at_quota": [asdict(one) | {"share": round(one.share, 4)} for one in self.at_quota],
            "by_hand": asdict(self.by_hand),
            "whole": asdict(self.whole),
            "ratio": round(self.ratio, 2),
            "again": None if self.again is None else asdict(self.again),
            "listed": asdict(self.listed),
        }


def _unchanged(again: Again) -> bool:
    quiet = again.again.changes == again.again.writes == 0
    return quiet and again.database_share < TARGET_DATABASE


def _again(again: Again | None) -> str:
    if again is None:
        return "the same catalogue again: not measured, there is no PostgreSQL here"
    return (
        f"{again.again.goods:,} goods again, unchanged: {again.again.changes} events of changes, "
        f"{again.again.writes} rows written, {again.database_share:.0%} of the first sync's database time "
        f"({again.again_database_seconds:.2f} of {again.first_database_seconds:.2f} s; "
        f"target: none, none, under {TARGET_DATABASE:.0%})"
    )

"""Ways to send a POST, and how our client stands to stock httpx."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from tests.benchmarks import http_transport
from tests.benchmarks.found.table import Table, verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEADINGS = ("way", "at once", "POST/s", "ratio", "µs CPU each")


@dataclass(frozen=True, slots=True)
class Posts:
    """The best round of each way."""

    rates: Sequence[http_transport.Rate]
    suite: str = "http"

    @property
    def ratio(self) -> float:
        """A create by our client to a POST by stock httpx."""
        return http_transport.reached(self.rates)

    @property
    def holds(self) -> bool:
        """Is the target met."""
        return self.ratio >= http_transport.TARGET_RATIO

    def tables(self) -> list[Table]:
        """For people."""
        rows = [
            (one.way, str(one.at_once), f"{one.rate:,.0f}", f"{one.ratio:.1f}", f"{one.cpu:,.0f}") for one in self.rates
        ]
        said = [verdict("our client / stock httpx", self.ratio, http_transport.TARGET_RATIO)]
        return [Table("Ways to send a POST, one core (docs/adr/0003)", _HEADINGS, rows, said)]

    def as_json(self) -> dict[str, object]:
        """All figures."""
        return {"ratio": round(self.ratio, 2), "ways": [asdict(one) for one in self.rates]}

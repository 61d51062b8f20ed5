"""A picture of a run, as SVG, drawn from its JSON: ``python -m tests.benchmarks.plot docs/benchmarks/throughput.json``.

Bars for `throughput` (median, with a line from the lowest to the highest round) and `latency` (p99, with a line from
p50), curves over the concurrency for `concurrency`. A run without any of these has no picture.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.benchmarks.field import SERVICE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

WIDTH: Final = 860
_LEFT, _RIGHT = 290, 90
_BAR, _GAP, _TITLE = 18, 8, 34
_CURVES: Final = 300
_COLOURS: Final = ("#c0392b", "#2c3e50", "#2980b9", "#16a085", "#8e44ad", "#d68910", "#7f8c8d", "#6e2c00")
"""Of curves by their place, of which the service, where it ran, has the first; of bars the first for the service."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One value, with what belongs to it."""

    label: str
    value: float
    low: float
    high: float
    text: str


def svg(told: Mapping[str, Any]) -> str | None:
    """Draw a run, as `tests.benchmarks.report.as_json` tells it; None: there is nothing to draw."""
    panels: list[tuple[str, int]] = []
    for race in told.get("throughput", ()):
        bars = [
            Bar(
                one["contestant"],
                one["events_per_second"],
                one["lowest"],
                one["highest"],
                f"{one['events_per_second']:,.0f}",
            )
            for one in race["contestants"]
        ]
        panels.append(_bars(f"{race['database']}: events a second, {_conditions(race)}", bars))
    panels += [_curves(title, curves) for title, curves in _by_concurrency(told.get("concurrency", ()))]
    for found in told.get("latency", ()):
        bars = [
            Bar(
                one["contestant"],
                one["p99_ms"],
                one["p50_ms"],
                one["p99_ms"],
                f"{one['p50_ms']:.0f} / {one['p99_ms']:.0f}",
            )
            for one in found["contestants"]
        ]
        panels.append(
            _bars(f"{found['database']}: event to result at half load, ms, p50 / p99, {_conditions(found)}", bars)
        )
    if not panels:
        return None
    drawn, top = [], 10
    for panel, height in panels:
        drawn.append(f'<g transform="translate(0 {top})">{panel}</g>')
        top += height + 20
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" width="{WIDTH}" height="{top}" '
        f'font-family="sans-serif" font-size="13"><rect width="100%" height="100%" fill="white"/>\n'
        + "\n".join([*drawn, "</svg>", ""])
    )


def _bars(title: str, bars: Sequence[Bar]) -> tuple[str, int]:
    scale = (WIDTH - _LEFT - _RIGHT) / max([bar.high for bar in bars] + [bar.value for bar in bars])
    drawn = [_title(title)]
    for place, bar in enumerate(bars):
        top = _TITLE + place * (_BAR + _GAP)
        middle = top + _BAR / 2
        colour = _COLOURS[0] if bar.label == SERVICE.name else _COLOURS[6]
        drawn += [
            f'<text x="{_LEFT - 8}" y="{middle + 4}" text-anchor="end">{escape(bar.label)}</text>',
            f'<rect x="{_LEFT}" y="{top}" width="{bar.value * scale:.1f}" height="{_BAR}" fill="{colour}"/>',
            _line(_LEFT + bar.low * scale, middle, _LEFT + bar.high * scale, middle, "black"),
            f'<text x="{_LEFT + max(bar.value, bar.high) * scale + 6:.1f}" y="{middle + 4}">{escape(bar.text)}</text>',
        ]
    return "".join(drawn), _TITLE + len(bars) * (_BAR + _GAP)


def _curves(title: str, curves: Mapping[str, Mapping[int, float]]) -> tuple[str, int]:
    places = sorted({place for curve in curves.values() for place in curve})
    highest = max(value for curve in curves.values() for value in curve.values())
    bottom, right = _CURVES - 24, WIDTH - _LEFT - 20

    def at(place: int, value: float) -> tuple[float, float]:
        across = places.index(place) / max(1, len(places) - 1)
        return 60 + across * (right - 60), bottom - value / highest * (bottom - _TITLE)

    drawn = [_title(title), _line(60, bottom, right, bottom, "black")]
    for place in places:
        across, _ = at(place, 0)
        drawn.append(f'<text x="{across:.1f}" y="{bottom + 18}" text-anchor="middle">{place}</text>')
    for value in (highest / 2, highest):
        _, height = at(places[0], value)
        drawn.append(_line(60, height, right, height, "#dddddd"))
        drawn.append(f'<text x="54" y="{height + 4:.1f}" text-anchor="end">{value:,.0f}</text>')
    for number, (name, curve) in enumerate(curves.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(place, curve[place]) for place in sorted(curve)))
        legend = _TITLE + 14 + number * 20
        drawn += [
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{3 if number == 0 else 1.5}"/>',
            _line(right + 12, legend - 4, right + 32, legend - 4, colour),
            f'<text x="{right + 38}" y="{legend}">{escape(name)}</text>',
        ]
    return "".join(drawn), _CURVES


def _by_concurrency(races: Iterable[Mapping[str, Any]]) -> list[tuple[str, dict[str, dict[int, float]]]]:
    """Curves by contestant for each database and delay: concurrency to events a second."""
    panels: dict[str, dict[str, dict[int, float]]] = {}
    for race in races:
        conditions = race["conditions"]
        title = f"{race['database']}: events a second by prefetch, delay {conditions['delay_ms']} ms"
        for one in race["contestants"]:
            curve = panels.setdefault(title, {}).setdefault(one["contestant"], {})
            curve[conditions["concurrency"]] = one["events_per_second"]
    return list(panels.items())


def _conditions(found: Mapping[str, Any]) -> str:
    return f"delay {found['conditions']['delay_ms']} ms, prefetch {found['conditions']['concurrency']}"


def _title(text: str) -> str:
    return f'<text x="10" y="18" font-weight="bold">{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def draw(source: Path) -> Path | None:
    """Draw the JSON file ``source`` into a file beside it, which is returned; None: there is nothing to draw."""
    drawn = svg(json.loads(source.read_text(encoding="utf-8")))
    if drawn is None:
        return None
    picture = source.with_suffix(".svg")
    picture.write_text(drawn, encoding="utf-8")
    return picture


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        print(draw(Path(argument)))  # noqa: T201 -- what was written

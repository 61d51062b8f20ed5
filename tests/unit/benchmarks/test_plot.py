"""The picture of a run: valid SVG with every contestant and figure in it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from tests.benchmarks.conditions import ALL_OUT, AS_IN_LIFE, Conditions
from tests.benchmarks.found.latency import Latencies, Latency
from tests.benchmarks.found.race import race
from tests.benchmarks.pacing import Paced
from tests.benchmarks.plot import WIDTH, draw, svg
from tests.unit.benchmarks.measured import measured

if TYPE_CHECKING:
    from pathlib import Path

SVG = "{http://www.w3.org/2000/svg}"


def raced(suite: str, conditions: Conditions) -> dict[str, object]:
    rounds = {
        name: [measured(name, rate) for rate in (400, 500, 1_000)] for name in ("service", "loop, uvloop & httpx")
    }
    return race(suite, "SQLite", conditions, rounds).as_json()


def texts(drawn: str) -> list[str]:
    return [text.text or "" for text in ET.fromstring(drawn).iter(f"{SVG}text")]  # noqa: S314 - our own


def test_bars_for_throughput_and_latency() -> None:
    slow = Paced("service", 200, 2_000, 29.6, 48.2, 70)
    told = {
        "throughput": [raced("throughput", ALL_OUT)],
        "latency": [Latencies("PostgreSQL", AS_IN_LIFE, [Latency("service", [(400, slow)])]).as_json()],
    }
    drawn = svg(json.loads(json.dumps(told)))
    assert drawn is not None
    assert {"service", "loop, uvloop & httpx", "500", "30 / 48"} <= set(texts(drawn))
    bars = [bar for bar in ET.fromstring(drawn).iter(f"{SVG}rect") if bar.get("x")]  # noqa: S314 - our own
    assert len(bars) == 3
    assert all(float(bar.attrib["x"]) + float(bar.attrib["width"]) < WIDTH for bar in bars)


def test_a_curve_for_each_contestant_over_the_concurrency() -> None:
    drawn = svg({"concurrency": [raced("concurrency", Conditions(20, at_once)) for at_once in (10, 50, 200)]})
    assert drawn is not None
    curves = list(ET.fromstring(drawn).iter(f"{SVG}polyline"))  # noqa: S314 - our own
    assert [len(curve.attrib["points"].split()) for curve in curves] == [3, 3]
    assert {"10", "50", "200"} <= set(texts(drawn))


def test_a_run_without_either_has_no_picture(tmp_path: Path) -> None:
    kept = tmp_path / "http.json"
    kept.write_text('{"http": []}')
    assert draw(kept) is None
    assert list(tmp_path.iterdir()) == [kept]


def test_the_picture_lies_beside_its_figures(tmp_path: Path) -> None:
    kept = tmp_path / "throughput.json"
    kept.write_text(json.dumps({"throughput": [raced("throughput", ALL_OUT)]}))
    assert draw(kept) == tmp_path / "throughput.svg"

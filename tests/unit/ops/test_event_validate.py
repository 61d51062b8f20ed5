"""`relay event validate`: no broker, no settings; the line, the field, what was expected, what came."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ops.cli.app import run

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLES = Path(__file__).parents[3] / "schemas" / "examples"
VALID = (EXAMPLES / "order.paid" / "valid-full.json").read_bytes()
LINE = json.dumps(json.loads(VALID), ensure_ascii=False).encode()
NEGATIVE = json.dumps(
    json.loads((EXAMPLES / "order.paid" / "invalid-negative-price.json").read_bytes()), ensure_ascii=False
).encode()


@pytest.fixture
def validate(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    monkeypatch.setenv("RELAY_HTTP_PORT", "not a port: settings must not be read")

    def validated(given: bytes, *options: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(given)))
        code = run(["event", "validate", *options])
        told = capsys.readouterr()
        return code, told.out, told.err

    return validated


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("order.*/valid-*.json")), ids=lambda path: path.stem)
def test_every_valid_example_is_valid(path: Path) -> None:
    assert run(["event", "validate", str(path)]) == 0


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("order.paid/invalid-*.json")), ids=lambda path: path.stem)
def test_every_invalid_example_is_told(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["event", "validate", str(path), "--output", "json"]) == 1
    (event,) = json.loads(capsys.readouterr().out)["events"]
    assert event["errors"]
    assert all(fault["field"] and fault["expected"] for fault in event["errors"])


def test_a_valid_event_says_nothing_on_stdout(validate: Callable[..., tuple[int, str, str]]) -> None:
    assert validate(VALID) == (0, "", "1 event, all valid.\n")


def test_the_line_and_the_field_are_named(validate: Callable[..., tuple[int, str, str]]) -> None:
    code, out, err = validate(LINE + b"\n" + NEGATIVE + b"\n" + LINE + b"\n")
    assert code == 1
    (told,) = out.splitlines()
    assert told.startswith("line 2: data.items.0.retail_price: expected money as text")
    assert told.endswith('got "-5"')
    assert err == "3 events: 2 valid, 1 not.\n"


def test_faults_as_data(validate: Callable[..., tuple[int, str, str]]) -> None:
    code, out, _ = validate(LINE + b"\n" + NEGATIVE, "--output", "ndjson")
    assert code == 1
    (row,) = map(json.loads, out.splitlines())
    assert (row["line"], row["type"]) == (2, "order.paid")
    assert row["errors"][0]["field"] == "data.items.0.retail_price"


def test_broken_json_is_placed_in_the_whole_input(validate: Callable[..., tuple[int, str, str]]) -> None:
    _, out, _ = validate(LINE + b"\n\n" + b'{"type": oops}\n')
    assert "line 3: body:" in out
    assert "broken JSON at line 3, column" in out


def test_personal_data_is_masked(validate: Callable[..., tuple[int, str, str]]) -> None:
    document = json.loads(VALID)
    document["data"]["consignee"]["mobile"] = "1380013800013800138000138001380013800"
    _, out, _ = validate(json.dumps(document).encode())
    assert "data.consignee.mobile" in out
    assert "13800138" not in out


@pytest.mark.parametrize(
    "given",
    [
        b"null",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b"9" * 200_000,
        b"[" * 50_000,
        b"{",
        b"x" * 400_000,
        VALID.replace(b'"1.0"', b'"9.9"'),
    ],
    ids=["null", "array", "text", "no utf-8", "digits", "brackets", "cut", "too long", "specversion"],
)
def test_whatever_comes_is_told_and_never_raises(validate: Callable[..., tuple[int, str, str]], given: bytes) -> None:
    code, out, err = validate(given)
    assert code == 1
    assert out.startswith("line 1: ")
    assert "Error" not in err


def test_no_event_at_all_is_a_failure(validate: Callable[..., tuple[int, str, str]]) -> None:
    assert validate(b"\n  \n") == (1, "", "There is no event in standard input.\n")

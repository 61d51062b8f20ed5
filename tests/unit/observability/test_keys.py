"""The allow-list and the code that logs fit each other."""

import ast
from pathlib import Path

import pytest

from consumer.observability.keys import ALLOWED

ROOT = Path(__file__).parents[3]
METHODS = {"debug", "info", "warning", "error", "exception", "critical"}
STEERING = {"exc_info", "stream"}
"""Keywords that say how to log, not what."""


def keys_logged_in(path: Path) -> set[str]:
    return {
        keyword.arg
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in METHODS
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in {"log", "_log"}
        for keyword in node.keywords
        if keyword.arg is not None
    }


@pytest.mark.parametrize(
    "path",
    [path for path in sorted((ROOT / "consumer").rglob("*.py")) if "log." in path.read_text(encoding="utf-8")],
    ids=str,
)
def test_every_key_that_is_logged_comes_out(path: Path) -> None:
    missing = keys_logged_in(path) - ALLOWED - STEERING
    assert not missing, f"these keys would be written as ***: {sorted(missing)}; see consumer/observability/keys.py"

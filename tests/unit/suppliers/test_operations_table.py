"""What may be sent twice: the table for people and the operations in the code say the same."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.unit.suppliers.test_answer_properties import HAIER, YLH

if TYPE_CHECKING:
    from consumer.suppliers.haier.operations import HaierOperations
    from consumer.suppliers.ylh.operations import YlhOperations

ROOT = Path(__file__).parents[3]
ROW = re.compile(r"^\| (haier|ylh) \| ([a-z]+) \| (yes|no) \| (.+) \|$", re.MULTILINE)


def told() -> dict[tuple[str, str], tuple[str, str]]:
    page = (ROOT / "docs" / "suppliers.md").read_text(encoding="utf-8")
    return {(supplier, call): (changes, reason) for supplier, call, changes, reason in ROW.findall(page)}


def made(operations: HaierOperations | YlhOperations) -> dict[tuple[str, str], str]:
    every = [getattr(operations, field.name) for field in fields(operations)]
    return {(one.supplier, one.name): "yes" if one.changes else "no" for one in every}


def test_every_call_is_in_the_table_and_the_table_holds_no_other() -> None:
    logins = {("haier", "token"): "no", ("ylh", "token"): "no"}
    assert {call: changes for call, (changes, _) in told().items()} == made(HAIER) | made(YLH) | logins


def test_every_call_has_its_reason() -> None:
    for changes, reason in told().values():
        assert reason.startswith("after an unknown outcome only: " if changes == "yes" else "yes: ")


def test_no_change_makes_a_probe() -> None:
    for operation in (YLH.create, YLH.cancel, YLH.reschedule):
        with pytest.raises(ValueError, match="changes something"):
            operation.probe()

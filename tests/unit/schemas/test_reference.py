"""The event reference is as generated, and names every type and field."""

from pathlib import Path

import schemas
from schemas.reference import differences, markdown
from schemas.registry import INBOUND, OUTBOUND

DOCUMENT = Path(schemas.__file__).parent.parent / "docs" / "events.md"


def test_the_committed_reference_is_up_to_date() -> None:
    assert differences(DOCUMENT) == []


def test_differences_name_a_missing_and_an_old_file(tmp_path: Path) -> None:
    assert "missing" in differences(tmp_path / "events.md")[0]
    (tmp_path / "events.md").write_text("old", encoding="utf-8")
    assert "differs" in differences(tmp_path / "events.md")[0]


def test_every_type_and_field_is_there() -> None:
    text = markdown()
    for type_, model in {**INBOUND, **OUTBOUND}.items():
        section = text.split(f"### `{type_}`\n")[1].split("\n### ")[0]
        for name, field in model.model_fields.items():
            assert f"| `{field.alias or name}`" in section

"""The contract as JSON Schema 2020-12, for those who do not write Python: one document for each public event type.

Each document describes the complete structured CloudEvent. Rules that JSON Schema cannot express (the total is the sum,
the subject is the so_id, a day exists in the calendar) are told in the descriptions and held by `decode`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pydantic.json_schema import GenerateJsonSchema

from schemas.envelope import event_model
from schemas.registry import INBOUND, OUTBOUND

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_SUFFIX = ".schema.json"


class _WithoutTitles(GenerateJsonSchema):
    """Field names speak for themselves; pydantic would repeat each as a title."""

    def field_title_should_be_set(self, schema: CoreSchema) -> bool:
        del schema
        return False


def json_schema_documents() -> dict[str, dict[str, Any]]:
    """Return file name to JSON Schema document, for every event type in and out."""
    return {f"{type_}{_SUFFIX}": _document(type_) for type_ in (*INBOUND, *OUTBOUND)}


def write(directory: Path) -> None:
    """Write all documents into a directory, and remove those of types that the contract no longer has."""
    directory.mkdir(parents=True, exist_ok=True)
    wanted = _texts()
    for name, text in wanted.items():
        (directory / name).write_text(text, encoding="utf-8")
    for path in directory.glob(f"*{_SUFFIX}"):
        if path.name not in wanted:
            path.unlink()


def differences(directory: Path) -> list[str]:
    """Return a sentence for each file that is missing, out of date or no longer wanted; empty: all is as generated."""
    wanted = _texts()
    present = {path.name: path.read_text(encoding="utf-8") for path in directory.glob(f"*{_SUFFIX}")}
    found = [f"{name} is missing" for name in wanted if name not in present]
    found += [f"{name} differs from the models" for name, text in wanted.items() if present.get(name, text) != text]
    found += [f"{name} belongs to no event type" for name in present if name not in wanted]
    return [f"{sentence}: run `relay schema export`" for sentence in sorted(found)]


def _document(type_: str) -> dict[str, Any]:
    schema: JsonSchemaValue = event_model(type_).model_json_schema(schema_generator=_WithoutTitles)
    direction = "relay.events" if type_ in INBOUND else "relay.results"
    head = {
        "$schema": DIALECT,
        "$id": f"urn:haier-relay:event:{type_}",
        "title": type_,
        "description": f"{schema.pop('description', '')} Exchange {direction}, routing key {type_}.".strip(),
    }
    schema.pop("title", None)
    return {**head, **schema}


def _texts() -> dict[str, str]:
    return {
        name: json.dumps(document, ensure_ascii=False, indent=2) + "\n"
        for name, document in json_schema_documents().items()
    }

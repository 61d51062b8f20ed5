"""The event reference for people (`docs/events.md`), generated from the models: it cannot say anything else."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.export import json_schema_documents
from schemas.registry import INBOUND, OUTBOUND

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_HEAD = """# Event reference

Generated from `schemas/` by `make docs`; do not edit. The same as JSON Schema 2020-12: `schemas/json/`. Valid
and invalid examples of each event: `schemas/examples/`. Fields marked `?` may be left out.

Every event is a CloudEvent 1.0 in structured mode: AMQP `content_type` `application/cloudevents+json`, routing key =
`type`, `message_id` = `id`. Other extension attributes (lower-case letters and digits) are kept.
"""

_ENVELOPE_KINDS = {"type": "text", "data": "an object"}
"""What differs from event to event in the envelope."""


def markdown() -> str:
    """Return the whole reference."""
    documents = {document["title"]: document for document in json_schema_documents().values()}
    lines = [_HEAD, "## Envelope", "", *_table(documents["order.paid"], {}), ""]
    for heading, types in (("In: exchange `relay.events`", INBOUND), ("Out: exchange `relay.results`", OUTBOUND)):
        lines.append(f"## {heading}")
        lines.append("")
        for type_ in types:
            lines += _section(type_, documents[type_])
    return "\n".join(lines).rstrip() + "\n"


def write(path: Path) -> None:
    """Write the reference to a file."""
    path.write_text(markdown(), encoding="utf-8")


def differences(path: Path) -> list[str]:
    """Return a sentence if the file is missing or out of date; empty: it is as generated."""
    if not path.is_file():
        return [f"{path.name} is missing: run `make docs`"]
    if path.read_text(encoding="utf-8") != markdown():
        return [f"{path.name} differs from the models: run `make docs`"]
    return []


def _section(type_: str, document: dict[str, Any]) -> Iterator[str]:
    definitions: dict[str, dict[str, Any]] = document["$defs"]
    data = document["properties"]["data"]["$ref"].rsplit("/", maxsplit=1)[-1]
    yield f"### `{type_}`"
    yield ""
    yield definitions[data]["description"]
    yield ""
    yield from _table(definitions[data], definitions)
    yield ""
    for name in _parts(definitions[data], definitions):
        yield f"**{name}**: {definitions[name]['description']}"
        yield ""
        yield from _table(definitions[name], definitions)
        yield ""


def _parts(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> list[str]:
    """Return the names of all parts below a schema, each once, outermost first."""
    found: list[str] = []
    waiting = [schema]
    while waiting:
        for described in waiting.pop(0).get("properties", {}).values():
            name = _referred(described)
            if name is not None and name not in found:
                found.append(name)
                waiting.append(definitions[name])
    return found


def _table(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Iterator[str]:
    properties: dict[str, dict[str, Any]] = schema.get("properties", {})
    if not properties:
        yield "No fields."
        return
    required = schema.get("required", ())
    yield "| field | kind | meaning |"
    yield "|---|---|---|"
    for name, described in properties.items():
        optional = "" if name in required else "?"
        kind = _kind(described) if definitions else _ENVELOPE_KINDS.get(name) or _kind(described)
        yield f"| `{name}`{optional} | {kind} | {described.get('description', '')} |"


def _referred(schema: Mapping[str, Any]) -> str | None:
    """Return the name of the part that a field, its list or its null-or-part refers to."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", maxsplit=1)[-1]
    inner = [schema["items"]] if "items" in schema else schema.get("anyOf", [])
    return next((name for name in map(_referred, inner) if name is not None), None)


def _kind(schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(map(_kind, schema["anyOf"]))
    if "$ref" in schema:
        return str(_referred(schema))
    if "const" in schema or "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    kind = schema.get("type", "value")
    if kind == "array":
        return f"list of {_kind(schema['items'])}{_range(schema, 'minItems', 'maxItems')}"
    if kind == "string":
        return f"{_text_kind(schema)}{_range(schema, 'minLength', 'maxLength')}"
    return f"{kind}{_range(schema, 'minimum', 'maximum')}"


def _text_kind(schema: Mapping[str, Any]) -> str:
    if "format" in schema:
        return str(schema["format"])
    if "maxLength" not in schema:
        return "decimal text"
    return "text"


def _range(schema: Mapping[str, Any], least: str, most: str) -> str:
    low, high = schema.get(least), schema.get(most)
    if low is None and high is None:
        return ""
    if high is None:
        return f" (at least {low})"
    return f" ({low} to {high})" if low is not None else f" (at most {high})"


def main(arguments: Sequence[str]) -> int:
    """Write ``docs/events.md``, or with ``--check`` say whether it is current (exit code 1 if not)."""
    page = Path("docs/events.md")
    if "--check" not in arguments:
        write(page)
        return 0
    found = differences(page)
    for sentence in found:
        sys.stderr.write(f"{sentence}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The examples say the same as the models and as the JSON Schemas."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import schemas
from schemas.codec import InvalidEvent, decode, encode
from schemas.export import differences, json_schema_documents, write
from schemas.registry import INBOUND, OUTBOUND

ROOM = Path(schemas.__file__).parent
EXAMPLES = ROOM / "examples"
INVALID = json.loads((EXAMPLES / "invalid.json").read_text(encoding="utf-8"))
DOCUMENTS = {document["title"]: document for document in json_schema_documents().values()}
SCHEMAS = {type_: Draft202012Validator(document) for type_, document in DOCUMENTS.items()}


def paths(kind: str) -> list[str]:
    return sorted(str(path.relative_to(EXAMPLES)) for path in EXAMPLES.glob(f"*/{kind}-*.json"))


@pytest.mark.parametrize("type_", [*INBOUND, *OUTBOUND])
def test_every_type_has_valid_and_several_invalid_examples(type_: str) -> None:
    assert list((EXAMPLES / type_).glob("valid-*.json"))
    assert len(list((EXAMPLES / type_).glob("invalid-*.json"))) >= 2


def test_every_invalid_example_is_in_the_index() -> None:
    assert sorted(INVALID) == paths("invalid")


@pytest.mark.parametrize("path", paths("valid"))
def test_a_valid_example_is_read_and_written_without_loss(path: str) -> None:
    body = (EXAMPLES / path).read_bytes()
    type_ = path.split("/", maxsplit=1)[0]
    event = decode(body, routing_key=type_)
    written = encode(event)
    assert decode(written) == event
    assert type_ in INBOUND or json.loads(written)["data"].keys() >= json.loads(body)["data"].keys()
    assert SCHEMAS[type_].is_valid(json.loads(body))
    assert SCHEMAS[type_].is_valid(json.loads(written))


@pytest.mark.parametrize("path", paths("invalid"))
def test_an_invalid_example_is_refused_at_its_field(path: str) -> None:
    body = (EXAMPLES / path).read_bytes()
    type_ = path.split("/", maxsplit=1)[0]
    with pytest.raises(InvalidEvent) as caught:
        decode(body, routing_key=type_)
    assert caught.value.errors[0].field == INVALID[path]["expected_field"]
    assert SCHEMAS[type_].is_valid(json.loads(body)) is not INVALID[path]["json_schema_refuses"]


def test_committed_json_schemas_are_up_to_date() -> None:
    assert differences(ROOM / "json") == []


@pytest.mark.parametrize("type_", [*INBOUND, *OUTBOUND])
def test_json_schemas_are_themselves_valid_and_documented(type_: str) -> None:
    schema = DOCUMENTS[type_]
    Draft202012Validator.check_schema(schema)
    assert schema["$id"].endswith(type_)
    assert schema["description"]
    for name, definition in schema["$defs"].items():
        for field, described in definition.get("properties", {}).items():
            assert described.get("description"), f"{name}.{field} has no description"


def test_differences_name_what_is_missing_old_or_unwanted(tmp_path: Path) -> None:
    write(tmp_path)
    assert differences(tmp_path) == []
    (tmp_path / "order.paid.schema.json").unlink()
    (tmp_path / "order.refused.schema.json").write_text("{}", encoding="utf-8")
    (tmp_path / "order.gone.schema.json").write_text("{}", encoding="utf-8")
    found = differences(tmp_path)
    assert [sentence.split(":")[0] for sentence in found] == [
        "order.gone.schema.json belongs to no event type",
        "order.paid.schema.json is missing",
        "order.refused.schema.json differs from the models",
    ]
    write(tmp_path)
    assert differences(tmp_path) == []

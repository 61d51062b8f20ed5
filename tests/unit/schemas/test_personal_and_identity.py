"""Personal data is hidden wherever it stands; keys derive from content alone."""

import json
from hashlib import sha256
from pathlib import Path
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

import schemas
from schemas.identity import Names, body_digest, result_id, unreadable_key
from schemas.personal import is_personal, mask, mask_document

PAID = json.loads((Path(schemas.__file__).parent / "examples" / "order.paid" / "valid-full.json").read_bytes())


@pytest.mark.parametrize(
    ("field", "personal"),
    [
        ("data.consignee.name", True),
        ("data.consignee", True),
        ("data.consignee.anything.below", True),
        ("data.remark", True),
        ("data.mobile", True),
        ("data.shipments.0.traces.3.text", True),
        ("data.shipments.0.company", False),
        ("data.so_id", False),
        ("data.items.0.product_code", False),
        ("data.payers.0.sale_group_name", False),
        ("id", False),
    ],
)
def test_personal_fields(field: str, *, personal: bool) -> None:
    assert is_personal(field) is personal


def test_a_masked_event_keeps_its_shape_and_loses_the_person() -> None:
    masked = mask_document(PAID)
    text = json.dumps(masked, ensure_ascii=False)
    for value in (*PAID["data"]["consignee"].values(), PAID["data"]["remark"]):
        assert value not in text
    assert isinstance(masked, dict)
    assert masked["data"]["consignee"].keys() == PAID["data"]["consignee"].keys()
    assert masked["data"]["items"] == PAID["data"]["items"]
    assert mask_document({"consignee": "x"}, "data") == {"consignee": "***"}


def test_a_mask_tells_only_whether_there_is_a_value() -> None:
    assert mask("13800000000") == "***"
    assert mask(None) == "null"


def test_the_same_cause_gives_the_same_result_id() -> None:
    first = result_id("/shop", "e1", "", "order.push.succeeded", "SO-1")
    assert first == result_id("/shop", "e1", "", "order.push.succeeded", "SO-1")
    assert first == "221ae931-e634-570e-af83-360e692c9d9b"


@given(st.uuids(), st.text())
def test_a_name_has_the_id_that_the_standard_gives_it(namespace: UUID, name: str) -> None:
    assert Names(namespace).id_of(name) == str(uuid5(namespace, name))


Cause = tuple[str, str, str, str, str]
PARTS = st.tuples(st.text(), st.text(), st.text(), st.text(), st.text())


@given(PARTS, PARTS)
def test_another_cause_gives_another_result_id(one: Cause, other: Cause) -> None:
    assert (result_id(*one) == result_id(*other)) is (one == other)


def test_no_separator_can_be_forged() -> None:
    assert result_id("/a", "b", "", "t", "s") != result_id("/a", "", "b", "t", "s")
    assert result_id('/a","b', "", "", "t", "s") != result_id("/a", "b", "", "t", "s")


def test_an_unreadable_event_is_known_by_its_message_id_or_its_body() -> None:
    assert body_digest(b"x") == sha256(b"x").hexdigest()
    assert unreadable_key("m1", b"x") == "m1"
    assert unreadable_key(None, b"x") == unreadable_key("", b"x") == body_digest(b"x")

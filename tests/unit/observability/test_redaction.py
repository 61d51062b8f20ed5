"""Nothing personal and nothing secret gets into a line, whatever is passed to the log."""

import json
import re
from collections import UserString
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.observability.keys import ALLOWED, CODES, IDENTIFIERS
from consumer.observability.lines import Line, as_json, as_text
from consumer.observability.redaction import REDACTED, Redactor
from schemas.personal import PERSONAL_NAMES

NAME, MOBILE, ADDRESS = "欧阳修文", "13812345678", "幸福路18号院3单元502"
PERSONAL = (NAME, MOBILE, ADDRESS)
SECRET = "s3cr3t-of-ylh"


@dataclass(frozen=True)
class Consignee:
    name: str
    mobile: str


class Colour(StrEnum):
    RED = "red"


personal = st.sampled_from(PERSONAL) | st.sampled_from(PERSONAL).map(lambda text: f"收货人 {text}!")
leaves = (
    personal
    | st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.just(Consignee(NAME, MOBILE))
    | st.just(ValueError(f"bad {NAME} {MOBILE} {ADDRESS}"))
    | st.just(UserString(NAME))
)
foreign_keys = (st.sampled_from(sorted(PERSONAL_NAMES)) | personal | st.text()).filter(lambda key: key not in ALLOWED)
# Below an allowed key stands what our own code puts there: numbers, and structures of which only allowed keys survive.
under_foreign = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | personal, inner, max_size=3),
    max_leaves=8,
)
nested = st.recursive(
    st.dictionaries(foreign_keys, under_foreign, max_size=3),
    lambda inner: (
        st.dictionaries(st.sampled_from(sorted(ALLOWED - CODES)), inner, max_size=3) | st.lists(inner, max_size=3)
    ),
    max_leaves=8,
)
anything = st.dictionaries(
    st.text(),
    st.recursive(
        st.text() | leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=6,
    ),
    max_size=3,
)


def rendered(fields: Mapping[str, object], redactor: Redactor | None = None) -> str:
    clean = (redactor or Redactor()).fields(fields)
    line = Line(1.0, "info", "sync", "consumer.test", "message", clean)
    return as_json(line).decode() + as_text(line, timezone=UTC, colours=False)


@given(
    st.dictionaries(foreign_keys, under_foreign, max_size=4),
    st.dictionaries(st.sampled_from(sorted(ALLOWED)), nested, max_size=3),
)
def test_no_personal_data_gets_into_a_line(foreign: dict[str, object], allowed: dict[str, object]) -> None:
    text = rendered({**foreign, **allowed})
    assert not any(value in text for value in PERSONAL)


@given(
    st.dictionaries(
        st.sampled_from(sorted(ALLOWED)) | st.text(),
        st.recursive(
            st.text().map(lambda text: f"{text}{SECRET}{text}"),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(ALLOWED)), inner, max_size=3)
            ),
        ),
        min_size=1,
    )
)
def test_a_secret_of_ours_gets_into_no_line_under_any_key(fields: dict[str, object]) -> None:
    assert SECRET not in rendered(fields, Redactor(secrets=frozenset({SECRET})))


@given(anything)
def test_every_line_can_be_read_back(fields: dict[str, object]) -> None:
    line = Line(1.5, "info", "sync", "consumer.test", "message", Redactor().fields(fields))
    record = json.loads(as_json(line))
    assert as_json(line).count(b"\n") == 1
    assert (record["time"], record["message"], record["stream"]) == ("1970-01-01T00:00:01.500Z", "message", "sync")
    assert as_text(line, timezone=UTC, colours=False).count("\n") == 1
    assert as_text(line, timezone=UTC, colours=False)[:-1].isprintable()


def test_the_allow_list_has_no_name_of_personal_data() -> None:
    assert not ALLOWED & PERSONAL_NAMES
    assert not ALLOWED & {
        "data",
        "body",
        "payload",
        "headers",
        "message",
        "input",
        "remark",
        "user",
        "password",
    }


def test_what_a_line_needs_is_kept() -> None:
    fields = {
        "event_id": "018f2f7e-0000-7000-8000-000000000000",
        "so_id": "SO.20190106.000003",
        "lane": "relay.orders",
        "attempt": 2,
        "duration_ms": 12.5,
        "outcome": "dead_lettered",
        "error_class": "unknown_outcome",
        "state": Colour.RED,
        "queues": ["relay.orders", "relay.orders.dlq"],
        "url": "https://www.yilihuo.com/ylh-cloud-mgt-auth/oauth/token",
    }
    assert Redactor().fields(fields) == {**fields, "state": "red"}


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00+00:00"),
        (timedelta(seconds=1.5), 1.5),
        (Decimal("1.20"), "1.20"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Path("/var/log"), "/var/log"),
        (float("nan"), "nan"),
        pytest.param(10**5000, "<int>", id="int"),
        (b"body", "<bytes>"),
        (Consignee(NAME, MOBILE), "<Consignee>"),
        ({"relay.orders"}, ["relay.orders"]),
    ],
)
def test_values_that_json_does_not_know_are_written_plainly(value: object, plain: object) -> None:
    assert Redactor().fields({"found_at": 1, "count": value})["count"] == plain


def test_an_unknown_key_shows_that_something_was_there() -> None:
    assert Redactor().fields({"consignee": {"name": NAME}, NAME: 1, "13812345678": 1}) == {"consignee": REDACTED}


def test_inside_a_value_not_even_an_unknown_key_is_shown() -> None:
    assert Redactor().fields({"count": {NAME: 1, "zhangsan": 2, "lane": "x"}}) == {"count": {"lane": "x", REDACTED: 2}}


def test_a_structure_that_holds_itself_comes_to_an_end() -> None:
    loop: dict[str, object] = {"lane": "x"}
    loop["queue"] = loop
    text = rendered({"queue": loop})
    assert text.count("lane") < 20


def test_long_values_are_cut() -> None:
    fields = Redactor().fields({"version": "x" * 10**6, "queues": list(range(10**4))})
    assert len(str(fields["version"])) == 1001
    assert str(fields["queues"]).endswith("… 9950 more']")


@pytest.mark.parametrize(
    "text",
    [
        "amqp://relay:hush@broker:5672/",
        "postgresql+asyncpg://relay:hu/sh@hush@db/relay",
        "Authorization: Bearer hush.hush-hush",
        "authorization=Basic aHVzaDpodXNo_hush",
        "{'password': 'hush hush', 'x': 1}",
        '{"access_token":"hush"}',
        "client_secret=hush&grant_type=password",
        "Sign=hush",
        "eyJhbGciOi.hush_payload.hush",
    ],
)
def test_a_credential_in_an_allowed_text_is_caught_by_its_look(text: str) -> None:
    assert "hush" not in Redactor().text(text)


@pytest.mark.parametrize(
    "phone", ["13812345678", "+8613812345678", "86 138 1234 5678", "138-1234-5678", "0532-88931234"]
)
def test_a_phone_number_in_an_allowed_text_is_caught_by_its_look(phone: str) -> None:
    shown = Redactor().text(f"call {phone}, please")
    assert not re.search(r"\d{4}", shown)
    assert shown.startswith("call ")
    assert Redactor().fields({"count": 13812345678}) == {"count": REDACTED}


def test_an_identifier_that_looks_like_a_phone_number_can_still_be_searched_for() -> None:
    assert Redactor().fields({"so_id": "13812345678"}) == {"so_id": "13812345678"}
    assert {"so_id", "event_id"} <= IDENTIFIERS


def test_a_code_is_written_and_a_sentence_in_its_place_is_not() -> None:
    redactor = Redactor()
    assert redactor.fields({"error": "consumer.domain.errors.Rejected", "code": "order_unknown"}) == {
        "error": "consumer.domain.errors.Rejected",
        "code": "order_unknown",
    }
    assert redactor.fields({"error": f"refused for {NAME}", "code": "no such"}) == {"error": REDACTED, "code": REDACTED}


def test_an_exception_as_value_says_its_type_and_speaks_only_if_vouched_for() -> None:
    redactor = Redactor(speaking=(KeyError,))
    assert redactor.fields({"error": ValueError(NAME)}) == {"error": f"ValueError: {REDACTED}"}
    assert redactor.fields({"error": KeyError("lane")}) == {"error": "KeyError: 'lane'"}
    assert redactor.fields({"error": ConnectionRefusedError(111, "Connection refused")}) == {
        "error": "ConnectionRefusedError: [Errno 111] Connection refused"
    }


def test_a_secret_that_is_learnt_later_is_hidden_from_then_on_beside_the_others() -> None:
    redactor = Redactor(secrets=frozenset({SECRET}))
    redactor.learn({"learnt-later"})
    redactor.learn({"learnt-last"})
    line = rendered({"url": f"{SECRET} learnt-later learnt-last"}, redactor)
    assert SECRET not in line
    assert "learnt" not in line
    assert "learnt" not in repr(redactor)

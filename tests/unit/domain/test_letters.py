"""How failures are put in words and grouped: nothing foreign is quoted, one cause is one group."""

from __future__ import annotations

import json
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.domain.errors import ErrorClass, Rejected, RelayError, Transient
from consumer.domain.letters import ErrorNote, fingerprint, letter_id, note_of
from consumer.domain.recoverability import Attempt, PauseLane, Policy, RetryIn, decide
from schemas.faults import FieldError, InvalidEvent
from tests.unit.domain import failures

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60)
NOTES = st.builds(
    ErrorNote,
    error_class=st.sampled_from(ErrorClass),
    code=st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True),
    message=TEXT,
    supplier=st.sampled_from([None, "ylh", "haier"]),
    supplier_code=st.none() | TEXT,
    supplier_message=st.none() | TEXT,
    traceback=st.none() | TEXT,
    fields=st.lists(st.fixed_dictionaries({"field": TEXT, "expected": TEXT, "input": TEXT}), max_size=3),
)


def group(words: str, *, code: str = "20001", kind: type[Rejected | Transient] = Rejected) -> str:
    error = kind("ours", code="refused", supplier="ylh", operation="create", supplier_code=code, supplier_message=words)
    return fingerprint(note_of(error))


ONE_CAUSE = [
    ("订单 SO20261122001 不存在", "订单 SO20261122999 不存在"),
    ("订单SO1001不存在", "订单SO2002不存在"),
    ("子单号 8812-77 重复推送", "子单号 9-1 重复推送"),
    ("余额不足：需要 2,999.00 元", "余额不足：需要 13.5 元"),
    ("预约日期2026-11-22不可选", "预约日期2026-12-01不可选"),
    ("order SO.20190106.000003 not found", "order SO.20250430.000001 not found"),
    ("order not found: BX0000001", "order not found: BX0000002"),
    ("price is 2999.00, expected 3299.00", "price is 1.00, expected 2"),
    (
        "request 6f0a3b52-6d1f-5c0e-9f0c-3f3a5c1b7a10 failed",
        "request 0f0a3b52-6d1f-5c0e-9f0c-3f3a5c1b7a11 failed",
    ),
    ("see https://ylh.test/e?id=1&so=2", "see https://ylh.test/e?id=77&so=AB"),
    ("retry   after  10 s", "retry after 20 s"),
]
TWO_CAUSES = [
    ("订单 SO1001 不存在", "订单 SO1001 已取消"),
    ("地址错误", "电话错误"),
    ("商品编码重复", "子单号重复"),
    ("order SO1001 not found", "order SO1001 cancelled already"),
    ("price is 2999.00", "balance is 2999.00"),
]


@pytest.mark.parametrize(("one", "other"), ONE_CAUSE)
def test_texts_that_differ_in_numbers_and_ids_alone_are_one_group(one: str, other: str) -> None:
    assert group(one) == group(other)


@pytest.mark.parametrize(("one", "other"), TWO_CAUSES)
def test_two_causes_are_two_groups(one: str, other: str) -> None:
    assert group(one) != group(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SO1001不存在", "SO1001重复推送"),
        ("订单：SO1001已取消", "订单：SO1001商品不可采"),
        ("商品 BX0000001库存不足", "商品 BX0000001已下架"),
    ],
)
def test_causes_written_right_behind_an_id_are_told_apart(one: str, other: str) -> None:
    assert group(one) != group(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("订单AB12CD不存在", "订单XY34ZK不存在"),
        ("token 9f3ac1 expired", "token 1d2b expired"),
    ],
)
def test_ids_of_any_letters_are_one_group(one: str, other: str) -> None:
    assert group(one) == group(other)


def test_class_supplier_and_code_tell_groups_apart() -> None:
    words = "订单不存在"
    assert len({group(words), group(words, code="20002"), group(words, kind=Transient)}) == 3


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_a_number_never_makes_a_group(one: int, other: int) -> None:
    for words in ("订单{}不存在", "order {} not found", "SO{} refused", "金额{}.00元"):
        assert group(words.format(one)) == group(words.format(other))


@given(NOTES)
def test_a_fingerprint_is_sixteen_digits_for_whatever_text(note: ErrorNote) -> None:
    found = fingerprint(note)
    assert len(found) == 16
    assert int(found, 16) >= 0
    assert found == fingerprint(note)


# ---- as it travels ----


@given(NOTES)
def test_a_note_comes_back_from_its_header_as_it_went(note: ErrorNote) -> None:
    assert ErrorNote.from_header(note.to_header()) == note


NOT_NOTES = ["", "no JSON", "[]", "null", "1", '"text"', "{}", '{"error_class": "unheard_of", "code": "a"}']
NOT_NOTES += ['{"error_class": "bug"}', '{"error_class": "bug", "code": "a", "message": "b", "more": 1}', "9" * 5000]


@pytest.mark.parametrize("text", NOT_NOTES)
def test_a_header_that_is_no_note_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the JSON reader's words and ours are both fine
        ErrorNote.from_header(text)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"error_class": "bug", "code": "a", "message": None}),
        json.dumps({"error_class": "bug", "code": 7, "message": "b"}),
        json.dumps({"error_class": "invalid_event", "code": "a", "message": "b", "fields": [{"foo": "bar"}]}),
        json.dumps({"error_class": "invalid_event", "code": "a", "message": "b", "fields": "text"}),
        "[" * 100_000,
    ],
)
def test_a_note_with_parts_of_another_shape_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - as above
        ErrorNote.from_header(text)


@given(NOTES)
def test_a_note_tells_whether_sending_again_can_help(note: ErrorNote) -> None:
    told = note.to_result()
    assert (told.error_class, told.code, told.message) == (note.error_class.value, note.code, note.message)
    if note.error_class in {ErrorClass.REJECTED, ErrorClass.INVALID_EVENT, ErrorClass.BUG}:
        assert told.retriable is False


def test_a_suppliers_words_fit_into_a_result_whatever_they_hold() -> None:
    assert note_of(failures.rejected(words="地址\0错误")).to_result().supplier_message


def test_what_recoverability_repeats_is_told_as_retriable() -> None:
    repeated = [failures.transient(), failures.unknown_outcome(), failures.throttled(), failures.misconfigured()]
    repeated += [failures.unauthorised(expired=True), failures.unauthorised(expired=False)]
    for error in repeated:
        assert isinstance(decide(error, Attempt(1, immediate=9), Policy()), RetryIn | PauseLane)
        assert note_of(error).to_result().retriable


# ---- in words ----


def caught(error: Exception, *, because: Exception | None = None) -> Exception:
    """Raise and catch, so that the error has a traceback."""
    try:
        raise error from because
    except type(error) as again:
        return again


SECRETS = st.text(alphabet="王小明海尔路0123456789abcdef", min_size=8, max_size=40)


@given(SECRETS, st.sampled_from([RuntimeError, KeyError, ValueError, OSError, AssertionError, UnicodeError]))
def test_the_text_of_a_foreign_error_never_reaches_a_note(secret: str, kind: type[Exception]) -> None:
    note = note_of(caught(RuntimeError(f"again: {secret}"), because=kind(secret)))
    assert secret not in note.to_header()
    assert secret not in json.loads(note.to_header())["message"]
    assert note.error_class is ErrorClass.BUG
    assert note.traceback is not None
    assert "test_letters.py" in note.traceback


def test_a_foreign_errors_note_and_group_are_kept_when_its_text_differs() -> None:
    notes = [note_of(caught(LookupError(text))) for text in ("13800000000", "王小明")]
    assert notes[0] == notes[1]
    assert fingerprint(notes[0]) == fingerprint(notes[1])


def test_a_long_way_down_is_cut_to_its_end() -> None:
    def down(depth: int) -> None:
        if depth == 0:
            raise RuntimeError("s3cret")
        down(depth - 1)

    try:
        down(300)
    except RuntimeError as error:
        whole = "".join(traceback.format_tb(error.__traceback__))
        note = note_of(error)
    assert note.traceback is not None
    assert len(note.traceback) <= 8_000 + len("RuntimeError")
    assert note.traceback.endswith("RuntimeError")
    assert whole.endswith(note.traceback.removesuffix("RuntimeError"))


def test_a_note_of_our_own_errors_has_their_words() -> None:
    refusal = note_of(failures.rejected("already_at_supplier", "子单号重复"))
    assert (refusal.error_class, refusal.code, refusal.supplier) == (ErrorClass.REJECTED, "already_at_supplier", "ylh")
    assert (refusal.supplier_code, refusal.supplier_message) == ("20001", "子单号重复")
    assert refusal.traceback is None
    assert note_of(failures.defect()).message == "nothing handles it"
    assert len(note_of(RelayError("长" * 5_000, code="long")).message) == 1_000


def test_a_broken_contract_names_its_fields_up_to_twenty() -> None:
    note = note_of(InvalidEvent([FieldError(f"data.f{n}", "a number", "nothing") for n in range(50)]))
    assert note.error_class is ErrorClass.INVALID_EVENT
    assert len(note.fields) == 20
    assert note.fields[0] == {"field": "data.f0", "expected": "a number", "input": "nothing"}


@given(st.lists(TEXT, min_size=1, max_size=5))
def test_the_same_parts_give_the_same_letter(parts: list[str]) -> None:
    assert letter_id(*parts) == letter_id(*parts)
    assert letter_id(*parts, "more") != letter_id(*parts)

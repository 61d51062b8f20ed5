"""Letters of one cause are one group, letters of two causes are two: a corpus, and laws."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.domain.errors import ErrorClass
from consumer.domain.fingerprints import essence
from consumer.domain.letters import ErrorNote, fingerprint

CORPUS: Final[list[list[str]]] = json.loads(Path(__file__).with_name("fingerprints.json").read_text(encoding="utf-8"))
"""Groups of texts; each group is one cause."""
SO_IDS = st.from_regex(r"[A-Z]{2,4}[-_.][0-9]{1,18}(?:[-_.][0-9]{1,3})?", fullmatch=True)
CODES = st.from_regex(r"[A-Z]{2}[0-9]{7}", fullmatch=True)
NAMES = st.text(alphabet="张王李赵陈欧阳司马小明丽华伟芳娜", min_size=2, max_size=4)
AMOUNTS = st.decimals(0, 99999, places=2).map(str)
MOBILES = st.from_regex(r"1[3-9][0-9]{9}(?:-[0-9]{3,4})?", fullmatch=True)
UUIDS = st.uuids().map(str)


def note(words: str) -> ErrorNote:
    return ErrorNote(ErrorClass.REJECTED, "rejected", "m", supplier="ylh", supplier_code="E", supplier_message=words)


def test_the_corpus_is_large_enough_to_mean_something() -> None:
    assert len(CORPUS) >= 40
    assert sum(map(len, CORPUS)) >= 80


@pytest.mark.parametrize("group", CORPUS, ids=lambda group: group[0])
def test_texts_of_one_cause_are_one_group(group: list[str]) -> None:
    assert len({essence(text) for text in group}) == 1, [essence(text) for text in group]


def test_two_causes_are_two_groups() -> None:
    for one, other in combinations(CORPUS, 2):
        assert essence(one[0]) != essence(other[0]), (one[0], other[0])


@given(SO_IDS, CODES, NAMES, AMOUNTS, MOBILES, UUIDS)
def test_what_names_one_order_or_person_makes_no_difference(
    so_id: str, code: str, name: str, amount: str, mobile: str, uuid: str
) -> None:
    text = "订单{}：商品{}缺货，收货人：{}，电话{}，金额￥{}元，流水{}"
    assert essence(text.format(so_id, code, name, mobile, amount, uuid)) == essence(
        text.format("SO-1", "BX0000001", "张三", "13800000000", "1.00", "0b6c0a3e-5f1d-4c52-9d8e-6f7a1b2c3d4e")
    )


@given(st.text(max_size=200))
def test_any_text_has_an_essence_that_is_its_own(text: str) -> None:
    once = essence(text)
    assert essence(text) == once
    assert once == once.strip()


def test_class_supplier_and_code_part_groups() -> None:
    words = "系统繁忙"
    notes = [
        note(words),
        ErrorNote(ErrorClass.TRANSIENT, "rejected", "m", supplier="ylh", supplier_code="E", supplier_message=words),
        ErrorNote(ErrorClass.REJECTED, "rejected", "m", supplier="haier", supplier_code="E", supplier_message=words),
        ErrorNote(ErrorClass.REJECTED, "rejected", "m", supplier="ylh", supplier_code="F", supplier_message=words),
    ]
    assert len({fingerprint(one) for one in notes}) == len(notes)


@pytest.mark.parametrize(
    ("words", "pinned"),
    [
        ("店铺未授权", "3600efe3d5bc5417"),
        ("库存不足，商品编码：BX0000001", "81594848ae5e7590"),
        ("consignee: Li Wei has no valid mobile", "a74de8ec3c2c491a"),
    ],
)
def test_stored_letters_stay_with_their_group(words: str, pinned: str) -> None:
    assert fingerprint(note(words)) == pinned, "letters in databases carry it: another one parts their groups"

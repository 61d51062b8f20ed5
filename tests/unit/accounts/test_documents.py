"""A config stored, shown, merged, compared: secrets come back whole, and are seen nowhere on the way."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from consumer.accounts import documents
from consumer.accounts.sealing import Unsealable, Vault, new_key
from consumer.settings import SECRET_KEYS, AccountRefused
from tests.unit.accounts.configs import GOOD, checked, plain
from tests.unit.accounts.configs import documents as configs

OLD, NEW = SecretStr(new_key()), SecretStr(new_key())
VAULT = Vault([OLD])


def texts_of(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


@given(configs())
def test_what_is_stored_is_read_back_and_holds_no_secret(document: dict[str, Any]) -> None:
    given_ = checked(document).given()
    text = documents.stored(given_, VAULT, "a1")
    assert documents.opened(text, VAULT, account_id="a1", name="main") == given_
    assert "hush" not in text
    assert checked(documents.opened(text, VAULT, account_id="a1", name="main")) == checked(document)


@given(configs(), configs())
def test_no_way_of_showing_shows_a_secret(one: dict[str, Any], two: dict[str, Any]) -> None:
    before, after = checked(one).given(), checked(two).given()
    seen = [
        documents.masked(documents.stored(before, VAULT, "a1"), "main"),
        documents.shown(before),
        # Also where somebody put it into the table without encrypting it.
        documents.masked(texts_of(one), "main"),
        [repr(difference) for difference in documents.differences(before, after)],
        [repr(difference) for difference in documents.differences({}, after)],
        repr(before),
        repr(checked(one)),
    ]
    assert "hush" not in texts_of(seen)


@given(configs(), configs())
def test_two_configs_differ_in_exactly_the_keys_that_are_told(one: dict[str, Any], two: dict[str, Any]) -> None:
    before, after = checked(one).given(), checked(two).given()
    told = {difference.key: difference for difference in documents.differences(before, after)}
    assert set(told) == {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    assert all(difference.before != difference.after for difference in told.values())
    assert documents.differences(before, before) == []


@given(configs(), st.data())
def test_a_shown_config_given_back_changes_nothing(document: dict[str, Any], data: st.DataObject) -> None:
    before = checked(document).given()
    shown = documents.shown(before)
    assert checked(documents.completed(shown, before, whose="It")).given() == before
    changed = {**shown, "customer_code": data.draw(st.from_regex(r"[0-9]{3}", fullmatch=True))}
    after = checked(documents.completed(changed, before, whose="It")).given()
    assert {key: after[key] for key in SECRET_KEYS & after.keys()} == {
        key: before[key] for key in SECRET_KEYS & before.keys()
    }


def test_a_mask_is_no_secret_where_none_is_stored() -> None:
    with pytest.raises(AccountRefused, match="client_secret: is \\*\\*\\*"):
        documents.completed({"client_secret": "***"}, None, whose="It")
    with pytest.raises(AccountRefused, match="customer_password"):
        documents.completed({"customer_password": "***"}, plain(GOOD), whose="It")


def test_changes_are_put_over_what_is_there_and_null_takes_away() -> None:
    merged = documents.merged(plain(GOOD), {"send_to_code": None, "supplier_code": "1002"})
    assert "send_to_code" not in merged
    assert merged["supplier_code"] == "1002"
    assert merged["password"] == SecretStr("hush-password")


@given(configs())
def test_a_rotation_changes_tokens_and_nothing_else(document: dict[str, Any]) -> None:
    given_ = checked(document).given()
    text = documents.stored(given_, VAULT, "a1")
    rotated, count = documents.resealed(text, Vault([NEW, OLD]), name="main")
    assert count == len(SECRET_KEYS & given_.keys())
    assert documents.opened(rotated, Vault([NEW]), account_id="a1", name="main") == given_
    assert documents.resealed(rotated, Vault([NEW]), name="main") == (rotated, 0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is no JSON: .* in line 1"),
        ("[]", "is no JSON object"),
        ('{"password": "hush", "password": "hush"}', "names password twice"),
        (b"\xff{}", "not in UTF-8"),
        (b"\xef\xbb\xbf{", "is no JSON"),
    ],
)
def test_what_is_no_config_is_refused_without_being_quoted(text: str | bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words) as refusal:
        documents.read_document(text)
    assert "hush" not in str(refusal.value)
    assert refusal.value.__cause__ is None


def test_what_is_stored_and_is_no_config_is_told_by_the_accounts_name() -> None:
    with pytest.raises(Unsealable, match="of the account main is no JSON"):
        documents.masked("rubbish", "main")

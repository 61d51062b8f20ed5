"""Secrets in the vault: read back with any of the keys, in their own place only, and never shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from consumer.accounts.sealing import Unsealable, Vault, new_key
from consumer.settings.values import fernet_keys

OLD, NEW, STRANGE = (SecretStr(new_key()) for _ in range(3))
PLACE = {"account_id": "a1", "key": "password"}


@given(st.text(min_size=1, max_size=50))
def test_what_is_sealed_is_read_back(secret: str) -> None:
    vault = Vault([OLD])
    token = vault.seal(SecretStr(secret), **PLACE)
    assert vault.unseal(token, **PLACE, name="main") == SecretStr(secret)


def test_the_first_key_encrypts_and_all_decrypt() -> None:
    old = Vault([OLD]).seal(SecretStr("hush"), **PLACE)
    both = Vault([NEW, OLD])
    assert both.unseal(old, **PLACE, name="main") == SecretStr("hush")
    new = both.seal(SecretStr("hush"), **PLACE)
    assert Vault([NEW]).unseal(new, **PLACE, name="main") == SecretStr("hush")
    with pytest.raises(Unsealable):
        Vault([OLD]).unseal(new, **PLACE, name="main")


def test_a_rotation_leaves_nothing_that_needs_the_old_key_and_a_second_one_nothing_to_do() -> None:
    token = Vault([OLD]).seal(SecretStr("hush"), **PLACE)
    rotated = Vault([NEW, OLD]).resealed(token, key="password", name="main")
    assert rotated is not None
    assert Vault([NEW]).unseal(rotated, **PLACE, name="main") == SecretStr("hush")
    assert Vault([NEW, OLD]).resealed(rotated, key="password", name="main") is None


@pytest.mark.parametrize(
    ("keys", "code", "words"),
    [
        ([], "secret_key_missing", "RELAY_SECRET_KEY is not set"),
        ([STRANGE], "secret_key_wrong", "the key in RELAY_SECRET_KEY"),
        ([STRANGE, NEW], "secret_key_wrong", "any of the 2 keys"),
    ],
)
def test_a_missing_or_wrong_key_is_one_sentence_with_its_cure(keys: list[SecretStr], code: str, words: str) -> None:
    token = Vault([OLD]).seal(SecretStr("hush"), **PLACE)
    for deed in (
        lambda: Vault(keys).unseal(token, **PLACE, name="main"),
        lambda: Vault(keys).resealed(token, key="password", name="main"),
    ):
        with pytest.raises(Unsealable) as refusal:
            deed()
        assert refusal.value.code == code
        assert words in refusal.value.message
        assert "password of the account main" in refusal.value.message
        assert refusal.value.__cause__ is None
        assert not any(key.get_secret_value() in str(refusal.value) for key in [*keys, OLD])


def test_nothing_is_stored_without_a_key() -> None:
    with pytest.raises(Unsealable, match="RELAY_SECRET_KEY, which encrypts them, is not set"):
        Vault([]).seal(SecretStr("hush"), **PLACE)


@pytest.mark.parametrize(
    "elsewhere", [{"account_id": "a2", "key": "password"}, {"account_id": "a1", "key": "client_secret"}]
)
def test_a_secret_copied_to_another_place_is_refused(elsewhere: dict[str, str]) -> None:
    vault = Vault([OLD])
    token = vault.seal(SecretStr("hush"), **PLACE)
    with pytest.raises(Unsealable, match="copied it within") as refusal:
        vault.unseal(token, **elsewhere, name="main")
    assert refusal.value.code == "sealed_for_another"


@pytest.mark.parametrize("token", ["", "no token", "gAAAAA=="])
def test_rubbish_is_no_secret(token: str) -> None:
    with pytest.raises(Unsealable):
        Vault([OLD]).unseal(token, **PLACE, name="main")


def test_a_new_key_is_one_that_the_settings_take_and_no_key_is_shown() -> None:
    key = new_key()
    assert fernet_keys(f"{key}, {OLD.get_secret_value()}") == (SecretStr(key), OLD)
    assert key not in repr(Vault([SecretStr(key)]))

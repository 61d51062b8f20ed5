"""A backup's file: comes back whole with its passphrase, says nothing without, and each refusal has its sentence."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from consumer.accounts.archive import (
    Archive,
    ArchivedAccount,
    ArchivedRevision,
    ArchiveUnusable,
    Cost,
    locked,
    unlocked,
)
from consumer.domain.account import AccountAction
from tests.unit.accounts.configs import GOOD, plain
from tests.unit.accounts.configs import documents as configs

PASSPHRASE = SecretStr("correct horse 电池")
CHEAP = Cost(n=2**4)
AT = datetime(2026, 5, 1, 12, 30, 1, 234567, tzinfo=UTC)


def revision(number: int, config: dict[str, Any], reason: str | None = None) -> ArchivedRevision:
    return ArchivedRevision(
        number=number,
        action=AccountAction.SET,
        config=plain(config),
        changed_by="li@ops-1",
        reason=reason,
        changed_at=AT,
    )


def archive(*configs_: dict[str, Any], reason: str | None = None) -> Archive:
    accounts = tuple(
        ArchivedAccount(
            id=str(UUID(int=place)), name=f"n{place}", is_active=place == 0, revisions=(revision(1, config, reason),)
        )
        for place, config in enumerate(configs_)
    )
    return Archive(made_at=AT, accounts=accounts)


@settings(max_examples=30)
@given(st.lists(configs(), max_size=3), st.none() | st.text(max_size=10))
def test_a_backup_comes_back_as_it_was_and_shows_nothing(documents: list[dict[str, Any]], reason: str | None) -> None:
    kept = archive(*documents, reason=reason)
    content = locked(kept, PASSPHRASE, CHEAP)
    assert unlocked(content, PASSPHRASE) == kept
    assert b"hush" not in content
    assert "hush" not in repr(kept)


def test_the_usual_cost_is_what_owasp_asks_for() -> None:
    head = json.loads(locked(archive(GOOD), PASSPHRASE))
    assert (head["kdf"], head["n"], head["r"], head["p"]) == ("scrypt", 131072, 8, 1)


def test_two_backups_of_the_same_have_no_key_in_common() -> None:
    one, two = (json.loads(locked(archive(GOOD), PASSPHRASE, CHEAP)) for _ in range(2))
    assert one["salt"] != two["salt"]


def test_a_short_passphrase_is_refused() -> None:
    with pytest.raises(ArchiveUnusable, match="at least 12 characters") as refusal:
        locked(archive(GOOD), SecretStr("short"), CHEAP)
    assert refusal.value.code == "weak_passphrase"


def changed(**head: object) -> bytes:
    return json.dumps({**json.loads(locked(archive(GOOD), PASSPHRASE, CHEAP)), **head}).encode()


@pytest.mark.parametrize(
    ("content", "passphrase", "code"),
    [
        (changed(), "another passphrase", "wrong_passphrase"),
        (changed(sealed="gAAAA"), PASSPHRASE.get_secret_value(), "wrong_passphrase"),
        (changed(n=32), PASSPHRASE.get_secret_value(), "wrong_passphrase"),
        (changed(n=7), PASSPHRASE.get_secret_value(), "wrong_passphrase"),
        (changed(salt="!"), PASSPHRASE.get_secret_value(), "wrong_passphrase"),
        (changed(n=2**30), PASSPHRASE.get_secret_value(), "not_a_backup"),
        (changed(version=2), PASSPHRASE.get_secret_value(), "newer_backup"),
        (changed(more=1), PASSPHRASE.get_secret_value(), "not_a_backup"),
        (json.dumps(GOOD).encode(), PASSPHRASE.get_secret_value(), "not_a_backup"),
        (b"\xff\x00", PASSPHRASE.get_secret_value(), "not_a_backup"),
        (b"[]", PASSPHRASE.get_secret_value(), "not_a_backup"),
    ],
)
def test_what_cannot_be_restored_says_why(content: bytes, passphrase: str, code: str) -> None:
    with pytest.raises(ArchiveUnusable) as refusal:
        unlocked(content, SecretStr(passphrase))
    assert refusal.value.code == code
    assert "hush" not in str(refusal.value)


def test_a_history_with_a_gap_is_no_backup() -> None:
    account = ArchivedAccount.model_construct(
        id=str(UUID(int=1)), name="n", is_active=False, revisions=(revision(1, GOOD), revision(3, GOOD))
    )
    content = locked(Archive.model_construct(made_at=AT, accounts=(account,)), PASSPHRASE, CHEAP)
    with pytest.raises(ArchiveUnusable, match="gap between its revisions") as refusal:
        unlocked(content, PASSPHRASE)
    assert "hush" not in str(refusal.value)

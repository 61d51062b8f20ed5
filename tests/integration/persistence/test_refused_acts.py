"""An act that a rule refuses is in the audit log like one that was done; what is no refusal is not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from cryptography.fernet import Fernet

from consumer.accounts.desk import NoSuchAccount
from consumer.domain.audit import AuditEntry, ChainKey, chain
from consumer.domain.errors import BooksUnavailable, Rejected, RelayError
from consumer.persistence.store import Store
from consumer.settings import AccountRefused, Problem
from ops.acting import act, acting, refused
from ops.cli.failing import ExitCode, Failure

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

KEY = ChainKey.derived(Fernet.generate_key().decode())


@pytest.fixture
async def signing(migrated_url: str) -> AsyncIterator[Store]:
    async with Store.open(migrated_url, chain_key=KEY) as opened:
        yield opened


def entry(subject: str = "7") -> AuditEntry:
    return act("sync.cancel", subject, "wrong county", {"batches": 3})


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (Failure("No sync 7 is under way; nothing was done."), "No sync 7 is under way; nothing was done."),
        (Failure("Someone has it already.", ExitCode.STOPPED_BY_GUARD), "Someone has it already."),
        (Failure("Needs --yes.", ExitCode.NOT_ALLOWED), "Needs --yes."),
        (NoSuchAccount("there is no account x.", code="no_such_account"), "there is no account x."),
        (
            AccountRefused("The config of x", [Problem("client_id", "is 'secret?'", "a text")]),
            "The config of x has one fault",
        ),
        (RelayError("x" * 1000, code="long"), "x" * 300),
    ],
)
async def test_a_refusal_is_signed_and_goes_on_its_way(signing: Store, error: Exception, told: str) -> None:
    with pytest.raises(type(error)) as raised:
        async with acting(signing, entry()):
            raise error
    assert raised.value is error
    [row] = await signing.audit_log()
    assert (row.action, row.subject, row.reason) == ("sync.cancel", "7", "wrong county")
    assert json.loads(row.detail) == {"batches": 3, "refused": told}
    assert "@" in row.actor
    assert row.mac == chain(KEY, None, row)


@pytest.mark.parametrize(
    "error",
    [
        Failure("--reason is empty", ExitCode.USAGE),
        Failure("the broker is away", ExitCode.OUT_OF_REACH),
        BooksUnavailable("the database is away", code="busy"),
        Rejected("no", code="no", supplier="ylh", operation="create"),
        KeyError("a fault of ours"),
    ],
)
async def test_what_is_no_refusal_is_not_written(store: Store, error: Exception) -> None:
    with pytest.raises(type(error)):
        async with acting(store, entry()):
            raise error
    assert await store.audit_log() == []


async def test_what_is_done_is_written_by_the_deed_alone(store: Store) -> None:
    tried = entry()
    async with acting(store, tried):
        await store.audit(tried)
    [row] = await store.audit_log()
    assert json.loads(row.detail) == {"batches": 3}


async def test_a_refusal_is_told_also_where_it_cannot_be_written(migrated_url: str) -> None:
    async def away(_entry: AuditEntry) -> None:
        raise BooksUnavailable("the database is away", code="busy")

    async with Store.open(migrated_url) as store:
        store.audit = away  # type: ignore[method-assign, assignment]  # a database that is away in this very moment
        with pytest.raises(Failure, match="nothing was done"):
            async with acting(store, entry()):
                raise Failure("nothing was done")


async def test_what_a_terminal_of_another_encoding_sent_is_kept_as_it_can_be(store: Store) -> None:
    row = await refused(store, entry("\udcff7"), "sync \udcff7\nis not there")
    assert row.subject == "?7"
    assert json.loads(row.detail)["refused"] == "sync ?7"

"""Stored accounts as rows that a command shows: never with a secret in them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from consumer.accounts import documents
from consumer.accounts.desk import NoSuchAccount, found_revision
from consumer.accounts.sealing import Unsealable, Vault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.accounts.choosing import AccountInUse
    from consumer.accounts.desk import Done
    from consumer.domain.account import Account, AccountRevision
    from consumer.persistence.accounts import AccountBook, StoredAccounts
    from consumer.settings import Settings

Row = dict[str, Any]


async def listed(accounts: StoredAccounts) -> list[Row]:
    """Return a row for each account, by name."""
    return await accounts.look(lambda book: [_line(account, book.history(account.id)[-1]) for account in book.all()])


async def found(accounts: StoredAccounts, name: str | None) -> tuple[Account, Sequence[AccountRevision]] | None:
    """Return the account ``name`` with its history, or the active one for None; None: no stored one is active.

    Raises:
        NoSuchAccount: there is no account of that name.
    """

    def look(book: AccountBook) -> tuple[Account, Sequence[AccountRevision]] | None:
        account = book.active() if name is None else book.find(name)
        return None if account is None else (account, book.history(account.id))

    seen = await accounts.look(look)
    if seen is None and name is not None:
        raise NoSuchAccount(
            f"there is no stored account {name}. `relay config list` shows all.", code="no_such_account"
        )
    return seen


def shown(account: Account, history: Sequence[AccountRevision], number: int | None) -> Row:
    """Return an account as it is, or as it was at revision ``number``.

    Raises:
        NoSuchAccount: it has no such revision.
    """
    revision = history[-1] if number is None else found_revision(history, number, account.name)
    return {
        "name": account.name,
        "config_id": account.id,
        "active": account.is_active,
        **_made(revision),
        "config": documents.masked(revision.config, account.name),
        "revisions": [_made(one) for one in history],
    }


def shown_environment(account: AccountInUse) -> Row:
    """Return the environment's account in the same shape."""
    given = account.haier.model_dump(exclude_unset=True)
    return {
        "name": None,
        "config_id": None,
        "active": True,
        "revision": None,
        "config": documents.shown(given),
        "revisions": [],
    }


def compared(
    settings: Settings, account: Account, history: Sequence[AccountRevision], before: int, after: int | None
) -> list[Row]:
    """Return what changed from revision ``before`` to ``after`` (None: the newest), key by key.

    Raises:
        NoSuchAccount: it has no such revision.
        Unsealable: a secret cannot be decrypted, so that nobody can tell whether it is another one.
    """
    vault = Vault(settings.service.secret_keys)
    old = found_revision(history, before, account.name)
    new = history[-1] if after is None else found_revision(history, after, account.name)
    plain = [documents.opened(one.config, vault, account_id=account.id, name=account.name) for one in (old, new)]
    return [asdict(one) for one in documents.differences(*plain)]


def done(deed: Done) -> Row:
    """Return what a change came to."""
    return {
        "name": deed.account.name,
        "config_id": deed.account.id,
        "revision": deed.account.revision,
        "active": deed.account.is_active,
        "changed": deed.changed,
        "instead_of": deed.instead_of,
        "differences": None if deed.differences is None else [asdict(one) for one in deed.differences],
    }


def _line(account: Account, newest: AccountRevision) -> Row:
    try:
        config = documents.masked(account.config, account.name)
    except Unsealable:
        # `relay config check` says what is wrong with it; the others are listed all the same.
        config = {}
    return {
        "name": account.name,
        "config_id": account.id,
        "active": account.is_active,
        "revision": account.revision,
        "client_id": config.get("client_id"),
        "customer_code": config.get("customer_code"),
        "base_url": config.get("base_url"),
        "changed_at": newest.changed_at,
        "changed_by": newest.changed_by,
        "created_at": account.created_at,
    }


def _made(revision: AccountRevision) -> Row:
    return {
        "revision": revision.number,
        "action": revision.action.value,
        "changed_by": revision.changed_by,
        "changed_at": revision.changed_at,
        "reason": revision.reason,
    }

"""Between the database and a backup: taking all accounts with their history, and putting them back.

On a new machine what comes back is what was there. Where accounts are stored already nothing is lost: one that is
known by its name gets the backup's config as a new revision, and what is active stays active.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import uuid4

from consumer.accounts import documents
from consumer.accounts.archive import Archive, ArchivedAccount, ArchivedRevision
from consumer.accounts.desk import audited, revised
from consumer.accounts.sealing import Unsealable
from consumer.domain.account import Account, AccountAction, AccountRevision

if TYPE_CHECKING:
    from consumer.accounts.desk import Check, Deed
    from consumer.accounts.sealing import Vault
    from consumer.persistence.accounts import AccountBook, StoredAccounts


class Fate(StrEnum):
    """What a restore does with an account."""

    ADDED = "added"
    CHANGED = "changed"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class Restored:
    """One account of a backup.

    Attributes:
        name: of the account.
        fate: what was done, or would be.
        revision: its newest one.
        is_active: whether it serves now.
    """

    name: str
    fate: Fate
    revision: int
    is_active: bool


class Archiving:
    """Takes and puts back all accounts.

    Args:
        accounts: of the store.
        vault: decrypts them, and encrypts them again.
        check: what an account that is going to serve must pass.
    """

    def __init__(self, accounts: StoredAccounts, vault: Vault, check: Check) -> None:
        self._accounts = accounts
        self._vault = vault
        self._check = check

    async def take(self, deed: Deed) -> Archive:
        """Return everything that is stored, decrypted, and write down that it was taken.

        Raises:
            Unsealable: a secret cannot be decrypted.
        """

        def work(book: AccountBook) -> Archive:
            archive = Archive(made_at=deed.at, accounts=tuple(self._archived(book, one) for one in book.all()))
            detail = {"accounts": len(archive.accounts)}
            book.audit(deed.entry("config.backup", None, detail))
            return archive

        return await self._accounts.change(work)

    async def known(self, archive: Archive) -> list[str]:
        """Return which accounts of ``archive`` would be changed by `put_back`: those stored with another config."""

        def work(book: AccountBook) -> list[str]:
            stored = {account.name: account for account in book.all()}
            return [
                one.name for one in archive.accounts if one.name in stored and not self._same(stored[one.name], one)
            ]

        return await self._accounts.look(work)

    async def put_back(self, archive: Archive, deed: Deed) -> list[Restored]:
        """Restore all accounts of ``archive``, or none.

        Raises:
            AccountRefused: one that would serve breaks the rules of today.
            Unsealable: there is no key to encrypt with.
        """

        def work(book: AccountBook) -> list[Restored]:
            return [self._put_back(book, one, deed) for one in archive.accounts]

        return await self._accounts.change(work)

    def _put_back(self, book: AccountBook, archived: ArchivedAccount, deed: Deed) -> Restored:
        account = book.find(archived.name)
        serve = archived.is_active and book.active() is None
        if account is None:
            fate, account = Fate.ADDED, self._added(book, archived, deed)
        elif self._same(account, archived):
            fate = Fate.SAME
        else:
            fate = Fate.CHANGED
            config = documents.stored(archived.revisions[-1].config, self._vault, account.id)
            account = revised(book, replace(account, config=config), AccountAction.RESTORE, deed)
        if serve and not account.is_active:
            account = revised(book, replace(account, is_active=True), AccountAction.ACTIVATE, deed)
        if account.is_active:
            self._check(archived.revisions[-1].config, whose=f"The config of {account.name}")
        if fate is not Fate.SAME or serve:
            audited(book, account, "config.restore", deed, fate=fate.value)
        return Restored(account.name, fate, account.revision, account.is_active)

    def _added(self, book: AccountBook, archived: ArchivedAccount, deed: Deed) -> Account:
        """Write an account that is not there with its history, inactive unless it is to serve just as it did."""
        taken = {account.id for account in book.all()}
        id_ = str(uuid4()) if archived.id in taken else archived.id
        history = [self._revision(one, id_) for one in archived.revisions]
        newest = history[-1]
        active = archived.is_active and book.active() is None
        account = Account(
            id_, archived.name, newest.config, active, newest.number, history[0].changed_at, newest.changed_at
        )
        book.add(account)
        for revision in history:
            book.record(revision)
        if archived.is_active and not active:
            return revised(book, account, AccountAction.DEACTIVATE, deed)
        return account

    def _revision(self, archived: ArchivedRevision, account_id: str) -> AccountRevision:
        return AccountRevision(
            account_id,
            archived.number,
            archived.action,
            documents.stored(archived.config, self._vault, account_id),
            archived.changed_by,
            archived.reason,
            archived.changed_at,
        )

    def _same(self, account: Account, archived: ArchivedAccount) -> bool:
        try:
            plain = documents.opened(account.config, self._vault, account_id=account.id, name=account.name)
        except Unsealable:
            # Restoring it is the cure.
            return False
        return plain == archived.revisions[-1].config

    def _archived(self, book: AccountBook, account: Account) -> ArchivedAccount:
        return ArchivedAccount(
            id=account.id,
            name=account.name,
            is_active=account.is_active,
            revisions=tuple(
                ArchivedRevision(
                    number=one.number,
                    action=one.action,
                    config=documents.opened(one.config, self._vault, account_id=account.id, name=account.name),
                    changed_by=one.changed_by,
                    reason=one.reason,
                    changed_at=one.changed_at,
                )
                for one in book.history(account.id)
            ),
        )

"""What a person can do with stored accounts. Each deed is one transaction: account, revision, row in the audit log."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol
from uuid import uuid4

from consumer.accounts import documents
from consumer.accounts.sealing import Unsealable
from consumer.domain.account import NAME, Account, AccountAction, AccountRevision
from consumer.domain.audit import AuditEntry
from consumer.domain.errors import RelayError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from consumer.accounts.documents import Difference, Plain
    from consumer.accounts.sealing import Vault
    from consumer.persistence.accounts import AccountBook, StoredAccounts
    from consumer.settings import AccountConfig


class Check(Protocol):
    """`consumer.settings.check_account` with the service's own settings."""

    def __call__(self, document: Mapping[str, object], *, whose: str) -> AccountConfig:
        """Return the config.

        Raises:
            AccountRefused: with every fault.
        """
        ...


class NoSuchAccount(RelayError):
    """There is no account, or no revision of it, by this name."""


@dataclass(frozen=True, slots=True)
class Deed:
    """Who does it, when, and why."""

    actor: str
    at: datetime
    reason: str | None = None

    def entry(
        self, action: str, subject: str | None, detail: Mapping[str, str | int | None] | None = None
    ) -> AuditEntry:
        """Return it as it stands in the audit log, done to the account called ``subject``."""
        return AuditEntry(self.actor, action, self.at, subject, self.reason, detail or {})


@dataclass(frozen=True, slots=True)
class Done:
    """What a deed came to.

    Attributes:
        account: as it is now.
        changed: False if it was so already: then nothing was written.
        differences: of the config, fit to be shown; None where the config before could not be read.
        instead_of: the name of the account that was active before, where another one became active.
    """

    account: Account
    changed: bool
    differences: list[Difference] | None
    instead_of: str | None = None


@dataclass(frozen=True, slots=True)
class Resealed:
    """What a rotation of keys came to: counts of secrets encrypted anew, and in how many accounts and revisions."""

    secrets: int
    accounts: int
    revisions: int


class AccountDesk:
    """Changes stored accounts.

    Args:
        accounts: of the store.
        vault: encrypts their secrets.
        check: says what is wrong with a config.
    """

    def __init__(self, accounts: StoredAccounts, vault: Vault, check: Check) -> None:
        self._accounts = accounts
        self._vault = vault
        self._check = check

    async def set(self, name: str, document: Mapping[str, Any], deed: Deed) -> Done:
        """Give the account ``name``, which need not be there yet, a new config in place of the old one.

        Args:
            name: of the account.
            document: the config; in it, a mask means the secret that is stored.
            deed: who and why.

        Raises:
            AccountRefused: the config has faults.
            NoSuchAccount: the name is not possible.
            Unsealable: there is no key to encrypt with.
        """
        if NAME.fullmatch(name) is None:
            raise NoSuchAccount(
                f'"{name}" cannot be the name of an account: it has 1 to 64 letters, digits, "_", "." or "-".',
                code="bad_name",
            )

        def work(book: AccountBook) -> Done:
            account = book.find(name)
            if account is None:
                account = Account(
                    str(uuid4()), name, "{}", is_active=False, revision=0, created_at=deed.at, updated_at=deed.at
                )
                book.add(account)
            before = self._before(account)
            return self._renewed(book, account, before, self._checked(document, before, name), deed)

        return await self._accounts.change(work)

    async def amend(self, name: str, changes: Mapping[str, Any], deed: Deed) -> Done:
        """Change some keys of the account ``name`` and leave the others as they are; null takes a key away.

        Raises:
            AccountRefused: the config that comes of it has faults.
            NoSuchAccount: there is none.
            Unsealable: what is stored cannot be decrypted.
        """

        def work(book: AccountBook) -> Done:
            account = _found(book, name)
            before = self._opened(account, account.config)
            plain = self._checked(documents.merged(before, changes), before, name)
            return self._renewed(book, account, before, plain, deed)

        return await self._accounts.change(work)

    def _renewed(self, book: AccountBook, account: Account, before: Plain | None, plain: Plain, deed: Deed) -> Done:
        if before == plain:
            return Done(account, changed=False, differences=[])
        account = replace(account, config=documents.stored(plain, self._vault, account.id))
        account = revised(book, account, AccountAction.SET, deed)
        audited(book, account, "config.set", deed)
        told = None if before is None else documents.differences(before, plain)
        return Done(account, changed=True, differences=told)

    async def activate(self, name: str, deed: Deed) -> Done:
        """Let the account ``name`` serve; the one that did is inactive from then on.

        Raises:
            NoSuchAccount: there is none.
            Unsealable: it cannot be decrypted.
            AccountRefused: it breaks the rules of today.
        """

        def work(book: AccountBook) -> Done:
            account = _found(book, name)
            self._checked(self._opened(account, account.config), None, name)
            active = book.active()
            if active is not None and active.id == account.id:
                return Done(account, changed=False, differences=[])
            if active is not None:
                revised(book, replace(active, is_active=False), AccountAction.DEACTIVATE, deed)
            account = revised(book, replace(account, is_active=True), AccountAction.ACTIVATE, deed)
            instead_of = None if active is None else active.name
            audited(book, account, "config.activate", deed, instead_of=instead_of)
            return Done(account, changed=True, differences=[], instead_of=instead_of)

        return await self._accounts.change(work)

    async def deactivate(self, deed: Deed) -> Done | None:
        """Let no stored account serve, so that the environment does; None: none did."""

        def work(book: AccountBook) -> Done | None:
            active = book.active()
            if active is None:
                return None
            account = revised(book, replace(active, is_active=False), AccountAction.DEACTIVATE, deed)
            audited(book, account, "config.deactivate", deed)
            return Done(account, changed=True, differences=[])

        return await self._accounts.change(work)

    async def restore(self, name: str, number: int, deed: Deed) -> Done:
        """Give the account ``name`` the config of its revision ``number`` again, as a new revision.

        Raises:
            NoSuchAccount: there is no such account or revision.
            Unsealable: the revision cannot be decrypted.
            AccountRefused: it breaks the rules of today.
        """

        def work(book: AccountBook) -> Done:
            account = _found(book, name)
            wanted = found_revision(book.history(account.id), number, name)
            before = self._before(account)
            plain = self._checked(self._opened(account, wanted.config), None, f"{name}, revision {number},")
            if before == plain:
                return Done(account, changed=False, differences=[])
            account = replace(account, config=documents.stored(plain, self._vault, account.id))
            account = revised(book, account, AccountAction.RESTORE, deed)
            audited(book, account, "config.restore", deed, from_revision=number)
            told = None if before is None else documents.differences(before, plain)
            return Done(account, changed=True, differences=told)

        return await self._accounts.change(work)

    async def reseal(self, deed: Deed) -> Resealed:
        """Encrypt everything that is stored with the first key; no revision, since no config changes.

        Raises:
            Unsealable: a secret cannot be decrypted; nothing was changed.
        """

        def work(book: AccountBook) -> Resealed:
            secrets = accounts = revisions = 0
            for account in book.all():
                text, count = documents.resealed(account.config, self._vault, name=account.name)
                if count:
                    book.reseal_account(account, text)
                    secrets, accounts = secrets + count, accounts + 1
                for revision in book.history(account.id):
                    text, count = documents.resealed(revision.config, self._vault, name=account.name)
                    if count:
                        book.reseal_revision(revision, text)
                        secrets, revisions = secrets + count, revisions + 1
            if secrets:
                detail = {"secrets": secrets, "accounts": accounts, "revisions": revisions}
                book.audit(deed.entry("config.reseal", None, detail))
            return Resealed(secrets, accounts, revisions)

        return await self._accounts.change(work)

    def _opened(self, account: Account, text: str) -> Plain:
        return documents.opened(text, self._vault, account_id=account.id, name=account.name)

    def _before(self, account: Account) -> Plain | None:
        try:
            return self._opened(account, account.config)
        except Unsealable:
            # It is about to be replaced, which is the cure; a mask in the new config is refused for want of a secret.
            return None

    def _checked(self, document: Mapping[str, Any], before: Plain | None, name: str) -> Plain:
        whose = f"The config of {name}"
        return self._check(documents.completed(document, before, whose=whose), whose=whose).given()


def found_revision(history: Sequence[AccountRevision], number: int, name: str) -> AccountRevision:
    """Return revision ``number`` of the account ``name``.

    Raises:
        NoSuchAccount: there is none.
    """
    for revision in history:
        if revision.number == number:
            return revision
    raise NoSuchAccount(
        f"the account {name} has no revision {number}; it has 1 to {len(history)}: see `relay config show {name}`.",
        code="no_such_revision",
    )


def _found(book: AccountBook, name: str) -> Account:
    account = book.find(name)
    if account is None:
        raise NoSuchAccount(
            f"there is no stored account {name}. `relay config list` shows all.", code="no_such_account"
        )
    return account


def revised(book: AccountBook, account: Account, action: AccountAction, deed: Deed) -> Account:
    """Write ``account`` as it is to be, with its next revision; return it with that number."""
    revised = replace(account, revision=account.revision + 1, updated_at=deed.at)
    book.update(revised)
    book.record(AccountRevision(revised.id, revised.revision, action, revised.config, deed.actor, deed.reason, deed.at))
    return revised


def audited(book: AccountBook, account: Account, action: str, deed: Deed, **more: str | int | None) -> None:
    """Write down what was done to ``account``."""
    detail = {"config_id": account.id, "revision": account.revision, **more}
    book.audit(deed.entry(action, account.name, detail))

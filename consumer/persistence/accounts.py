"""``haier_config`` and its revisions: stored accounts, changed one at a time, each change with its audit row."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import bindparam, insert, select, text, update

from consumer.domain.account import Account, AccountAction, AccountRevision
from consumer.persistence import tables

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from consumer.domain.audit import AuditEntry
    from consumer.persistence.audit import Audit
    from consumer.persistence.engine import Database

T = TypeVar("T")

_ACCOUNTS = tables.haier_config
_REVISIONS = tables.haier_config_revisions

_ALL = select(_ACCOUNTS).order_by(_ACCOUNTS.c.name)
_BY_NAME = select(_ACCOUNTS).where(_ACCOUNTS.c.name == bindparam("name"))
_ACTIVE = select(_ACCOUNTS).where(_ACCOUNTS.c.is_active)
_HISTORY = select(_REVISIONS).where(_REVISIONS.c.config_id == bindparam("id")).order_by(_REVISIONS.c.revision)
_UPDATE = (
    update(_ACCOUNTS)
    .where(_ACCOUNTS.c.id == bindparam("whose"))
    .values({name: bindparam(name) for name in ("config", "is_active", "revision", "updated_at")})
)
_RESEAL_ACCOUNT = update(_ACCOUNTS).where(_ACCOUNTS.c.id == bindparam("whose")).values(config=bindparam("sealed"))
_RESEAL_REVISION = (
    update(_REVISIONS)
    .where(_REVISIONS.c.config_id == bindparam("whose"), _REVISIONS.c.revision == bindparam("which"))
    .values(config=bindparam("sealed"))
)
# Whoever decides by what is stored must find it unchanged when he writes. On SQLite one transaction writes at a time.
_ALONE = text("LOCK TABLE haier_config IN SHARE ROW EXCLUSIVE MODE")


class AccountBook:
    """The stored accounts within one transaction."""

    def __init__(self, connection: Connection, audit: Audit) -> None:
        self._connection = connection
        self._audit = audit

    def all(self) -> list[Account]:
        """Return every account, by name."""
        return [_account(row) for row in self._connection.execute(_ALL)]

    def find(self, name: str) -> Account | None:
        """Return the account called ``name``."""
        row = self._connection.execute(_BY_NAME, {"name": name}).one_or_none()
        return None if row is None else _account(row)

    def active(self) -> Account | None:
        """Return the active account."""
        row = self._connection.execute(_ACTIVE).one_or_none()
        return None if row is None else _account(row)

    def history(self, account_id: str) -> list[AccountRevision]:
        """Return all revisions of an account, the oldest first."""
        return [_revision(row) for row in self._connection.execute(_HISTORY, {"id": account_id})]

    def add(self, account: Account) -> None:
        """Write a new account; its revisions follow (`record`)."""
        self._connection.execute(insert(_ACCOUNTS), asdict(account))

    def update(self, account: Account) -> None:
        """Write the new state of an account that is there."""
        self._connection.execute(
            _UPDATE,
            {
                "whose": account.id,
                "config": account.config,
                "is_active": account.is_active,
                "revision": account.revision,
                "updated_at": account.updated_at,
            },
        )

    def record(self, revision: AccountRevision) -> None:
        """Write a revision of an account that is there."""
        self._connection.execute(
            insert(_REVISIONS),
            {
                "config_id": revision.account_id,
                "revision": revision.number,
                "action": revision.action.value,
                "config": revision.config,
                "changed_by": revision.changed_by,
                "reason": revision.reason,
                "changed_at": revision.changed_at,
            },
        )

    def reseal_account(self, account: Account, config: str) -> None:
        """Put the same config, encrypted anew, in place of the stored one; that is no revision."""
        self._connection.execute(_RESEAL_ACCOUNT, {"whose": account.id, "sealed": config})

    def reseal_revision(self, revision: AccountRevision, config: str) -> None:
        """As `reseal_account`, of a revision."""
        self._connection.execute(
            _RESEAL_REVISION, {"whose": revision.account_id, "which": revision.number, "sealed": config}
        )

    def audit(self, entry: AuditEntry) -> None:
        """Write down who did this and why; the last thing in a transaction (`Audit.add`)."""
        self._audit.add(self._connection, entry)


class StoredAccounts:
    """Stored accounts; `consumer.persistence.store.Store.accounts`.

    Every method raises `DatabaseUnavailable` when the database cannot be used now.
    """

    def __init__(self, database: Database, audit: Audit) -> None:
        self._database = database
        self._audit = audit

    async def change(self, work: Callable[[AccountBook], T]) -> T:
        """Run ``work`` in a transaction of its own, while nobody else changes an account; what it raises undoes it."""

        def alone(connection: Connection) -> T:
            if connection.dialect.name == "postgresql":
                connection.execute(_ALONE)
            return work(AccountBook(connection, self._audit))

        return await self._database.write(alone)

    async def look(self, work: Callable[[AccountBook], T]) -> T:
        """Run ``work``, which only reads."""
        return await self._database.read(lambda connection: work(AccountBook(connection, self._audit)))

    async def active(self) -> Account | None:
        """Return the active account; cheap enough to be asked every few seconds."""
        return await self.look(AccountBook.active)


def _account(row: Any) -> Account:
    return Account(row.id, row.name, row.config, row.is_active, row.revision, row.created_at, row.updated_at)


def _revision(row: Any) -> AccountRevision:
    return AccountRevision(
        row.config_id,
        row.revision,
        AccountAction(row.action),
        row.config,
        row.changed_by,
        row.reason,
        row.changed_at,
    )

"""Which account at Haier serves: the active stored one; with none, the environment's (SUPPLIERS, Haier, Settings)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Self

from consumer.accounts import documents
from consumer.accounts.sealing import Vault
from consumer.settings import HaierSettings, Origin, SettingsError, SyncDefaults, check_account, secrets_of

if TYPE_CHECKING:
    from consumer.accounts.desk import Check
    from consumer.domain.account import Account
    from consumer.persistence.accounts import StoredAccounts
    from consumer.settings import Settings


@dataclass(frozen=True, slots=True)
class AccountInUse:
    """An account that can serve.

    Attributes:
        haier: the account.
        sync: its defaults for syncs.
        config_id: of the stored account; None: the environment's. ``haier_sync_log.config_id`` gets it.
        name: of the stored account.
        revision: of the stored account.
    """

    haier: HaierSettings
    sync: SyncDefaults
    config_id: str | None = None
    name: str | None = None
    revision: int | None = None

    def secrets(self) -> frozenset[str]:
        """Return every secret value, for the log's redaction; never to be shown."""
        return frozenset(secrets_of(self.haier))

    @property
    def origin(self) -> Origin:
        """Where its settings stand."""
        return Origin(self.name)

    @property
    def told(self) -> str:
        """Name it for a person."""
        if self.name is None:
            return "the account of the environment (HAIER_*)"
        return f"the stored account {self.name}, revision {self.revision}"


class AccountChoice:
    """Chooses.

    Args:
        accounts: of the store.
        vault: decrypts them.
        check: the rules that the account must keep.
        environment: the account of the environment; None where that has none, or no good one.
    """

    def __init__(self, accounts: StoredAccounts, vault: Vault, check: Check, environment: HaierSettings | None) -> None:
        self._accounts = accounts
        self._vault = vault
        self._check = check
        self._environment = environment

    @classmethod
    def of(cls, settings: Settings, accounts: StoredAccounts) -> Self:
        """Return the choice of a process with these settings."""
        return cls(accounts, Vault(settings.service.secret_keys), rules_of(settings), environment_of(settings))

    async def active(self) -> Account | None:
        """Return the active stored account as it is stored."""
        return await self._accounts.active()

    def opened(self, account: Account) -> AccountInUse:
        """Return a stored account, decrypted and checked.

        Raises:
            Unsealable: a secret cannot be decrypted.
            AccountRefused: it breaks the rules.
        """
        plain = documents.opened(account.config, self._vault, account_id=account.id, name=account.name)
        config = self._check(plain, whose=f"The config of the stored account {account.name}")
        return AccountInUse(config.haier, config.sync, account.id, account.name, account.revision)

    def of_the_environment(self) -> AccountInUse | None:
        """Return the environment's account."""
        return None if self._environment is None else AccountInUse(self._environment, SyncDefaults())

    async def now(self) -> AccountInUse | None:
        """Return the account that serves now; None: there is none.

        Raises:
            Unsealable: it is a stored one that cannot be decrypted.
            AccountRefused: it is a stored one that breaks the rules.
            BooksUnavailable: nobody can tell.
        """
        account = await self.active()
        return self.of_the_environment() if account is None else self.opened(account)


def rules_of(settings: Settings) -> Check:
    """Return the rules for accounts of a process with these settings."""
    return partial(check_account, service=settings.service, http=settings.http)


def environment_of(settings: Settings) -> HaierSettings | None:
    """Return the environment's account, or None where its settings are missing or wrong."""
    try:
        return settings.haier
    except SettingsError:
        # Whoever has to know why asks `settings.haier` himself.
        return None

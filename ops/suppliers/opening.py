"""Whose calls a command makes: the account that serves, as the running service would choose it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.accounts.choosing import AccountChoice, AccountInUse
from consumer.domain.errors import BooksUnavailable
from consumer.settings import SyncDefaults
from ops.cli.asking import books
from ops.cli.failing import Failure

if TYPE_CHECKING:
    from consumer.persistence.store import Store
    from consumer.settings import Settings


async def haier_account(settings: Settings, store: Store) -> AccountInUse:
    """Return the active stored account at Haier; with none, the environment's.

    Raises:
        SettingsError: there is no stored one, and the environment's is incomplete.
        Unsealable: the stored one cannot be decrypted.
        AccountRefused: the stored one breaks the rules.
        BooksUnavailable: the database does not answer.
    """
    return await AccountChoice.of(settings, store.accounts).now() or _of_the_environment(settings)


async def haier_account_for_a_try(settings: Settings) -> AccountInUse:
    """Return the same for a look at a set-up whose database need not be there yet: the environment's then.

    Raises:
        SettingsError: there is no stored one to be seen, and the environment's is incomplete.
        Unsealable: the stored one cannot be decrypted.
        AccountRefused: the stored one breaks the rules.
    """
    try:
        async with books(settings) as store:
            return await haier_account(settings, store)
    except (Failure, BooksUnavailable):
        # The database has checks of its own; what can be said of the supplier without it is said.
        return _of_the_environment(settings)


def _of_the_environment(settings: Settings) -> AccountInUse:
    return AccountInUse(settings.haier, SyncDefaults())

"""Which account at Haier a command or the service uses: the active stored one, else the environment's."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from consumer.accounts.choosing import AccountChoice, AccountInUse
from consumer.accounts.sealing import Unsealable
from consumer.domain.errors import BooksUnavailable
from consumer.persistence import migrations
from consumer.persistence.store import Store
from consumer.settings import AccountRefused, Problem, SettingsError, SyncDefaults, load
from ops.cli.asking import sqlite_file

if TYPE_CHECKING:
    from consumer.settings import Settings
    from consumer.settings.loading import Need

OR_A_STORED_ONE: Final = "or a stored account: `relay config set NAME FILE`, then `relay config activate NAME`"
_SERVICE: Final[tuple[Need, ...]] = ("broker", "database", "ylh")


async def account_in_use(settings: Settings) -> AccountInUse | None:
    """Return the account that serves now; None: no stored one is active, and the environment's is not complete.

    A database that is not there yet, or has an older schema, has no stored account.

    Raises:
        BooksUnavailable: nobody can tell.
        Unsealable: it is a stored one that cannot be decrypted.
        AccountRefused: it is a stored one that breaks the rules.
    """
    url = settings.database.url.get_secret_value()
    file = sqlite_file(settings)
    there = file is None or file.exists()
    async with Store.open(url) as store:
        choice = AccountChoice.of(settings, store.accounts)
        if there and await migrations.current(url) == migrations.head():
            return await choice.now()
        return choice.of_the_environment()


async def required_account(settings: Settings) -> AccountInUse:
    """Return the account that serves now.

    Raises:
        SettingsError: there is none; with what is wrong with the environment's.
        BooksUnavailable: nobody can tell.
        Unsealable: it is a stored one that cannot be decrypted.
        AccountRefused: it is a stored one that breaks the rules.
    """
    return await account_in_use(settings) or environments_account(settings)


async def account_for_a_try(settings: Settings) -> AccountInUse:
    """Return the same for a look at the suppliers alone: the environment's where the database cannot be asked.

    The database has checks of its own; what can be said of the supplier without it is said.

    Raises:
        SettingsError: as `required_account`, like the two others.
        Unsealable: see there.
        AccountRefused: see there.
    """
    try:
        return await required_account(settings)
    except BooksUnavailable:
        return environments_account(settings)


def environments_account(settings: Settings) -> AccountInUse:
    """Return the environment's account, whether or not it serves.

    Raises:
        SettingsError: it is not complete; with the other way out.
    """
    problems = without_account(settings)
    if problems:
        raise SettingsError(problems)
    return AccountInUse(settings.haier, SyncDefaults())


def without_account(settings: Settings) -> list[Problem]:
    """Return what is wrong with the environment's account, with the other way out; empty if nothing is."""
    try:
        _ = settings.haier
    except SettingsError as error:
        first, *others = error.problems
        return [Problem(first.setting, first.problem, f"{first.expected}, {OR_A_STORED_ONE}", first.source), *others]
    return []


async def settings_of_the_service() -> tuple[Settings, AccountInUse | None]:
    """Read the settings that the service needs, and find its account at Haier.

    Returns:
        The settings, and the account; None where the database is away: the service waits for it and looks then.

    Raises:
        SettingsError: with everything that is wrong; with Haier's settings too, unless a stored account serves.
        Unsealable: the active stored account cannot be decrypted.
        AccountRefused: the active stored account breaks the rules.
    """
    try:
        settings = load(need=_SERVICE)
    except SettingsError as error:
        if await stored_account_serves():
            raise
        # All that is wrong is told at once; if Haier's settings are well, that is what was found.
        load(need=(*_SERVICE, "haier"))
        raise error from None
    try:
        return settings, await required_account(settings)
    except BooksUnavailable:
        return settings, None


async def stored_account_serves() -> bool:
    """Tell whether a stored account, good or not, takes the place of the environment's; False where nobody can tell."""
    with suppress(SettingsError, BooksUnavailable):
        try:
            account = await account_in_use(load(need=("database",)))
        except (Unsealable, AccountRefused):
            return True
        return account is not None and account.name is not None
    return False

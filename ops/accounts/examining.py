"""What `relay config check` finds: the key, the environment's account, every stored one, and which of them serves."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from consumer.accounts import documents
from consumer.accounts.choosing import AccountChoice
from consumer.accounts.sealing import Unsealable, Vault
from consumer.domain.errors import BooksUnavailable
from consumer.settings import AccountRefused, SettingsError
from ops.accounts.using import without_account
from ops.cli.asking import books
from ops.cli.failing import Failure, explained
from ops.doctor.checks import Finding, Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from consumer.domain.account import Account, AccountRevision
    from consumer.persistence.accounts import AccountBook
    from consumer.settings import Settings

_ROTATE = "`relay config key --rotate` encrypts them with the first key, so that the others can go."


class Found(NamedTuple):
    """One thing found, and what it is about."""

    what: str
    finding: Finding


async def examined(settings: Settings) -> list[Found]:
    """Look at the set-up of the accounts; never raises for what is wrong with it."""
    try:
        async with books(settings) as store:
            histories = await store.accounts.look(_everything)
            choice = AccountChoice.of(settings, store.accounts)
    except (BooksUnavailable, Failure) as error:
        sentence, _ = explained(error)
        away = Found("database", Finding(Status.FAIL, sentence, None, out_of_reach=True))
        return [*_key(settings, 0), *_environment(settings, serves=True), away]
    active = next((account for account, _ in histories if account.is_active), None)
    return [
        *_key(settings, len(histories)),
        *_environment(settings, serves=active is None),
        *(found for account, history in histories for found in _stored(account, history, settings, choice)),
        Found("serves", _serves(choice, active)),
    ]


def _everything(book: AccountBook) -> list[tuple[Account, list[AccountRevision]]]:
    return [(account, book.history(account.id)) for account in book.all()]


def _key(settings: Settings, stored: int) -> Iterator[Found]:
    count = len(settings.service.secret_keys)
    if count:
        yield Found("RELAY_SECRET_KEY", Finding(Status.OK, "one key" if count == 1 else f"{count} keys"))
    elif stored:
        cure = "Set it to the key that the accounts were stored with."
        yield Found("RELAY_SECRET_KEY", Finding(Status.FAIL, "is not set, and accounts are stored", cure))
    else:
        cure = "`relay config key` makes one; it is needed to store accounts, and signs the audit log."
        yield Found("RELAY_SECRET_KEY", Finding(Status.WARN, "is not set", cure))


def _environment(settings: Settings, *, serves: bool) -> Iterator[Found]:
    try:
        account = settings.haier
    except SettingsError as error:
        problems = without_account(settings) if serves else error.problems
        status = Status.FAIL if serves else Status.WARN
        for problem in problems:
            yield Found(
                "environment", Finding(status, f"{problem.setting}: {problem.problem}", f"Expected {problem.expected}.")
            )
        return
    yield Found("environment", Finding(Status.OK, f"complete: client {account.client_id} at {account.base_url}"))


def _stored(
    account: Account, history: Sequence[AccountRevision], settings: Settings, choice: AccountChoice
) -> Iterator[Found]:
    try:
        opened = choice.opened(account)
    except Unsealable as error:
        yield Found(account.name, Finding(Status.FAIL, error.message))
        return
    except AccountRefused as error:
        # One that does not serve harms nobody.
        status = Status.FAIL if account.is_active else Status.WARN
        for problem in error.problems:
            yield Found(
                account.name, Finding(status, f"{problem.setting}: {problem.problem}", f"Expected {problem.expected}.")
            )
        return
    told = f"revision {account.revision} is well: client {opened.haier.client_id} at {opened.haier.base_url}"
    yield Found(account.name, Finding(Status.OK, told))
    yield from _aged(account, history, Vault(settings.service.secret_keys))


def _aged(account: Account, history: Sequence[AccountRevision], vault: Vault) -> Iterator[Found]:
    old = lost = 0
    for text in (account.config, *(revision.config for revision in history)):
        try:
            old += documents.resealed(text, vault, name=account.name)[1]
        except Unsealable:
            lost += 1
    if lost:
        told = f"{lost} of its revisions cannot be decrypted, and not be restored"
        cure = "Add the key that they were stored with to RELAY_SECRET_KEY, behind the others."
        yield Found(account.name, Finding(Status.WARN, told, cure))
    if old:
        yield Found(account.name, Finding(Status.WARN, f"{old} secrets are encrypted with an older key", _ROTATE))


def _serves(choice: AccountChoice, active: Account | None) -> Finding:
    if active is not None:
        return Finding(Status.OK, f"the stored account {active.name}, revision {active.revision}")
    account = choice.of_the_environment()
    if account is not None:
        return Finding(Status.OK, account.told)
    return Finding(
        Status.FAIL, "no account: the environment's is not complete, and no stored one is active", "See above."
    )

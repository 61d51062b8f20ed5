"""Stored accounts in both databases: every change whole, numbered, told in the audit log; at most one is active."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import tempfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import update

from consumer.accounts import documents
from consumer.accounts.archive import Cost, locked, unlocked
from consumer.accounts.archiving import Archiving, Fate, Restored
from consumer.accounts.desk import AccountDesk, Deed, NoSuchAccount
from consumer.accounts.sealing import Unsealable, Vault, new_key
from consumer.domain.account import AccountAction
from consumer.domain.audit import ChainKey, chain
from consumer.persistence import migrations, tables
from consumer.persistence.accounts import AccountBook
from consumer.persistence.store import Store
from consumer.settings import AccountRefused, Problem
from tests.unit.accounts.configs import GOOD, checked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.domain.account import Account, AccountRevision
    from consumer.settings import AccountConfig

OLD, NEW = SecretStr(new_key()), SecretStr(new_key())
AT = datetime(2026, 5, 1, 12, 30, 1, 234567, tzinfo=UTC)
DEED = Deed("li@ops-1", AT, "试一下")
OTHER = {**GOOD, "client_id": "c2", "password": "hush-other"}


def desk(store: Store, *keys: SecretStr) -> AccountDesk:
    return AccountDesk(store.accounts, Vault(keys or [OLD]), checked)


async def history(store: Store, name: str) -> list[AccountRevision]:
    def work(book: AccountBook) -> list[AccountRevision]:
        account = book.find(name)
        return [] if account is None else book.history(account.id)

    return await store.accounts.look(work)


async def config(store: Store, name: str, *keys: SecretStr) -> dict[str, Any]:
    account = await store.accounts.look(lambda book: book.find(name))
    assert account is not None
    return documents.opened(account.config, Vault(keys or [OLD]), account_id=account.id, name=name)


async def test_a_new_account_is_stored_encrypted_with_its_first_revision_and_its_audit_row(store: Store) -> None:
    done = await desk(store).set("main", GOOD, DEED)
    assert done.changed
    assert (done.account.revision, done.account.is_active) == (1, False)
    assert done.differences is not None
    assert {difference.key for difference in done.differences} == set(GOOD)
    (account,) = await store.accounts.look(AccountBook.all)
    assert account == done.account
    assert (account.created_at, account.updated_at) == (AT, AT)
    assert "hush" not in account.config
    assert await config(store, "main") == checked(GOOD).given()
    (revision,) = await history(store, "main")
    assert (revision.number, revision.action, revision.changed_by, revision.reason, revision.changed_at) == (
        1,
        AccountAction.SET,
        "li@ops-1",
        "试一下",
        AT,
    )
    (row,) = await store.audit_log()
    assert (row.actor, row.action, row.subject, row.reason) == ("li@ops-1", "config.set", "main", "试一下")
    assert row.detail == f'{{"config_id":"{account.id}","revision":1}}'


async def test_what_changes_nothing_is_no_revision(store: Store) -> None:
    await desk(store).set("main", GOOD, DEED)
    assert not (await desk(store).set("main", {**GOOD, "password": "***"}, DEED)).changed
    assert not (await desk(store).amend("main", {"client_id": "c1"}, DEED)).changed
    await desk(store).activate("main", DEED)
    assert not (await desk(store).activate("main", DEED)).changed
    assert not (await desk(store).restore("main", 1, DEED)).changed
    assert [revision.action for revision in await history(store, "main")] == [AccountAction.SET, AccountAction.ACTIVATE]
    assert len(await store.audit_log()) == 2


async def test_single_keys_are_changed_and_taken_away(store: Store) -> None:
    await desk(store).set("main", GOOD, DEED)
    done = await desk(store).amend("main", {"supplier_code": "1002", "send_to_code": None, "password": "hush-2"}, DEED)
    assert done.differences is not None
    assert [(one.key, one.before, one.after) for one in done.differences] == [
        ("send_to_code", "8800000002", None),
        ("supplier_code", None, "1002"),
        ("password", "***", "*** (another)"),
    ]
    assert (await config(store, "main"))["password"] == SecretStr("hush-2")


async def test_activating_one_deactivates_the_other_and_both_have_it_in_their_history(store: Store) -> None:
    for name, document in (("one", GOOD), ("two", OTHER)):
        await desk(store).set(name, document, DEED)
    await desk(store).activate("one", DEED)
    done = await desk(store).activate("two", DEED)
    assert done.instead_of == "one"
    active = await store.accounts.active()
    assert active is not None
    assert active.name == "two"
    actions = [[revision.action.value for revision in await history(store, name)] for name in ("one", "two")]
    assert actions == [["set", "activate", "deactivate"], ["set", "activate"]]
    back = await desk(store).deactivate(DEED)
    assert back is not None
    assert back.account.name == "two"
    assert await store.accounts.active() is None
    assert await desk(store).deactivate(DEED) is None
    assert [row.action for row in await store.audit_log()][2:] == [
        "config.activate",
        "config.activate",
        "config.deactivate",
    ]


async def test_a_revision_comes_back_as_a_new_one(store: Store) -> None:
    await desk(store).set("main", GOOD, DEED)
    await desk(store).set("main", OTHER, DEED)
    await desk(store).activate("main", DEED)
    done = await desk(store).restore("main", 1, DEED)
    assert (done.account.revision, done.account.is_active) == (4, True)
    assert await config(store, "main") == checked(GOOD).given()
    with pytest.raises(NoSuchAccount, match="no revision 9; it has 1 to 4"):
        await desk(store).restore("main", 9, DEED)


@pytest.mark.parametrize("name", ["", "two words", "a/b", "x" * 65, "a\n"])
async def test_an_impossible_name_is_refused(store: Store, name: str) -> None:
    with pytest.raises(NoSuchAccount, match="cannot be the name"):
        await desk(store).set(name, GOOD, DEED)


async def test_a_refused_change_leaves_nothing_behind(store: Store) -> None:
    with pytest.raises(AccountRefused, match="client_id"):
        await desk(store).set("main", {**GOOD, "client_id": ""}, DEED)
    with pytest.raises(Unsealable, match="RELAY_SECRET_KEY"):
        await AccountDesk(store.accounts, Vault([]), checked).set("main", GOOD, DEED)
    with pytest.raises(NoSuchAccount, match="no stored account main"):
        await desk(store).activate("main", DEED)
    with pytest.raises(NoSuchAccount):
        await desk(store).amend("main", {"client_id": "c1"}, DEED)
    assert await store.accounts.look(AccountBook.all) == []
    assert await store.audit_log() == []


async def test_an_account_whose_key_is_lost_cannot_be_activated_but_set_anew(store: Store) -> None:
    await desk(store, OLD).set("main", GOOD, DEED)
    with pytest.raises(Unsealable, match="cannot be decrypted"):
        await desk(store, NEW).activate("main", DEED)
    with pytest.raises(Unsealable, match="cannot be decrypted"):
        await desk(store, NEW).amend("main", {"client_id": "c3"}, DEED)
    with pytest.raises(AccountRefused, match="password"):
        await desk(store, NEW).set("main", {**GOOD, "password": "***"}, DEED)
    done = await desk(store, NEW).set("main", GOOD, DEED)
    assert done.differences is None
    await desk(store, NEW).activate("main", DEED)


async def test_a_rotation_encrypts_everything_anew_history_too_and_is_no_revision(store: Store) -> None:
    await desk(store, OLD).set("one", GOOD, DEED)
    await desk(store, OLD).set("one", {**GOOD, "client_secret": "hush-newer"}, DEED)
    await desk(store, OLD).activate("one", DEED)
    await desk(store, OLD).set("two", OTHER, DEED)
    done = await desk(store, NEW, OLD).reseal(DEED)
    # Three secrets in each of two accounts, and in each of four revisions.
    assert (done.secrets, done.accounts, done.revisions) == (18, 2, 4)
    assert (await desk(store, NEW, OLD).reseal(DEED)).secrets == 0
    assert await config(store, "two", NEW) == checked(OTHER).given()
    assert len(await history(store, "one")) == 3
    restored = await desk(store, NEW).restore("one", 1, DEED)
    assert restored.account.revision == 4
    assert [row.action for row in await store.audit_log()][4:] == ["config.reseal", "config.restore"]


async def test_a_rotation_that_cannot_read_a_secret_changes_nothing(store: Store) -> None:
    await desk(store, OLD).set("one", GOOD, DEED)
    strange = SecretStr(new_key())
    await desk(store, strange).set("two", OTHER, DEED)
    before = await store.accounts.look(AccountBook.all)
    with pytest.raises(Unsealable, match="the account two cannot be decrypted with any of the 2 keys"):
        await desk(store, NEW, OLD).reseal(DEED)
    assert await store.accounts.look(AccountBook.all) == before


async def test_a_secret_copied_into_another_account_is_refused(store: Store) -> None:
    await desk(store).set("one", GOOD, DEED)
    await desk(store).set("two", OTHER, DEED)
    one, two = await store.accounts.look(AccountBook.all)
    await store._database.write(
        lambda connection: connection.execute(
            update(tables.haier_config).where(tables.haier_config.c.id == two.id).values(config=one.config)
        )
    )
    with pytest.raises(Unsealable, match="encrypted for another place"):
        await desk(store).activate("two", DEED)


async def test_many_who_change_at_once_leave_no_gap_and_one_active_account(migrated_url: str) -> None:
    async with Store.open(migrated_url) as one, Store.open(migrated_url) as two:
        for name in "abc":
            await desk(one).set(name, GOOD, DEED)
        deeds = [
            deed
            for number, store in enumerate([one, two] * 6)
            for deed in (
                desk(store).activate("abc"[number % 3], DEED),
                desk(store).amend("abc"[number % 3], {"client_id": f"c{number}"}, DEED),
            )
        ]
        await asyncio.gather(*deeds)
        accounts = await one.accounts.look(AccountBook.all)
        assert sum(account.is_active for account in accounts) == 1
        for account in accounts:
            assert [revision.number for revision in await history(one, account.name)] == list(
                range(1, account.revision + 1)
            )
        rows = await one.audit_log()
        assert [row.sequence for row in rows] == list(range(1, len(rows) + 1))


# ---- backup and restore ----


def archiving(store: Store, *keys: SecretStr) -> Archiving:
    return Archiving(store.accounts, Vault(keys or [OLD]), checked)


async def _state(store: Store, key: SecretStr) -> list[tuple[Any, ...]]:
    """Everything but the tokens themselves."""

    def work(book: AccountBook) -> list[tuple[Any, ...]]:
        return [(account, book.history(account.id)) for account in book.all()]

    def opened(account: Account, text: str) -> dict[str, Any]:
        return documents.opened(text, Vault([key]), account_id=account.id, name=account.name)

    return [
        (
            account.id,
            account.name,
            account.is_active,
            account.revision,
            account.created_at,
            account.updated_at,
            opened(account, account.config),
            [
                (one.number, one.action, opened(account, one.config), one.changed_by, one.reason, one.changed_at)
                for one in revisions
            ],
        )
        for account, revisions in await store.accounts.look(work)
    ]


async def test_a_backup_brings_everything_back_on_a_new_machine_with_another_key(store: Store, tmp_path: Path) -> None:
    await desk(store).set("one", GOOD, DEED)
    await desk(store).set("two", OTHER, DEED)
    await desk(store).activate("two", DEED)
    await desk(store).amend("two", {"sync_stock": True, "county_codes": ["330106"]}, DEED)
    content = locked(await archiving(store).take(DEED), SecretStr("correct horse"), Cost(n=16))
    url = f"sqlite+aiosqlite:///{tmp_path}/another.db"
    await migrations.upgrade(url)
    async with Store.open(url) as other:
        restored = await archiving(other, NEW).put_back(unlocked(content, SecretStr("correct horse")), DEED)
        assert restored == [
            Restored("one", Fate.ADDED, 1, is_active=False),
            Restored("two", Fate.ADDED, 3, is_active=True),
        ]
        assert await _state(other, NEW) == await _state(store, OLD)
        assert [row.action for row in await other.audit_log()] == ["config.restore"] * 2
    assert (await store.audit_log())[-1].action == "config.backup"


async def test_a_restore_beside_other_accounts_loses_nothing(store: Store) -> None:
    await desk(store).set("one", GOOD, DEED)
    await desk(store).set("two", OTHER, DEED)
    await desk(store).activate("two", DEED)
    archive = await archiving(store).take(DEED)
    await desk(store).amend("two", {"client_id": "c9"}, DEED)
    await desk(store).set("three", GOOD, DEED)
    await desk(store).activate("three", DEED)
    assert await archiving(store).known(archive) == ["two"]
    assert await archiving(store).put_back(archive, DEED) == [
        Restored("one", Fate.SAME, 1, is_active=False),
        Restored("two", Fate.CHANGED, 5, is_active=False),
    ]
    assert [one.action.value for one in await history(store, "two")] == [
        "set",
        "activate",
        "set",
        "deactivate",
        "restore",
    ]
    assert (await config(store, "two"))["client_id"] == "c2"
    active = await store.accounts.active()
    assert active is not None
    assert active.name == "three"


async def test_a_restored_account_serves_again_only_where_none_does(store: Store) -> None:
    await desk(store).set("one", GOOD, DEED)
    await desk(store).activate("one", DEED)
    archive = await archiving(store).take(DEED)
    await desk(store).deactivate(DEED)
    assert await archiving(store).put_back(archive, DEED) == [Restored("one", Fate.SAME, 4, is_active=True)]


async def test_a_restore_that_would_serve_with_a_faulty_config_restores_nothing(store: Store) -> None:
    await desk(store).set("one", GOOD, DEED)
    await desk(store).activate("one", DEED)
    archive = await archiving(store).take(DEED)
    await desk(store).deactivate(DEED)
    before = await store.accounts.look(AccountBook.all)

    def strict(document: Mapping[str, object], *, whose: str) -> AccountConfig:
        raise AccountRefused(whose, [Problem(key, "is not wanted", "none") for key in document])

    with pytest.raises(AccountRefused):
        await Archiving(store.accounts, Vault([OLD]), strict).put_back(archive, DEED)
    assert await store.accounts.look(AccountBook.all) == before


# ---- any order of deeds ----

_NAMES = st.sampled_from(["a", "b", "c"])
_DEEDS = st.lists(
    st.one_of(
        st.tuples(st.just("set"), _NAMES, st.sampled_from(["c1", "c2"])),
        st.tuples(st.just("activate"), _NAMES, st.none()),
        st.tuples(st.just("restore"), _NAMES, st.integers(1, 6)),
        st.tuples(st.just("deactivate"), st.none(), st.none()),
        st.tuples(st.just("archive"), st.none(), st.none()),
    ),
    max_size=14,
)


async def _do(store: Store, what: str, name: Any, value: Any) -> None:
    at = desk(store)
    match what:
        case "set":
            await at.set(name, {**GOOD, "client_id": value}, DEED)
        case "activate":
            await at.activate(name, DEED)
        case "restore":
            await at.restore(name, value, DEED)
        case "deactivate":
            await at.deactivate(DEED)
        case "archive":
            await archiving(store).put_back(await archiving(store).take(DEED), DEED)


def _template(directory: Path) -> Path:
    path = directory / "empty.db"
    asyncio.run(migrations.upgrade(f"sqlite+aiosqlite:///{path}"))
    return path


@pytest.fixture(scope="module")
def empty() -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        path = _template(Path(directory))
        with closing(sqlite3.connect(path)) as connection:
            return connection.serialize()


@settings(max_examples=25)
@given(deeds=_DEEDS)
def test_any_order_of_deeds_leaves_histories_without_a_gap_and_at_most_one_active_account(
    empty: bytes, deeds: list[tuple[str, Any, Any]]
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "relay.db"
        path.write_bytes(empty)
        asyncio.run(_try(f"sqlite+aiosqlite:///{path}", deeds))


async def _try(url: str, deeds: list[tuple[str, Any, Any]]) -> None:
    key = ChainKey.derived(OLD.get_secret_value())
    async with Store.open(url, chain_key=key) as store:
        for deed in deeds:
            before = await _state(store, OLD)
            try:
                await _do(store, *deed)
            except NoSuchAccount:
                assert await _state(store, OLD) == before
        accounts = await store.accounts.look(AccountBook.all)
        assert sum(account.is_active for account in accounts) <= 1
        for account in accounts:
            revisions = await history(store, account.name)
            assert [one.number for one in revisions] == list(range(1, account.revision + 1))
            assert revisions[-1].config == account.config
            switches = [
                one.action for one in revisions if one.action in {AccountAction.ACTIVATE, AccountAction.DEACTIVATE}
            ]
            assert account.is_active == (switches[-1:] == [AccountAction.ACTIVATE])
            assert all(a is not b for a, b in itertools.pairwise(switches))
        rows = await store.audit_log()
        macs = [None, *(row.mac for row in rows)]
        assert all(row.mac == chain(key, before, row) for before, row in zip(macs, rows, strict=False))


async def test_the_database_itself_refuses_a_second_active_account(store: Store) -> None:
    for name in ("one", "two"):
        await desk(store).set(name, GOOD, DEED)
    with pytest.raises(Exception, match=r"(?i)unique"):
        await store._database.write(
            lambda connection: connection.execute(update(tables.haier_config).values(is_active=True))
        )
    assert await store.accounts.active() is None

"""The client that follows the active account: nothing in flight is dropped, nothing unusable is taken up."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
from pydantic import SecretStr

from consumer.accounts import documents
from consumer.accounts.choosing import AccountChoice
from consumer.accounts.sealing import Vault, new_key
from consumer.accounts.switching import SwitchedHaier
from consumer.domain.account import Account
from consumer.domain.errors import BooksUnavailable, Misconfigured
from tests.unit.accounts.configs import GOOD, checked

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from consumer.accounts.choosing import AccountInUse
    from consumer.persistence.accounts import StoredAccounts
    from consumer.settings import HaierSettings
    from consumer.suppliers.haier.client import HaierClient

KEY, STRANGE = SecretStr(new_key()), SecretStr(new_key())
AT = datetime(2026, 5, 1, tzinfo=UTC)


def account(name: str, revision: int = 1, key: SecretStr = KEY, **config: Any) -> Account:
    given = checked({**GOOD, "client_id": name, **config}).given()
    id_ = f"00000000-0000-0000-0000-{name:0>12}"
    return Account(id_, name, documents.stored(given, Vault([key]), id_), True, revision, AT, AT)


class Client:
    """Answers a call when it is told to."""

    def __init__(self, client_id: str) -> None:
        self.client_id = client_id
        self.begun = asyncio.Event()
        self.go = asyncio.Event()
        self.go.set()

    @asynccontextmanager
    async def listing(self) -> AsyncIterator[str]:
        yield self.client_id

    async def products(self, codes: Sequence[str], *, since: datetime | None = None) -> list[str]:
        del since
        self.begun.set()
        await self.go.wait()
        return [self.client_id, *codes]


@dataclass(eq=False)
class Line:
    """A line that remembers whether it was closed."""

    own: Client
    closed: bool = False

    @property
    def client(self) -> HaierClient:
        return cast("HaierClient", self.own)

    def quota_used(self) -> float:
        return 0.25

    async def aclose(self) -> None:
        self.closed = True


@dataclass
class World:
    """The active account as the database has it, and what comes of following it."""

    stored: Account | None = None
    away: bool = False
    environment: HaierSettings | None = field(default_factory=lambda: checked({**GOOD, "client_id": "env"}).haier)
    lines: list[Line] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    asked: int = 0

    def __post_init__(self) -> None:
        choice = AccountChoice(cast("StoredAccounts", self), Vault([KEY]), checked, self.environment)
        self.haier = SwitchedHaier(
            choice,
            self.build,
            longest_call=timedelta(seconds=60),
            learn=lambda secrets: self.told.append(f"learn {len(secrets)}"),
            on_switch=lambda: self.told.append("switch"),
        )

    async def active(self) -> Account | None:
        self.asked += 1
        if self.away:
            raise BooksUnavailable("the database is away", code="unreachable")
        return self.stored

    def build(self, account: AccountInUse) -> Line:
        self.told.append(f"build {account.haier.client_id}")
        self.lines.append(Line(Client(account.haier.client_id)))
        return self.lines[-1]

    async def call(self, *codes: str) -> list[Any]:
        return cast("list[str]", await self.haier.products(codes))


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_the_first_call_finds_out_which_account_serves_and_the_next_ones_do_not_ask() -> None:
    world = World(account("1"))
    assert await world.call("a") == ["1", "a"]
    assert await world.call("b") == ["1", "b"]
    assert world.asked == 1
    assert world.told == ["learn 3", "build 1"]
    assert await world.haier.config_id() == account("1").id
    assert world.haier.used_ratio() == 0.25


async def test_with_no_stored_account_the_environment_serves() -> None:
    world = World()
    assert await world.haier.config_id() is None
    assert await world.call() == ["env"]
    assert world.haier.in_use is not None
    assert world.haier.in_use.told == "the account of the environment (HAIER_*)"


async def test_calls_at_once_at_the_start_look_once() -> None:
    world = World(account("1"))
    assert await asyncio.gather(*[world.call(str(number)) for number in range(5)]) == [["1", str(n)] for n in range(5)]
    assert world.told == ["learn 3", "build 1"]
    assert world.asked == 1


async def test_a_call_in_flight_ends_on_the_account_that_it_began_with_which_is_then_closed() -> None:
    world = World(account("1"))
    await world.haier.look()
    (one,) = world.lines
    one.own.go.clear()
    flights = [asyncio.create_task(world.call("a")) for _ in range(3)]
    await one.own.begun.wait()
    world.stored = account("2")
    await world.haier.look()
    assert await world.call("b") == ["2", "b"]
    await settled()
    assert not one.closed
    one.own.go.set()
    assert await asyncio.gather(*flights) == [["1", "a"]] * 3
    await settled()
    assert one.closed
    assert not world.lines[1].closed
    assert world.told == ["learn 3", "build 1", "learn 3", "build 2", "switch"]


async def test_a_listing_is_read_to_its_end_on_the_account_that_gave_it() -> None:
    world = World(account("1"))
    async with world.haier.listing() as listing:
        world.stored = account("2")
        await world.haier.look()
        assert await world.call() == ["2"]
        await settled()
        assert cast("str", listing) == "1"
        assert not world.lines[0].closed
    await settled()
    assert world.lines[0].closed


async def test_what_changes_no_key_of_the_account_keeps_its_client_and_tokens() -> None:
    world = World(account("1"))
    await world.haier.look()
    world.stored = account("1", 2, county_codes=["330106"])
    await world.haier.look()
    assert len(world.lines) == 1
    assert world.haier.in_use is not None
    assert (world.haier.in_use.revision, world.haier.in_use.sync.county_codes) == (2, ("330106",))
    world.stored = account("1", 3, customer_code="8800000009", county_codes=["330106"])
    await world.haier.look()
    assert len(world.lines) == 2


async def test_secrets_that_are_only_encrypted_anew_change_nothing() -> None:
    world = World(account("1"))
    await world.haier.look()
    world.stored = account("1")
    assert world.stored != account("1")
    await world.haier.look()
    assert world.told == ["learn 3", "build 1"]


@pytest.mark.parametrize(
    "unusable",
    [account("2", key=STRANGE), replace(account("2"), config="rubbish"), replace(account("2"), config="{}")],
    ids=["another key", "no config", "rules broken"],
)
async def test_an_unusable_account_leaves_the_one_before_in_use_and_is_told_once(unusable: Account, log: Log) -> None:
    world = World(account("1"))
    await world.haier.look()
    world.stored = unusable
    for _ in range(3):
        await world.haier.look()
    assert await world.call() == ["1"]
    assert world.haier.trouble is not None
    assert "2" in world.haier.trouble
    assert [level for level, event in log if "not usable" in event] == ["error"]
    assert await world.haier.config_id() == account("1").id
    world.stored = account("2", 2)
    await world.haier.look()
    assert world.haier.trouble is None
    assert await world.call() == ["2"]


async def test_trouble_is_over_when_the_account_before_is_active_again() -> None:
    world = World(account("1"))
    await world.haier.look()
    world.stored = account("2", key=STRANGE)
    await world.haier.look()
    world.stored = account("1", 3)
    await world.haier.look()
    assert world.haier.trouble is None
    assert len(world.lines) == 1


async def test_an_unusable_account_at_the_start_is_no_reason_to_take_the_environments() -> None:
    world = World(account("1", key=STRANGE))
    with pytest.raises(Misconfigured, match="cannot be decrypted") as refusal:
        await world.call()
    assert refusal.value.code == "no_account"
    assert world.lines == []
    world.stored = account("1", 2)
    await world.haier.look()
    assert await world.call() == ["1"]
    assert world.told[-1] == "switch"


async def test_with_no_account_at_all_calls_say_what_to_do_until_there_is_one() -> None:
    world = World(environment=None)
    for _ in range(2):
        with pytest.raises(Misconfigured, match="relay config activate"):
            await world.call()
    world.stored = account("1")
    await world.haier.look()
    assert await world.call() == ["1"]
    world.stored = None
    await world.haier.look()
    with pytest.raises(Misconfigured, match="HAIER_"):
        await world.call()
    assert await world.haier.config_id() is None
    await settled()
    assert world.lines[0].closed


async def test_a_database_that_is_away_changes_nothing_and_at_the_start_is_told_as_that() -> None:
    world = World(account("1"), away=True)
    with pytest.raises(BooksUnavailable):
        await world.call()
    world.away = False
    assert await world.call() == ["1"]
    world.away = True
    await world.haier.follow()
    with pytest.raises(BooksUnavailable):
        await world.haier.look()
    assert await world.call() == ["1"]


async def test_closing_closes_the_one_in_use_and_those_that_still_had_calls() -> None:
    world = World(account("1"))
    await world.haier.look()
    world.lines[0].own.go.clear()
    flight = asyncio.create_task(world.call())
    await world.lines[0].own.begun.wait()
    world.stored = account("2")
    await world.haier.look()
    await world.haier.aclose()
    assert [line.closed for line in world.lines] == [True, True]
    flight.cancel()
    await asyncio.wait([flight])


Log = list[tuple[str, str]]


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    lines: Log = []

    class Recorder:
        def error(self, event: str, **_: object) -> None:
            lines.append(("error", event))

        def info(self, event: str, **_: object) -> None:
            lines.append(("info", event))

    monkeypatch.setattr("consumer.accounts.switching.log", Recorder())
    return lines

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from consumer.domain.errors import (
    Malformed,
    Misconfigured,
    Rejected,
    SupplierError,
    Throttled,
    Transient,
    Unauthorised,
)
from consumer.suppliers.oauth2 import Grant, Token, TokenProvider, login_error


class Office:
    """Issues numbered tokens; each login fails if told so, and waits while the door is shut."""

    def __init__(self, lifetime: float = 3600) -> None:
        self.logins = 0
        self.lifetime = lifetime
        self.fault: Exception | None = None
        self.now = 0.0
        self.door = asyncio.Event()
        self.door.set()

    async def __call__(self) -> Grant:
        self.logins += 1
        mine = self.logins
        await self.door.wait()
        if self.fault is not None:
            raise self.fault
        return Grant(f"bearer secret-{mine}", self.lifetime)

    def provider(self) -> TokenProvider:
        return TokenProvider(self, supplier="ylh", clock=lambda: self.now)


async def current(provider: TokenProvider) -> Token:
    return provider.ready() or await provider.renewed()


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_many_waiters_share_one_login() -> None:
    office = Office()
    provider = office.provider()
    tokens = await asyncio.gather(*(current(provider) for _ in range(50)))
    assert office.logins == 1
    assert {token.authorization for token in tokens} == {b"bearer secret-1"}
    assert provider.ready() is tokens[0]


async def test_a_cancelled_waiter_does_not_end_the_login_of_the_others() -> None:
    office = Office()
    office.door.clear()
    provider = office.provider()
    first, second = (asyncio.create_task(current(provider)) for _ in range(2))
    await settled()
    first.cancel()
    await settled()
    office.door.set()
    assert (await second).generation == 1
    assert first.cancelled()
    assert office.logins == 1


async def test_a_failed_login_reaches_every_waiter_and_the_next_one_tries_again() -> None:
    office = Office()
    office.fault = Transient("no connection", code="connect_failed", supplier="ylh", operation="token")
    provider = office.provider()
    outcomes = await asyncio.gather(*(current(provider) for _ in range(10)), return_exceptions=True)
    assert all(isinstance(outcome, Transient) for outcome in outcomes)
    assert office.logins == 1
    office.fault = None
    assert (await current(provider)).generation == 1
    assert office.logins == 2


async def test_a_token_is_renewed_ten_minutes_early_while_it_goes_on_serving() -> None:
    office = Office()
    provider = office.provider()
    old = await current(provider)
    office.now = 2999.9
    assert provider.ready() is old
    await settled()
    assert office.logins == 1
    office.now = 3000
    assert provider.ready() is old
    await settled()
    assert office.logins == 2
    new = provider.ready()
    assert new is not None
    assert new.generation == 2


async def test_a_short_life_shrinks_the_margin() -> None:
    office = Office(lifetime=60)
    provider = office.provider()
    await current(provider)
    office.now = 49
    provider.ready()
    await settled()
    assert office.logins == 1
    office.now = 50
    provider.ready()
    await settled()
    assert office.logins == 2


async def test_a_refresh_that_fails_leaves_the_old_token_and_is_tried_again_half_a_minute_later() -> None:
    office = Office()
    provider = office.provider()
    old = await current(provider)
    office.fault = Transient("down", code="timeout", supplier="ylh", operation="token")
    office.now = 3000
    provider.ready()
    await settled()
    assert provider.ready() is old
    await settled()
    assert office.logins == 2
    office.now = 3030
    provider.ready()
    await settled()
    assert office.logins == 3
    office.now = 3600
    assert provider.ready() is None
    with pytest.raises(Transient):
        await current(provider)


async def test_only_the_generation_that_was_refused_is_dropped() -> None:
    office = Office()
    provider = office.provider()
    old = await current(provider)
    provider.drop(old)
    new = await current(provider)
    provider.drop(old)
    assert provider.ready() is new


async def test_closing_ends_a_login_that_hangs() -> None:
    office = Office()
    office.door.clear()
    provider = office.provider()
    waiting = asyncio.create_task(current(provider))
    await settled()
    await provider.aclose()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_no_token_shows_itself() -> None:
    office = Office()
    token = await current(office.provider())
    assert "secret" not in repr(token)
    assert "secret" not in repr(Grant("bearer secret", 1))


def _fault(kind: type[SupplierError], status: int | None) -> SupplierError:
    return kind("…", code="x", supplier="ylh", operation="token", status=status, supplier_message="no")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (_fault(Rejected, 400), Unauthorised),
        (_fault(Rejected, 200), Unauthorised),
        (_fault(Rejected, 415), Misconfigured),
        (_fault(Malformed, 200), Misconfigured),
        (_fault(Misconfigured, 404), Misconfigured),
        (_fault(Transient, 503), Transient),
        (Throttled("…", supplier="ylh", operation="token", retry_after=timedelta(seconds=1)), Throttled),
        (
            Unauthorised("…", code="x", supplier="ylh", operation="token", expired=False, status=401),
            Unauthorised,
        ),
    ],
)
def test_a_failed_login_never_means_that_an_order_is_refused_or_parked(
    error: SupplierError, kind: type[SupplierError]
) -> None:
    meant = login_error(error, "YLH_USERNAME")
    assert type(meant) is kind
    if kind is Unauthorised:
        assert "YLH_USERNAME" in str(meant)
        assert isinstance(meant, Unauthorised)
        assert not meant.expired

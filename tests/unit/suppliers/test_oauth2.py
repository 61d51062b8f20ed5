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

    async def sleep(self, seconds: float) -> None:
        self.now += seconds

    def provider(self) -> TokenProvider:
        return TokenProvider(self, supplier="ylh", clock=lambda: self.now, sleep=self.sleep)


async def current(provider: TokenProvider) -> Token:
    return provider.ready() or await provider.obtain()


def refusal(status: int = 401) -> Unauthorised:
    return Unauthorised("…", code="x", supplier="ylh", operation="create", expired=False, status=status)


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


async def test_a_refresh_that_fails_leaves_the_old_token_and_is_tried_again_after_growing_pauses() -> None:
    office = Office()
    provider = office.provider()
    old = await current(provider)
    office.fault = Transient("down", code="timeout", supplier="ylh", operation="token")
    tried = []
    for second in range(3000, 3600):
        office.now = second
        before = office.logins
        assert provider.ready() is old
        await settled()
        if office.logins > before:
            tried.append(second)
    assert tried == [3000, 3030, 3090, 3210, 3360, 3510]
    office.now = 3600
    assert provider.ready() is None
    with pytest.raises(Transient):
        await current(provider)


async def test_a_refresh_in_vain_does_not_keep_a_later_one_from_working() -> None:
    office = Office()
    provider = office.provider()
    await current(provider)
    office.fault = Transient("down", code="timeout", supplier="ylh", operation="token")
    office.now = 3000
    provider.ready()
    await settled()
    office.fault = None
    office.now = 3030
    provider.ready()
    await settled()
    new = provider.ready()
    assert new is not None
    assert (new.generation, new.expires_at) == (2, 6630)


async def test_only_the_generation_that_was_refused_is_dropped() -> None:
    office = Office()
    provider = office.provider()
    old = await current(provider)
    provider.let_in(old)
    assert provider.refused(old, refusal())
    new = await current(provider)
    assert provider.refused(old, refusal()), "nothing follows from the end of an old one"
    provider.forbidden(old, refusal(403))
    assert provider.ready() is new


async def test_the_first_token_of_an_account_that_was_never_let_in_means_that_it_is_refused() -> None:
    office = Office()
    provider = office.provider()
    token = await current(provider)
    assert not provider.refused(token, refusal())
    assert not provider.refused(token, refusal()), "whoever else used it hears the same"


async def test_of_an_account_known_to_be_good_two_tokens_in_a_row_may_end_before_anybody_was_let_in() -> None:
    office = Office()
    provider = office.provider()
    provider.let_in(await current(provider))
    first = provider.ready()
    assert first is not None
    assert provider.refused(first, refusal())
    judged = []
    for _ in range(3):
        token = await current(provider)
        judged.append([provider.refused(token, refusal()) for _ in range(50)])
    assert [set(verdicts) for verdicts in judged] == [{True}, {True}, {False}]
    office.now += 5
    provider.let_in(await current(provider))
    again = provider.ready()
    assert again is not None
    assert provider.refused(again, refusal()), "let in once more, all is forgotten"


async def test_whoever_comes_right_after_a_refused_account_is_told_so_without_a_login() -> None:
    office = Office()
    provider = office.provider()
    told = refusal()
    assert not provider.refused(await current(provider), told)
    outcomes = await asyncio.gather(*(current(provider) for _ in range(100)), return_exceptions=True)
    assert set(map(id, outcomes)) == {id(told)}
    assert office.logins == 1
    office.now += 0.5
    assert (await current(provider)).generation == 2


async def test_a_403_takes_the_token_away_for_permissions_may_be_part_of_it() -> None:
    office = Office()
    provider = office.provider()
    token = await current(provider)
    provider.let_in(token)
    provider.forbidden(token, refusal(403))
    with pytest.raises(Unauthorised):
        await current(provider)
    office.now += 5
    assert (await current(provider)).generation == 2


async def test_a_login_that_fails_again_and_again_is_tried_after_pauses_that_grow_to_five_seconds() -> None:
    office = Office()
    office.fault = Transient("down", code="timeout", supplier="ylh", operation="token")
    provider = office.provider()
    pauses = []
    for _ in range(8):
        before = office.now
        with pytest.raises(Transient):
            await current(provider)
        pauses.append(office.now - before)
    assert pauses[0] == 0
    for pause, bound in zip(pauses[1:], [0.5, 1, 2, 4, 5, 5, 5], strict=True):
        assert bound / 2 <= pause <= bound


async def test_what_the_supplier_wants_of_logins_is_kept_to() -> None:
    office = Office()
    office.fault = Throttled("…", supplier="ylh", operation="token", retry_after=timedelta(seconds=60))
    provider = office.provider()
    with pytest.raises(Throttled):
        await current(provider)
    office.now = 45
    with pytest.raises(Throttled) as caught:
        await current(provider)
    assert caught.value.retry_after == timedelta(seconds=15)
    assert office.logins == 1


async def test_a_probe_logs_in_whatever_was_said_before() -> None:
    office = Office()
    provider = office.provider()
    provider.refused(await current(provider), refusal())
    assert (await provider.renewed()).generation == 2


@pytest.mark.parametrize(("said", "lives"), [(0, 1), (-5, 1), (float("nan"), 3600), (float("inf"), 3600), (7200, 7200)])
async def test_a_life_that_makes_no_sense_makes_no_storm(said: float, lives: float) -> None:
    office = Office(lifetime=said)
    assert (await current(office.provider())).expires_at == lives


@pytest.mark.parametrize("authorization", ["bearer a\r\nX-Evil: 1", "bearer \u4f60", "bearer \x00"])
async def test_a_token_that_no_header_can_hold_is_our_set_up_and_no_bug(authorization: str) -> None:
    async def login() -> Grant:
        return Grant(authorization, 3600)

    with pytest.raises(Misconfigured) as caught:
        await TokenProvider(login, supplier="ylh").obtain()
    assert caught.value.code == "login_unusable"
    assert authorization not in str(caught.value)


async def test_closing_ends_a_login_that_hangs_and_begins_none() -> None:
    office = Office()
    office.door.clear()
    provider = office.provider()
    waiting = asyncio.create_task(current(provider))
    await settled()
    await provider.aclose()
    for wanted in (waiting, current(provider)):
        with pytest.raises(Transient) as caught:
            await wanted
        assert caught.value.code == "closed"
    assert office.logins == 1


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


def test_a_login_turned_away_by_403_speaks_of_the_address_too() -> None:
    meant = login_error(refusal(403), "YLH_USERNAME")
    assert "IP address" in str(meant)

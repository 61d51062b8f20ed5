"""Logins and addresses at YLH against the sandbox over real HTTP (DESIGN section 6; SUPPLIERS, YLH)."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import pytest

from consumer.domain.errors import (
    Misconfigured,
    SupplierError,
    Throttled,
    Transient,
    Unauthorised,
)
from consumer.settings import load
from consumer.suppliers.authorised import Conduct
from consumer.suppliers.limits import Timeouts
from consumer.suppliers.transport import Transport
from consumer.suppliers.ylh.client import YlhClient
from sandbox.testing import Box, running_sandbox
from tests.support.supplier_clients import (
    ONCE,
    Heard,
    create,
    ylh_client,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def box() -> AsyncIterator[Box]:
    async with running_sandbox() as running:
        yield running


async def test_fifty_creates_whose_token_was_withdrawn_make_one_login(box: Box) -> None:
    heard = Heard("ylh")
    async with ylh_client(box, heard=heard) as client:
        await create(client, "SO-0")
        await box.withdraw_tokens()
        await asyncio.gather(*(create(client, f"SO-{number}") for number in range(1, 51)))
    assert heard.calls["token", "ok"] == 2
    assert (await box.summary())["creates"] == 51


async def test_fifty_first_creates_make_one_login(box: Box) -> None:
    heard = Heard("ylh")
    async with ylh_client(box, heard=heard) as client:
        await asyncio.gather(*(create(client, f"SO-{number}") for number in range(50)))
    assert heard.calls == {("token", "ok"): 1, ("create", "ok"): 50}


async def test_a_token_refused_while_fresh_pauses_without_a_storm_of_logins(box: Box) -> None:
    heard = Heard("ylh")
    await box.add_fault({"call": "ylh.create", "effect": "expire_token"})
    async with ylh_client(box, heard=heard) as client:
        with pytest.raises(Unauthorised, match="YLH_USERNAME") as caught:
            await create(client)
    assert not caught.value.expired
    assert heard.calls == {("token", "ok"): 1, ("create", "auth"): 1}


@pytest.mark.parametrize("setting", ["YLH_PASSWORD", "YLH_USERNAME", "YLH_CLIENT_ID", "YLH_CLIENT_SECRET"])
async def test_wrong_credentials_are_one_clear_sentence_that_names_the_settings(box: Box, setting: str) -> None:
    async with ylh_client(box, settings={setting: "mistyped-secret"}) as client:
        for attempt in (client.login(), client.check(), create(client)):
            with pytest.raises(Unauthorised) as caught:
                await attempt
            assert not caught.value.expired
            assert setting in str(caught.value)
            assert "mistyped-secret" not in repr(caught.value)
            assert caught.value.code == "login_refused"


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"effect": "status", "status": 503}, Transient),
        ({"effect": "hang"}, Transient),
        ({"effect": "lost_answer"}, Transient),
        ({"effect": "broken_json"}, Transient),
        ({"effect": "other_shape"}, Misconfigured),
        ({"effect": "status", "status": 404}, Misconfigured),
        ({"effect": "redirect", "location": "/login"}, Misconfigured),
        ({"effect": "status", "status": 415}, Misconfigured),
        ({"effect": "status", "status": 429, "retry_after": "3"}, Throttled),
        ({"effect": "refuse", "message": "账号已停用"}, Unauthorised),
    ],
)
async def test_a_login_that_fails_never_leaves_a_create_unknown_or_refused(
    box: Box, fault: dict[str, object], kind: type[SupplierError]
) -> None:
    await box.add_fault({"call": "ylh.token"} | fault)
    section = load(box.environment(), dotenv=None, need=["ylh"]).ylh
    conduct = Conduct(Timeouts(token=0.3, call=5), ONCE)
    async with Transport() as transport:
        client = YlhClient(section, transport, conduct)
        with pytest.raises(kind) as caught:
            await create(client)
        assert type(caught.value) is kind
        await client.aclose()


async def test_nothing_is_sent_to_an_address_that_refuses_connections(box: Box) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    async with ylh_client(box, settings={"YLH_BASE_URL": f"http://127.0.0.1:{port}"}) as client:
        with pytest.raises(Transient, match="nothing was sent"):
            await create(client)


@pytest.mark.parametrize("setting", ["YLH_BASE_URL", "YLH_AUTH_URL"])
async def test_a_host_that_does_not_resolve_pauses(box: Box, setting: str) -> None:
    async with ylh_client(box, settings={setting: "http://no-such-host.invalid/oauth/token"}) as client:
        with pytest.raises(Misconfigured, match=setting) as caught:
            await create(client)
    assert caught.value.code == "host_unresolvable"


async def test_the_wrong_environment_calls_services_that_are_not_there(box: Box) -> None:
    async with ylh_client(box, settings={"YLH_ENV": "pre"}) as client:
        with pytest.raises(Misconfigured, match="YLH_ENV"):
            await create(client)

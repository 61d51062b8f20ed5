"""Where Haier's token is: at either of two addresses, whichever answers."""

from __future__ import annotations

import httpx
import pytest
from pydantic import SecretStr

from consumer.domain.errors import Misconfigured, Transient, Unauthorised
from consumer.settings import ENVIRONMENT, HaierSettings, Origin
from consumer.suppliers.calling import Caller, Unobserved
from consumer.suppliers.haier.login import HaierLogin


class Gateway:
    """Has the token endpoint at ``path``."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.answer = httpx.Response(200, json={"access_token": "t", "expires_in": "7200"})
        self.asked: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        return self.answer if request.url.path == self.path else httpx.Response(404)

    def login(self, origin: Origin = ENVIRONMENT, **settings: object) -> HaierLogin:
        account = HaierSettings.model_validate(
            {
                "client_id": "c",
                "client_secret": SecretStr("hush"),
                "base_url": "https://haier.example",
                "customer_code": "8800000001",
                "send_to_code": "8800000001",
                "password": SecretStr("p"),
                "seller_password": SecretStr("p"),
                **settings,
            }
        )
        return HaierLogin(account, Caller(httpx.MockTransport(self), Unobserved()), limit=10, origin=origin)


async def test_the_second_address_is_asked_where_the_first_is_not_there_and_remembered() -> None:
    gateway = Gateway("/oauth2/token")
    login = gateway.login()
    for _ in range(2):
        grant = await login()
        assert (grant.authorization, grant.lifetime) == ("t", 7200)
    assert gateway.asked == ["/oauth2/auth", "/oauth2/token", "/oauth2/token"]


async def test_an_endpoint_that_moves_back_is_found_again() -> None:
    gateway = Gateway("/oauth2/token")
    login = gateway.login()
    await login()
    gateway.path = "/oauth2/auth"
    await login()
    await login()
    assert gateway.asked[2:] == ["/oauth2/token", "/oauth2/auth", "/oauth2/auth"]


async def test_with_the_token_at_neither_address_the_set_up_is_wrong() -> None:
    with pytest.raises(Misconfigured, match="HAIER_TOKEN_URL") as caught:
        await Gateway("/elsewhere").login()()
    assert caught.value.status == 404


async def test_an_address_that_somebody_chose_is_the_only_one() -> None:
    gateway = Gateway("/nowhere")
    with pytest.raises(Misconfigured):
        await gateway.login(token_url="https://haier.example/own/login")()
    assert gateway.asked == ["/own/login"]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.Response(401, json={"error": "invalid_client"}), Unauthorised),
        (httpx.Response(400, json={"error": "invalid_client"}), Unauthorised),
        (httpx.Response(200, json={"success": False, "message": "wrong"}), Unauthorised),
        (httpx.Response(200, json={"data": {"token": None}}), Misconfigured),
        (httpx.Response(503), Transient),
        (httpx.Response(200, text="<html>"), Transient),
    ],
)
async def test_no_other_answer_sends_it_to_the_second_address(answer: httpx.Response, kind: type[Exception]) -> None:
    gateway = Gateway("/oauth2/auth")
    gateway.answer = answer
    with pytest.raises(kind) as caught:
        await gateway.login()()
    assert len(gateway.asked) == 1
    assert "hush" not in str(caught.value)


async def test_the_errors_of_a_stored_account_name_its_keys_and_not_the_environments() -> None:
    gateway = Gateway("/oauth2/auth")
    gateway.answer = httpx.Response(401)
    with pytest.raises(Unauthorised, match=r"client_id, client_secret .* of the stored account north") as refused:
        await gateway.login(Origin("north"))()
    with pytest.raises(Misconfigured, match="token_url and base_url of the stored account north") as missing:
        await Gateway("/elsewhere").login(Origin("north"))()
    for caught in (refused, missing):
        assert "`relay config set north`" in str(caught.value)
        assert "HAIER_" not in str(caught.value)

"""Logins, tokens, limits: what stands in front of the business calls."""

import asyncio

import pytest

from sandbox import SandboxConfig
from sandbox.calling import Caller, Calling
from sandbox.throttle import Throttle


async def test_haier_logs_in_with_json_at_both_paths(caller: Caller) -> None:
    for path in ("/oauth2/auth", "/oauth2/token"):
        answer = await caller.login_haier(path)
        assert (answer.status_code, answer.json()["expires_in"]) == (200, 3600)


async def test_where_auth_is_missing_the_token_path_works(calling: Calling) -> None:
    async with calling(SandboxConfig(haier_auth_missing=True)) as caller:
        assert (await caller.login_haier("/oauth2/auth")).status_code == 404
        assert (await caller.login_haier("/oauth2/token")).status_code == 200


async def test_the_token_may_come_under_data_under_another_name_without_its_life(calling: Calling) -> None:
    config = SandboxConfig(haier_token_key="token", haier_token_under_data=True, token_expires_in=None)
    async with calling(config, login=False) as caller:
        told = (await caller.login_haier()).json()
        assert set(told["data"]) == {"token"}
        caller.haier_token = told["data"]["token"]
        assert (await caller.products()).status_code == 200


async def test_wrong_credentials_are_401_at_both_suppliers(caller: Caller) -> None:
    assert (await caller.login_haier(client_secret="wrong")).status_code == 401
    assert (await caller.login_haier(client_id=None)).status_code == 401
    assert (await caller.login_ylh(secret="wrong")).status_code == 401
    assert (await caller.login_ylh(password="wrong")).status_code == 401


async def test_another_grant_form_or_header_is_400(caller: Caller) -> None:
    assert (await caller.login_haier(grant_type="password")).status_code == 400
    assert (await caller.login_ylh(grant_type="client_credentials")).status_code == 400
    assert (await caller.login_ylh(system="")).status_code == 400
    form = await caller.client.post("/oauth2/auth", data={"grant_type": "client_credentials"})
    assert form.status_code == 400
    as_json = await caller.client.post("/ylh-cloud-mgt-auth-dev/oauth/token", json={"grant_type": "password"})
    assert as_json.status_code == 400


async def test_haier_takes_the_token_bare_or_as_bearer(caller: Caller) -> None:
    bare = caller.haier_token
    for header, status in ((bare, 200), (f"Bearer {bare}", 200), ("", 401), ("other", 401), (f"Basic {bare}", 401)):
        caller.haier_token = header
        assert (await caller.products()).status_code == status, header


@pytest.mark.parametrize(("scheme", "bare_status", "bearer_status"), [("bare", 200, 401), ("Bearer", 401, 200)])
async def test_a_gateway_that_wants_one_form_of_the_token(
    calling: Calling, scheme: str, bare_status: int, bearer_status: int
) -> None:
    async with calling(SandboxConfig.model_validate({"haier_auth_scheme": scheme})) as caller:
        bare = caller.haier_token
        assert (await caller.products()).status_code == bare_status
        caller.haier_token = f"Bearer {bare}"
        assert (await caller.products()).status_code == bearer_status
        assert caller.known["HAIER_AUTH_SCHEME"] == ("Bearer" if scheme == "Bearer" else "")


async def test_ylh_wants_the_token_behind_its_type(caller: Caller) -> None:
    token_type, token = caller.ylh_token.split()
    assert token_type == "bearer"
    for header, status in ((f"Bearer {token}", 200), (token, 401), (f"Basic {token}", 401), ("bearer x", 401)):
        caller.ylh_token = header
        assert (await caller.cancel("SO-1")).status_code == status, header


async def test_a_token_of_one_supplier_opens_nothing_at_the_other(caller: Caller) -> None:
    caller.haier_token = caller.ylh_token.split()[1]
    assert (await caller.products()).status_code == 401


async def test_a_token_ends_with_its_life(calling: Calling) -> None:
    async with calling(SandboxConfig(token_lifetime=0.2)) as caller:
        assert (await caller.products()).status_code == 200
        await asyncio.sleep(0.25)
        refused = await caller.products()
        assert (refused.status_code, refused.json()["success"]) == (401, False)
        await caller.login()
        assert (await caller.products()).status_code == 200


async def test_all_tokens_can_be_withdrawn(caller: Caller) -> None:
    assert await caller.box.withdraw_tokens() == 2
    assert (await caller.products()).status_code == 401
    assert (await caller.cancel("SO-1")).status_code == 401


@pytest.mark.parametrize(("env", "other"), [("dev", "-pre"), ("pre", ""), ("prod", "-dev")])
async def test_only_the_paths_of_the_configured_environment_exist(calling: Calling, env: str, other: str) -> None:
    async with calling(SandboxConfig.model_validate({"ylh_env": env})) as caller:
        assert (await caller.create("SO-1")).json()["success"] is True
        path = f"/ylh-cloud-service-jst-order{other}/api/page/hmm/retailorder/receive-hmm-retail-order"
        assert (await caller.ylh(path, caller.order("SO-2"))).status_code == 404


async def test_above_the_limit_the_caller_is_throttled(calling: Calling) -> None:
    async with calling(SandboxConfig(rate_limit=3)) as caller:
        answers = [await caller.products(productCodes=["BX0000001"]) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
        assert answers[-1].headers["Retry-After"] == "1"
        assert (await caller.cancel("SO-1")).status_code == 200, "the other supplier has a limit of its own"
        assert (await caller.box.ledger())["statuses"]["haier.products"] == {"200": 3, "429": 2}


def test_the_limit_holds_in_every_window_of_one_second() -> None:
    moments = iter((0.0, 0.9, 0.95, 1.0, 1.1, 1.91, 1.95))
    throttle = Throttle(2, clock=lambda: next(moments))
    taken = [throttle.admits() for _ in range(7)]
    assert taken == [True, True, False, True, False, True, False]


async def test_what_is_no_post_no_path_or_no_json(caller: Caller) -> None:
    assert (await caller.client.get("/oauth2/auth")).status_code == 405
    assert (await caller.client.post("/nowhere", json={})).status_code == 404
    path = "/ylh-cloud-service-jst-order-dev/api/page/hmm/retailorder/cancel-hmm-retail-order"
    for body in (b"", b"{", b"\xff", b'{"soId": NaN}', b"[" * 50_000):
        answer = await caller.client.post(path, content=body, headers={"Authorization": caller.ylh_token})
        assert answer.status_code == 400
    answer = await caller.client.post(path, content=b"null", headers={"Authorization": caller.ylh_token})
    assert (answer.status_code, answer.json()["success"]) == (200, False)

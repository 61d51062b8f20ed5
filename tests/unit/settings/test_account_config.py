"""The config of a stored account: the environment's rules under its own keys, every fault at once, no secret shown."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from consumer.settings import (
    KEYS,
    SECRET_KEYS,
    AccountRefused,
    HaierSettings,
    HttpSettings,
    ServiceSettings,
    load,
    secrets_of,
)
from consumer.settings import check_account as check
from sandbox.credentials import environment

GOOD: dict[str, object] = {
    "client_id": "c1",
    "client_secret": "hush-client",
    "base_url": "https://openplat-test.haier.net/",
    "customer_code": "8800000001",
    "send_to_code": "8800000002",
    "password": "hush-password",
    "seller_password": "hush-seller",
}
DEV, HTTP = ServiceSettings(), HttpSettings()
PROD = ServiceSettings(environment="prod")


def problems(document: dict[str, object], service: ServiceSettings = DEV) -> dict[str, str]:
    with pytest.raises(AccountRefused) as refusal:
        check(document, service, HTTP)
    assert "hush" not in str(refusal.value)
    return {problem.setting: f"{problem.problem}; expected {problem.expected}" for problem in refusal.value.problems}


def test_the_keys_are_the_environments_in_lower_case_without_the_prefix() -> None:
    aliases = {field.alias for field in HaierSettings.model_fields.values()}
    assert {f"HAIER_{key.upper()}" for key in HaierSettings.model_fields} == aliases
    assert set(KEYS) == {*HaierSettings.model_fields, "sync_prices", "sync_stock", "county_codes"}
    assert {"client_secret", "password", "seller_password", "customer_password"} == SECRET_KEYS


def test_a_config_says_the_same_as_the_environment() -> None:
    account = environment("http://127.0.0.1:9100")
    ours = {name.removeprefix("HAIER_").lower(): value for name, value in account.items() if name.startswith("HAIER_")}
    assert check(dict(ours), DEV, HTTP).haier == load(account, None).haier


def test_only_what_was_set_is_kept_and_the_rest_has_the_environments_defaults() -> None:
    config = check({**GOOD, "stock_source": None, "auth_scheme": " "}, DEV, HTTP)
    assert set(config.given()) == set(GOOD)
    assert config.given()["base_url"] == "https://openplat-test.haier.net"
    assert config.given()["client_secret"] == SecretStr("hush-client")
    assert (config.haier.supplier_code, config.haier.stock_source) == ("1001", "JSH-B")
    assert config.haier.token_url == "https://openplat-test.haier.net/oauth2/auth"
    assert set(secrets_of(config.haier)) == {"hush-client", "hush-password", "hush-seller"}
    assert check(config.given(), DEV, HTTP) == config


def test_defaults_for_syncs() -> None:
    config = check({**GOOD, "sync_prices": True, "sync_stock": "yes", "county_codes": ["330106", "310101"]}, DEV, HTTP)
    assert config.sync.model_dump() == {"sync_prices": True, "sync_stock": True, "county_codes": ("330106", "310101")}
    assert config.given()["county_codes"] == ["330106", "310101"]
    assert (
        check({**GOOD, "county_codes": "330106, 310101"}, DEV, HTTP).sync
        == check({**GOOD, "county_codes": ["330106", "310101"]}, DEV, HTTP).sync
    )


def test_every_fault_is_told_at_once_under_its_key() -> None:
    found = problems(
        {
            "client_secret": 5,
            "base_url": "openplat-test.haier.net",
            "customer_code": 8800000001,
            "auth_scheme": "Bearer!",
            "county_codes": ["33010", 310101],
            "sync_prices": "perhaps",
            "seller_pasword": "hush-typo",
            "HAIER_PASSWORD": "hush-prefixed",
            "colour": "red",
        }
    )
    assert set(found) == {
        "client_id",
        "client_secret",
        "base_url",
        "customer_code",
        "auth_scheme",
        "password",
        "seller_password",
        "county_codes",
        "sync_prices",
        "seller_pasword",
        "HAIER_PASSWORD",
        "colour",
    }
    assert "seller_password (is it that?)" in found["seller_pasword"]
    assert "password (is it that?)" in found["HAIER_PASSWORD"]
    assert "client_id" in found["colour"]
    assert found["client_id"].startswith("is missing")
    assert found["client_secret"].startswith("is not text")
    assert found["customer_code"].startswith('"8800000001" is not text')


def test_haiers_own_goods_need_the_ship_to_party() -> None:
    without = {key: value for key, value in GOOD.items() if key != "send_to_code"}
    missing = "is missing; expected your ship-to party code 送达方, since supplier_code is 1001"
    assert problems(without) == {"send_to_code": missing}
    assert check({**without, "supplier_code": "1002"}, DEV, HTTP).haier.send_to_code is None


def test_production_refuses_the_sandbox_here_too() -> None:
    assert set(problems({**GOOD, "base_url": "http://127.0.0.1:9100"}, PROD)) == {"base_url", "token_url"}
    assert set(problems({**GOOD, "token_url": "http://openplat-test.haier.net/x"}, PROD)) == {"token_url"}


def test_no_fault_names_a_setting_of_the_environment_that_the_config_has_itself() -> None:
    for document in ({}, {**GOOD, "send_to_code": ""}, {**GOOD, "token_url": "x"}):
        assert not any("HAIER_" in told for told in problems(dict(document)).values())

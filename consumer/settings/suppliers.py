"""The suppliers' settings, under the names that people who run the system already have (SUPPLIERS, "Settings")."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr

from consumer.settings import values
from consumer.settings.sections import Section
from consumer.settings.texts import from_text, from_word
from consumer.settings.values import CallbackWindow

WebUrl = Annotated[str, BeforeValidator(from_text(values.web_url))]
Pattern = Annotated[re.Pattern[str], BeforeValidator(from_text(values.pattern))]
Text = Annotated[str, Field(min_length=1)]
Secret = Annotated[SecretStr, Field(min_length=1)]

YLH_HOSTS = {"dev": "https://dev.ylhtest.com", "pre": "https://pre.yilihuo.com", "prod": "https://www.yilihuo.com"}
"""Where each environment of YLH lives (SUPPLIERS, YLH); https is served although the papers say http."""

_FROM_HAIER = "the value that Haier's open platform gave you"
_FROM_YLH = "the value that YLH gave you"


def _haier_token_url(given: dict[str, Any]) -> str:
    return f"{given['base_url']}/oauth2/auth"


def _ylh_base_url(given: dict[str, Any]) -> str:
    return YLH_HOSTS[given["environment"]]


class HaierSettings(Section):
    """Haier: goods, prices, stock, logistics, balance (SUPPLIERS, Haier)."""

    client_id: Text = Field(alias="HAIER_CLIENT_ID", description=_FROM_HAIER)
    client_secret: Secret = Field(alias="HAIER_CLIENT_SECRET", description=_FROM_HAIER)
    base_url: WebUrl = Field(
        alias="HAIER_BASE_URL",
        description="the root URL: https://openplat-bj-aliyun.haier.net, or https://openplat-test.haier.net for tests",
    )
    token_url: WebUrl = Field(
        default_factory=_haier_token_url,
        alias="HAIER_TOKEN_URL",
        description="the whole URL of the token endpoint; left out: <HAIER_BASE_URL>/oauth2/auth",
    )
    auth_scheme: str = Field(
        "", alias="HAIER_AUTH_SCHEME", pattern=r"^[A-Za-z]*$", description="nothing for the bare token, or Bearer"
    )
    customer_code: Text = Field(alias="HAIER_CUSTOMER_CODE", description="your sold-to party code 售达方")
    send_to_code: Text | None = Field(
        None,
        alias="HAIER_SEND_TO_CODE",
        description="your ship-to party code 送达方 (needed while HAIER_SUPPLIER_CODE is 1001)",
    )
    supplier_code: Text = Field("1001", alias="HAIER_SUPPLIER_CODE", description="a supplier code such as 1001")
    password: Secret = Field(alias="HAIER_PASSWORD", description=_FROM_HAIER)
    seller_password: Secret = Field(alias="HAIER_SELLER_PASSWORD", description=_FROM_HAIER)
    customer_password: Secret | None = Field(
        None, alias="HAIER_CUSTOMER_PASSWORD", description=f"{_FROM_HAIER}; left out: HAIER_PASSWORD"
    )
    stock_source: Text = Field("JSH-B", alias="HAIER_STOCK_SOURCE", description="a supplier mark such as JSH-B")


class YlhSettings(Section):
    """YLH: the order's life (SUPPLIERS, YLH)."""

    environment: Annotated[Literal["dev", "pre", "prod"], BeforeValidator(from_word)] = Field(
        alias="YLH_ENV", description="dev, pre or prod"
    )
    base_url: WebUrl = Field(
        default_factory=_ylh_base_url,
        alias="YLH_BASE_URL",
        description="YLH's host, such as https://www.yilihuo.com; left out: the one of YLH_ENV",
    )
    auth_url: WebUrl | None = Field(
        None,
        alias="YLH_AUTH_URL",
        description="the whole URL of the token endpoint, or nothing for the usual one on YLH_BASE_URL",
    )
    username: Text = Field(alias="YLH_USERNAME", description=_FROM_YLH)
    password: Secret = Field(alias="YLH_PASSWORD", description=_FROM_YLH)
    client_id: Text = Field(alias="YLH_CLIENT_ID", description=_FROM_YLH)
    client_secret: Secret = Field(alias="YLH_CLIENT_SECRET", description=_FROM_YLH)
    source_system: Text = Field(alias="YLH_SOURCE_SYSTEM", description=_FROM_YLH)
    seller_code: str = Field(alias="YLH_SELLER_CODE", pattern=r"^[0-9]{8}$", description="eight digits")
    shop_name: Text = Field(alias="YLH_SHOP_NAME", description="the shop's name as YLH knows it")
    duplicate_pattern: Pattern = Field(
        re.compile(r"(子?单号|soId).*重复|重复推送"),
        alias="YLH_DUPLICATE_PATTERN",
        description="a regular expression found in YLH's refusal of a sub-order that it has already",
    )
    unknown_order_pattern: Pattern = Field(
        re.compile("不存在"),
        alias="YLH_UNKNOWN_ORDER_PATTERN",
        description="a regular expression found in YLH's refusal of a cancel for an order that it does not have",
    )
    single_unit: Annotated[Literal["off", "warn", "reject"], BeforeValidator(from_word)] = Field(
        "warn", alias="RELAY_YLH_SINGLE_UNIT", description="off, warn or reject"
    )


class CallbackSettings(Section):
    """YLH calls us back (SUPPLIERS, "YLH calls us back"); needed by the receiver only."""

    app_key: Text = Field(alias="YLH_CALLBACK_APP_KEY", description=_FROM_YLH)
    secret: Secret = Field(alias="YLH_CALLBACK_SECRET", description=_FROM_YLH)
    window: Annotated[CallbackWindow, BeforeValidator(from_text(values.callback_window))] = Field(
        CallbackWindow(), alias="RELAY_CALLBACK_WINDOW", description="how far back and how far ahead, such as 72h,10m"
    )

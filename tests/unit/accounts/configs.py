"""Configs of accounts, good ones, for tests by example and by property."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from hypothesis import strategies as st
from pydantic import SecretStr

from consumer.settings import SECRET_KEYS, AccountConfig, HttpSettings, ServiceSettings, check_account

if TYPE_CHECKING:
    from collections.abc import Mapping

GOOD: Final[dict[str, Any]] = {
    "client_id": "c1",
    "client_secret": "hush-client",
    "base_url": "https://openplat-test.haier.net",
    "customer_code": "8800000001",
    "send_to_code": "8800000002",
    "password": "hush-password",
    "seller_password": "hush-seller",
}


def checked(document: Mapping[str, object], *, whose: str = "The config") -> AccountConfig:
    """The rules of a service in development."""
    return check_account(document, ServiceSettings(), HttpSettings(), whose=whose)


secrets = st.text(alphabet="0123456789abcdefghijkUVWXYZ密码!'\"\\ ", min_size=8, max_size=20).filter(
    lambda text: text == text.strip()
)
_texts = st.text(alphabet="abcxyz0189", min_size=1, max_size=8)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """A config whose secrets look like no other value."""
    document: dict[str, Any] = {
        **GOOD,
        "client_id": draw(_texts),
        "customer_code": draw(_texts),
        **{key: f"hush-{draw(secrets)}" for key in sorted(SECRET_KEYS - {"customer_password"})},
    }
    if draw(st.booleans()):
        document["customer_password"] = f"hush-{draw(secrets)}"
    if draw(st.booleans()):
        document["county_codes"] = draw(st.lists(st.from_regex(r"[0-9]{6}", fullmatch=True), max_size=3))
    if draw(st.booleans()):
        document["sync_prices"] = draw(st.booleans())
    return document


def plain(document: dict[str, Any]) -> dict[str, Any]:
    """As it is handed around: secrets as `SecretStr`."""
    return {key: SecretStr(value) if key in SECRET_KEYS else value for key, value in document.items()}

"""The made-up accounts that the sandbox knows, and the settings with which the service reaches them.

Nothing here opens anything but a sandbox. Names of settings: SUPPLIERS, Settings of each supplier.
"""

from dataclasses import dataclass
from typing import Literal

YlhEnvironment = Literal["dev", "pre", "prod"]


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a caller has to show at each supplier. Customer and send-to code: ten digits; seller code: eight."""

    haier_client_id: str = "sandbox-client"
    haier_client_secret: str = "sandbox-client-secret"
    haier_customer_code: str = "8800000001"
    haier_send_to_code: str = "8800000002"
    haier_supplier_code: str = "1001"
    haier_password: str = "sandbox-password"
    haier_seller_password: str = "sandbox-seller-password"
    haier_customer_password: str = "sandbox-customer-password"
    haier_stock_source: str = "JSH-B"
    ylh_username: str = "sandbox-user"
    ylh_password: str = "sandbox-user-password"
    ylh_client_id: str = "sandbox-ylh-client"
    ylh_client_secret: str = "sandbox-ylh-client-secret"
    ylh_source_system: str = "SANDBOX"
    ylh_seller_code: str = "88000001"
    ylh_shop_name: str = "沙箱旗舰店"
    ylh_callback_app_key: str = "sandbox-app-key"
    ylh_callback_secret: str = "sandbox-callback-secret"


SANDBOX = Credentials()


def environment(
    base_url: str, *, env: YlhEnvironment = "dev", credentials: Credentials = SANDBOX, auth_scheme: str = ""
) -> dict[str, str]:
    """All ``HAIER_*`` and ``YLH_*`` settings to talk to a sandbox at ``base_url`` (scheme, host and port).

    ``env`` must be the one that the sandbox was started with (:attr:`sandbox.config.SandboxConfig.ylh_env`): outside
    production it is part of each YLH path.
    """
    root = base_url.rstrip("/")
    return {
        "HAIER_CLIENT_ID": credentials.haier_client_id,
        "HAIER_CLIENT_SECRET": credentials.haier_client_secret,
        "HAIER_TOKEN_URL": f"{root}/oauth2/auth",
        "HAIER_BASE_URL": root,
        "HAIER_AUTH_SCHEME": auth_scheme,
        "HAIER_CUSTOMER_CODE": credentials.haier_customer_code,
        "HAIER_SEND_TO_CODE": credentials.haier_send_to_code,
        "HAIER_SUPPLIER_CODE": credentials.haier_supplier_code,
        "HAIER_PASSWORD": credentials.haier_password,
        "HAIER_SELLER_PASSWORD": credentials.haier_seller_password,
        "HAIER_CUSTOMER_PASSWORD": credentials.haier_customer_password,
        "HAIER_STOCK_SOURCE": credentials.haier_stock_source,
        "YLH_BASE_URL": root,
        "YLH_ENV": env,
        "YLH_USERNAME": credentials.ylh_username,
        "YLH_PASSWORD": credentials.ylh_password,
        "YLH_CLIENT_ID": credentials.ylh_client_id,
        "YLH_CLIENT_SECRET": credentials.ylh_client_secret,
        "YLH_SOURCE_SYSTEM": credentials.ylh_source_system,
        "YLH_SELLER_CODE": credentials.ylh_seller_code,
        "YLH_SHOP_NAME": credentials.ylh_shop_name,
        "YLH_CALLBACK_APP_KEY": credentials.ylh_callback_app_key,
        "YLH_CALLBACK_SECRET": credentials.ylh_callback_secret,
    }

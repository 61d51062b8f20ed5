"""What others build on: each call that rules may name exists, and the settings are those of SUPPLIERS."""

from typing import get_args

from sandbox import SandboxConfig, environment
from sandbox.faults import CallName
from sandbox.gateway import Gateway

# Under its root, each path exactly as SUPPLIERS prints it; YLH's with the suffix of the pre-production environment.
PATHS = {
    "/oauth2/auth": "haier.token",
    "/oauth2/token": "haier.token",
    "/yilihuo/jsh-service-goods-mall-search/api/product-info/procurable-products-out/check-procurable-products": (
        "haier.products"
    ),
    "/yilihuo/jsh-service-goods-price/api/goods-price/price-daily-sales/price-query/pt-out-list-price": "haier.prices",
    "/yilihuo/jsh-service-stock-mall/api/page/stock/get-available-stock-open": "haier.stock",
    "/yilihuo/ylh-cloud-service-stock/api/page/stock/logistics/sass/get-thirdparty-logistics-info-by-order-code-auth": (
        "haier.logistics"
    ),
    "/yilihuo/jsh-service-finance-mall/api/page/account/account-balance-manager"
    "/get-payer-account-balance-by-customer-code": "haier.balance",
    "/ylh-cloud-mgt-auth-pre/oauth/token": "ylh.token",
    "/ylh-cloud-service-jst-order-pre/api/page/hmm/retailorder/receive-hmm-retail-order": "ylh.create",
    "/ylh-cloud-service-jst-order-pre/api/page/hmm/retailorder/cancel-hmm-retail-order": "ylh.cancel",
    "/ylh-cloud-service-order-pre/api/page/retailorder/hmm/update-distribution-time": "ylh.reschedule",
    "/ylh-cloud-service-order-pre/api/page/retailorder/search/get-retail-order-delivery-img": "ylh.photos",
    "/ylh-cloud-service-stock-pre/api/composite/stock/logistics/get-store-logistics-by-order-code": "ylh.logistics",
}


async def test_every_path_leads_to_its_call() -> None:
    gateway = Gateway(SandboxConfig(ylh_env="pre"))
    found = {path: desk.name for path in PATHS if (desk := gateway.desk(path))}
    assert found == PATHS


def test_rules_may_name_every_call_and_no_other() -> None:
    assert set(get_args(CallName)) == set(PATHS.values())


def test_the_settings_have_the_suppliers_names() -> None:
    settings = environment("http://127.0.0.1:9100/")
    assert set(settings) == {
        "HAIER_CLIENT_ID", "HAIER_CLIENT_SECRET", "HAIER_TOKEN_URL", "HAIER_BASE_URL", "HAIER_AUTH_SCHEME",
        "HAIER_CUSTOMER_CODE", "HAIER_SEND_TO_CODE", "HAIER_SUPPLIER_CODE", "HAIER_PASSWORD", "HAIER_SELLER_PASSWORD",
        "HAIER_CUSTOMER_PASSWORD", "HAIER_STOCK_SOURCE",
        "YLH_BASE_URL", "YLH_ENV", "YLH_USERNAME", "YLH_PASSWORD", "YLH_CLIENT_ID", "YLH_CLIENT_SECRET",
        "YLH_SOURCE_SYSTEM", "YLH_SELLER_CODE", "YLH_SHOP_NAME", "YLH_CALLBACK_APP_KEY", "YLH_CALLBACK_SECRET",
    }  # fmt: skip
    assert settings["HAIER_TOKEN_URL"] == "http://127.0.0.1:9100/oauth2/auth"
    assert settings["YLH_BASE_URL"] == "http://127.0.0.1:9100"
    assert settings["HAIER_SUPPLIER_CODE"] == "1001"

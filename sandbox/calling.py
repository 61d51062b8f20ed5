"""A plain client of both suppliers, written from SUPPLIERS like the sandbox itself.

Tests of the sandbox use it, and whoever wants to see by hand what a supplier answers. The service has its own clients
and borrows nothing from here.
"""

import base64
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx

from sandbox.testing import Box

GOODS = "/yilihuo/jsh-service-goods-mall-search/api/product-info/procurable-products-out/check-procurable-products"
PRICES = "/yilihuo/jsh-service-goods-price/api/goods-price/price-daily-sales/price-query/pt-out-list-price"
STOCK = "/yilihuo/jsh-service-stock-mall/api/page/stock/get-available-stock-open"
HAIER_LOGISTICS = (
    "/yilihuo/ylh-cloud-service-stock/api/page/stock/logistics/sass/get-thirdparty-logistics-info-by-order-code-auth"
)
BALANCE = (
    "/yilihuo/jsh-service-finance-mall/api/page/account/account-balance-manager"
    "/get-payer-account-balance-by-customer-code"
)


class Caller:
    """Calls one sandbox with the settings that it hands out."""

    def __init__(self, box: Box, client: httpx.AsyncClient) -> None:
        self.box = box
        self.client = client
        self.known = box.environment()
        self.haier_token = ""
        self.ylh_token = ""

    @property
    def suffix(self) -> str:
        """The environment in YLH's paths."""
        return "" if self.known["YLH_ENV"] == "prod" else f"-{self.known['YLH_ENV']}"

    async def login_haier(self, path: str = "/oauth2/auth", **changed: object) -> httpx.Response:
        """Ask for a token with client credentials; ``changed`` replaces fields of the request."""
        return await self.client.post(
            path,
            json={
                "client_id": self.known["HAIER_CLIENT_ID"],
                "client_secret": self.known["HAIER_CLIENT_SECRET"],
                "grant_type": "client_credentials",
                **changed,
            },
        )

    async def login_ylh(
        self, *, secret: str | None = None, system: str = "ylh-open-api", **changed: str
    ) -> httpx.Response:
        """Ask for a token with the password grant; ``changed`` replaces fields of the form."""
        pair = f"{self.known['YLH_CLIENT_ID']}:{secret or self.known['YLH_CLIENT_SECRET']}"
        form = {
            "grant_type": "password",
            "username": self.known["YLH_USERNAME"],
            "password": self.known["YLH_PASSWORD"],
        }
        return await self.client.post(
            f"/ylh-cloud-mgt-auth{self.suffix}/oauth/token",
            data={**form, **changed},
            headers={"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}", "system-name": system},
        )

    async def login(self) -> None:
        """Log in at both suppliers and keep the tokens."""
        self.haier_token = (await self.login_haier("/oauth2/token")).json()["access_token"]
        told = (await self.login_ylh()).json()
        self.ylh_token = f"{told['token_type']} {told['access_token']}"

    async def haier(self, path: str, body: object) -> httpx.Response:
        """One call at Haier with the token that is kept."""
        return await self.client.post(path, json=body, headers={"Authorization": self.haier_token})

    async def ylh(self, path: str, body: object) -> httpx.Response:
        """One call at YLH with the token that is kept."""
        return await self.client.post(path, json=body, headers={"Authorization": self.ylh_token})

    def order(self, so_id: str, **changed: object) -> dict[str, Any]:
        """A create that YLH takes; ``changed`` replaces its fields."""
        return {
            "sourceSystem": self.known["YLH_SOURCE_SYSTEM"],
            "shopName": self.known["YLH_SHOP_NAME"],
            "sellerCode": self.known["YLH_SELLER_CODE"],
            "consigneeName": "王小明",
            "consigneeMobile": "13800000000",
            "onlineNo": f"ON-{so_id}",
            "soId": so_id,
            "totalQty": 2,
            "totalAmt": "5199.90",
            "createTime": 1767240000000,
            "province": "山东省",
            "city": "青岛市",
            "area": "崂山区",
            "detailAddress": "海尔路1号",
            "deliveryInstall": "false",
            "itemList": [
                {
                    "productCode": "BX0000001",
                    "itemQty": 2,
                    "retailPrice": "2699.95",
                    "discountAmount": 100,
                    "actualPrice": 2599.95,
                }
            ],
            **changed,
        }

    async def create(self, so_id: str, **changed: object) -> httpx.Response:
        """Push an order."""
        path = f"/ylh-cloud-service-jst-order{self.suffix}/api/page/hmm/retailorder/receive-hmm-retail-order"
        return await self.ylh(path, self.order(so_id, **changed))

    async def cancel(self, so_id: str, **changed: object) -> httpx.Response:
        """Cancel an order."""
        path = f"/ylh-cloud-service-jst-order{self.suffix}/api/page/hmm/retailorder/cancel-hmm-retail-order"
        body = {
            "soId": so_id,
            "cancelTime": "1767240000000",
            "cancelReason": "不要了",
            "sourceSystem": self.known["YLH_SOURCE_SYSTEM"],
        }
        return await self.ylh(path, {**body, **changed})

    async def reschedule(self, number: str, **times: object) -> httpx.Response:
        """Move an order; ``times`` are ``distributionTime`` and ``installTime`` in milliseconds."""
        path = f"/ylh-cloud-service-order{self.suffix}/api/page/retailorder/hmm/update-distribution-time"
        return await self.ylh(path, {"retailOrderNo": number, **times})

    async def photos(self, number: str) -> httpx.Response:
        """Ask for the photos of a delivery."""
        path = f"/ylh-cloud-service-order{self.suffix}/api/page/retailorder/search/get-retail-order-delivery-img"
        return await self.ylh(path, {"orderNo": number})

    async def logistics(self, numbers: object) -> httpx.Response:
        """Ask YLH for shipments."""
        path = f"/ylh-cloud-service-stock{self.suffix}/api/composite/stock/logistics/get-store-logistics-by-order-code"
        return await self.ylh(path, numbers)

    async def products(self, **changed: object) -> httpx.Response:
        """Ask for procurable goods."""
        body: dict[str, object] = {
            "customerCode": self.known["HAIER_CUSTOMER_CODE"],
            "sendToCode": self.known["HAIER_SEND_TO_CODE"],
            "supplierCode": self.known["HAIER_SUPPLIER_CODE"],
            "searchType": "PTJSH",
            "passWord": self.known["HAIER_PASSWORD"],
        }
        return await self.haier(GOODS, {**body, **changed})

    async def prices(self, **changed: object) -> httpx.Response:
        """Ask for prices."""
        body: dict[str, object] = {
            "customerCode": self.known["HAIER_CUSTOMER_CODE"],
            "sendToCode": self.known["HAIER_SEND_TO_CODE"],
            "priceType": "PT",
            "passWord": self.known["HAIER_PASSWORD"],
        }
        return await self.haier(PRICES, {**body, **changed})

    async def stock(self, **changed: object) -> httpx.Response:
        """Ask for the stock of one article in one county."""
        body: dict[str, object] = {
            "salesCode": self.known["HAIER_CUSTOMER_CODE"],
            "senderCode": self.known["HAIER_SEND_TO_CODE"],
            "productCode": "BX0000001",
            "countyCode": "370212",
            "source": self.known["HAIER_STOCK_SOURCE"],
            "sellerPassword": self.known["HAIER_SELLER_PASSWORD"],
        }
        return await self.haier(STOCK, {**body, **changed})

    async def haier_logistics(self, number: str, **changed: object) -> httpx.Response:
        """Ask Haier for the shipments of one order."""
        body: dict[str, object] = {
            "orderCode": number,
            "sellerCode": self.known["HAIER_CUSTOMER_CODE"],
            "sellerPassword": self.known["HAIER_SELLER_PASSWORD"],
        }
        return await self.haier(HAIER_LOGISTICS, {**body, **changed})

    async def balance(self, **changed: object) -> httpx.Response:
        """Ask for the payers' balances."""
        body: dict[str, object] = {
            "customerCode": self.known["HAIER_CUSTOMER_CODE"],
            "customerPassword": self.known["HAIER_CUSTOMER_PASSWORD"],
        }
        return await self.haier(BALANCE, {**body, **changed})


Calling = Callable[..., AbstractAsyncContextManager[Caller]]

"""The Haier open platform on the wire: client credentials as JSON, goods, prices, stock, logistics, balance.

SUPPLIERS, "Haier: goods, prices, stock, logistics, balance", with its misspelt keys and its numbers that come as JSON
numbers or as strings.
"""

import re
import time
from collections.abc import Mapping
from decimal import Decimal

from sandbox import reading
from sandbox.catalogue import NO_VALID_PRICE, NOT_PROCURABLE, Catalogue, Product
from sandbox.config import SandboxConfig
from sandbox.ledger import Ledger
from sandbox.shipping import shipments, traces
from sandbox.tokens import TokenOffice
from sandbox.wire import JSON, Answer, Call, HttpRefusal, Refusal, Written, dumped, parsed
from sandbox.ylh import one_of

MOST_CODES = 20
WRONG_ACCOUNT = "30001"
WRONG_PASSWORD = "30002"
WRONG_GOODS = "30003"
COUNTY = re.compile(r"[1-8][0-9]{5}")


class Haier:
    """One account at the open platform."""

    name = "haier"

    def __init__(self, config: SandboxConfig, ledger: Ledger, catalogue: Catalogue) -> None:
        self._config = config
        self._known = config.credentials
        self._ledger = ledger
        self._catalogue = catalogue
        self._list: tuple[int, Written] | None = None
        self.tokens = TokenOffice(config.token_lifetime)

    def paths(self) -> dict[str, Call]:
        """Each business call under its path."""
        goods = "/yilihuo/jsh-service-goods-mall-search/api/product-info/procurable-products-out"
        price = "/yilihuo/jsh-service-goods-price/api/goods-price/price-daily-sales/price-query"
        stock = "/yilihuo/jsh-service-stock-mall/api/page/stock"
        logistics = "/yilihuo/ylh-cloud-service-stock/api/page/stock/logistics/sass"
        balance = "/yilihuo/jsh-service-finance-mall/api/page/account/account-balance-manager"
        return {
            f"{goods}/check-procurable-products": Call("haier.products", "message", codes_of, self._products),
            f"{price}/pt-out-list-price": Call("haier.prices", "description", codes_of, self._prices),
            f"{stock}/get-available-stock-open": Call("haier.stock", "message", code_of, self._stock),
            f"{logistics}/get-thirdparty-logistics-info-by-order-code-auth": Call(
                "haier.logistics", "message", order_of, self._logistics
            ),
            f"{balance}/get-payer-account-balance-by-customer-code": Call(
                "haier.balance", "description", customer_of, self._balance
            ),
        }

    def token_paths(self) -> tuple[str, ...]:
        """Where a token is asked for; some gateways know only the second."""
        return ("/oauth2/token",) if self._config.haier_auth_missing else ("/oauth2/auth", "/oauth2/token")

    def grant(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """Client credentials in a JSON body; raises :class:`HttpRefusal` 400 or 401."""
        if not headers.get("Content-Type", "").startswith("application/json"):
            raise HttpRefusal(400, "请求格式错误，应为application/json")
        request = parsed(body)
        if not isinstance(request, Mapping) or request.get("grant_type") != "client_credentials":
            raise HttpRefusal(400, "不支持的grant_type")
        shown = (request.get("client_id"), request.get("client_secret"))
        if shown != (self._known.haier_client_id, self._known.haier_client_secret):
            raise HttpRefusal(401, "client_id或client_secret错误")
        told: dict[str, JSON] = {self._config.haier_token_key: self.tokens.issue()}
        if self._config.token_expires_in is not None:
            told["expires_in"] = self._config.token_expires_in
        return Answer(200, dumped({"success": True, "data": told} if self._config.haier_token_under_data else told))

    def token_in(self, authorization: str) -> str:
        """The live token, bare or behind ``Bearer``, as the configured gateway wants it; 401 otherwise."""
        scheme, space, rest = authorization.partition(" ")
        prefixed = bool(space) and scheme == "Bearer"
        wanted = self._config.haier_auth_scheme
        token = rest if prefixed else authorization
        if (wanted == "bare" and prefixed) or (wanted == "Bearer" and not prefixed) or not self.tokens.accepts(token):
            raise HttpRefusal(401)
        return token

    def _products(self, payload: JSON) -> "JSON | Written":
        request = reading.document(payload)
        self._check_buyer(request)
        if request.get("searchType") != "PTJSH":
            raise Refusal(reading.WRONG, "searchType不正确，应为PTJSH")
        wanted = reading.codes(request, "productCodes", most=MOST_CODES)
        if wanted is None:
            return self._every_product()
        return [goods_page(found, self._config.pictures) for found in map(self._catalogue.find, wanted) if found]

    def _every_product(self) -> Written:
        """The whole list, written once for each state of the catalogue: of 100,000 goods that takes a second or two."""
        if self._list is None or self._list[0] != self._catalogue.changes:
            pages: JSON = [
                goods_page(found, self._config.pictures) for found in self._catalogue.all() if found.procurable
            ]
            self._list = self._catalogue.changes, Written(dumped(pages))
        return self._list[1]

    def _prices(self, payload: JSON) -> JSON:
        request = reading.document(payload)
        self._check_buyer(request, supplier=False)
        if request.get("priceType") != "PT":
            raise Refusal(reading.WRONG, "priceType不正确，应为PT")
        wanted = reading.codes(request, "productCodes", most=MOST_CODES)
        if wanted is None:
            raise Refusal(reading.MISSING, "productCodes不能为空")
        return [price_page(found) for found in map(self._catalogue.find, wanted) if found]

    def _stock(self, payload: JSON) -> JSON:
        request = reading.document(payload)
        self._check(request, "salesCode", self._known.haier_customer_code, WRONG_ACCOUNT)
        self._check(request, "senderCode", self._known.haier_send_to_code, WRONG_ACCOUNT)
        self._check(request, "sellerPassword", self._known.haier_seller_password, WRONG_PASSWORD)
        self._check(request, "source", self._known.haier_stock_source, reading.WRONG)
        county = reading.text(request, "countyCode")
        if not COUNTY.fullmatch(county):
            raise Refusal(reading.WRONG, "countyCode格式错误，只支持单个6位区县编码")
        found = self._catalogue.find(reading.text(request, "productCode"))
        if found is None:
            raise Refusal(WRONG_GOODS, "商品编码无效")
        return stock_page(found, county)

    def _logistics(self, payload: JSON) -> JSON:
        request = reading.document(payload)
        self._check(request, "sellerCode", self._known.haier_customer_code, WRONG_ACCOUNT)
        self._check(request, "sellerPassword", self._known.haier_seller_password, WRONG_PASSWORD)
        number = reading.text(request, "orderCode")
        record = reading.optional_text(request, "deliveryRecordCode")
        reading.optional_text(request, "memberId")
        order = self._ledger.by_number(number)
        before = time.time() - self._config.ship_after
        pages: list[JSON] = [] if order is None else [
            {**page, "logisticsTraceList": traces(order)}
            for page in shipments(order, number, shipped_before=before)
            if record in (None, page["deliveryRecordCode"])
        ]  # fmt: skip
        return {
            "getAllLogisticsInfoByOrderCode": pages[0::2],
            "getStockDeliveryLogisticsRecord": [],
            "getStockDeliveryLogisticsRecordThirdparty": pages[1::2],
        }

    def _balance(self, payload: JSON) -> JSON:
        request = reading.document(payload)
        self._check(request, "customerCode", self._known.haier_customer_code, WRONG_ACCOUNT)
        self._check(request, "customerPassword", self._known.haier_customer_password, WRONG_PASSWORD)
        payers: list[JSON] = [
            {
                "saleGroupCode": f"SG{number}",
                "saleGroupName": name,
                "payerAccountCode": f"{self._known.haier_customer_code}{number}",
                "payerAccountName": f"沙箱付款方{number}",
                "payerAccountBalance": balance,
            }
            for number, name, balance in ((1, "冰冷产品组", "125000.50"), (2, "洗涤产品组", 8000))
        ]
        return payers if self._config.balance_as_list else payers[0]

    def _check_buyer(self, request: Mapping[str, JSON], *, supplier: bool = True) -> None:
        self._check(request, "customerCode", self._known.haier_customer_code, WRONG_ACCOUNT)
        self._check(request, "passWord", self._known.haier_password, WRONG_PASSWORD)
        if supplier and request.get("supplierCode") not in (None, self._known.haier_supplier_code):
            raise Refusal(WRONG_ACCOUNT, "supplierCode不正确")
        # Needed when the supplier is 1001, which it is unless another one is named.
        if not supplier or request.get("supplierCode") in (None, "1001"):
            self._check(request, "sendToCode", self._known.haier_send_to_code, WRONG_ACCOUNT)

    def _check(self, request: Mapping[str, JSON], name: str, known: str, refusal_code: str) -> None:
        if reading.text(request, name) != known:
            raise Refusal(refusal_code, f"{name}不正确")


def goods_page(product: Product, pictures: int | None) -> dict[str, JSON]:
    """One procurable article; three in four still carry the misspelt name of the group."""
    shown = product.index % 3 if pictures is None else pictures
    return {
        "productCode": product.code,
        "productModel": product.model,
        "productGroupName" if product.index % 4 == 0 else "productGroupNamd": product.group,
        "productBrandName": product.brand,
        "productImageUrl": f"http://img.sandbox.invalid/{product.code}.jpg",
        "productLageUrls": [f"http://img.sandbox.invalid/{product.code}/{n}.jpg" for n in range(shown)],
        "isSales": either(int(product.procurable), product),
        "noSalesReason": None if product.procurable else NOT_PROCURABLE,
    }


def price_page(product: Product) -> dict[str, JSON]:
    """One price; without a valid one the amounts are null. A text under ``stockRebatePolicy`` is the rebate's type."""
    page: dict[str, JSON] = {"productCode": product.code}
    if not product.price_valid:
        unknown = dict.fromkeys(("supplyPrice", "invoicePrice", "stockRebatePolicy", "rebateMoney"))
        return {**page, **unknown, "isSales": either(0, product), "reason": NO_VALID_PRICE}
    return {
        **page,
        "supplyPrice": amount(product.supply_price, product),
        "invoicePrice": amount(product.invoice_price, product),
        "stockRebatePolicy": product.rebate_type or amount(product.discount, product),
        "rebateMoney": amount(product.rebate, product),
        "isSales": either(int(product.procurable), product),
        "reason": None if product.procurable else NOT_PROCURABLE,
    }


def stock_page(product: Product, county: str) -> dict[str, JSON]:
    """What of an article can be delivered to a county."""
    upper = product.index % 3 == 1
    return {
        "secCode": f"WA{county[:2]}{'U' if upper else 'L'}1",
        "stock": either(product.stock_in(county), product),
        "warehouseGrade": either(int(upper), product),
        "timelinessData": {
            "cutTime": "17:00:00",
            "achieveUserOrderCut": "次日达" if not upper else "三日达",
            "hour": either(72 if upper else 24, product),
            "isTranfer": "1" if upper else "0",
        },
    }


def either(number: int, product: Product) -> JSON:
    """A number as it may come: as a string for one article, as a JSON number for the next."""
    return str(number) if product.index % 2 == 0 else number


def amount(value: Decimal, product: Product) -> JSON:
    """Money as a string for one article, as a JSON number for the next."""
    return f"{value:.2f}" if product.index % 2 == 0 else float(value)


def codes_of(payload: JSON) -> tuple[str, ...]:
    """The goods of a request."""
    wanted = payload.get("productCodes") if isinstance(payload, Mapping) else None
    return tuple(code for code in wanted if isinstance(code, str)) if isinstance(wanted, list) else ()


def code_of(payload: JSON) -> tuple[str, ...]:
    """The one article of a request."""
    return one_of(payload, "productCode")


def order_of(payload: JSON) -> tuple[str, ...]:
    """The order of a request."""
    return one_of(payload, "orderCode")


def customer_of(payload: JSON) -> tuple[str, ...]:
    """The customer of a request."""
    return one_of(payload, "customerCode")

"""YLH on the wire: paths with their environment suffix, the password grant, and what each call answers.

SUPPLIERS, "YLH: the order's life".
"""

import base64
import binascii
import time
from collections.abc import Callable, Mapping
from urllib.parse import parse_qs

from sandbox import reading
from sandbox.catalogue import Catalogue
from sandbox.config import SandboxConfig
from sandbox.ledger import Ledger
from sandbox.shipping import photos, shipments
from sandbox.tokens import TokenOffice
from sandbox.wire import JSON, Answer, Call, HttpRefusal, dumped
from sandbox.ylh_orders import Effect, UnknownOrder, YlhOrders

MOST_ORDERS = 100
TOKEN_TYPE = "bearer"


class Ylh:
    """One YLH account."""

    name = "ylh"

    def __init__(
        self, config: SandboxConfig, ledger: Ledger, catalogue: Catalogue, tell: Callable[[Effect], None]
    ) -> None:
        self._config = config
        self._ledger = ledger
        self._orders = YlhOrders(config, ledger, catalogue, tell)
        self.tokens = TokenOffice(config.token_lifetime)

    def paths(self) -> dict[str, Call]:
        """Each business call under its path, for the environment of the configuration only."""
        suffix = "" if self._config.ylh_env == "prod" else f"-{self._config.ylh_env}"
        first = f"/ylh-cloud-service-jst-order{suffix}/api/page/hmm/retailorder"
        order = f"/ylh-cloud-service-order{suffix}/api/page/retailorder"
        stock = f"/ylh-cloud-service-stock{suffix}/api/composite/stock/logistics"
        return {
            f"{first}/receive-hmm-retail-order": Call(
                "ylh.create",
                "message",
                so_id_of,
                self._orders.create,
                arrived=self._create_arrived,
                refused=self._refused,
                with_order_number=True,
            ),
            f"{first}/cancel-hmm-retail-order": Call(
                "ylh.cancel",
                "message",
                so_id_of,
                self._orders.cancel,
                arrived=self._cancel_arrived,
                refused=self._refused,
            ),
            f"{order}/hmm/update-distribution-time": Call(
                "ylh.reschedule",
                "description",
                self._numbers_of,
                self._orders.reschedule,
                arrived=self._reschedule_arrived,
                refused=self._refused,
            ),
            f"{order}/search/get-retail-order-delivery-img": Call(
                "ylh.photos", "description", self._numbers_of, self._photos
            ),
            f"{stock}/get-store-logistics-by-order-code": Call(
                "ylh.logistics", "description", list_of, self._logistics
            ),
        }

    def token_paths(self) -> tuple[str, ...]:
        """Where a token is asked for."""
        suffix = "" if self._config.ylh_env == "prod" else f"-{self._config.ylh_env}"
        return (f"/ylh-cloud-mgt-auth{suffix}/oauth/token",)

    def grant(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """The password grant; raises :class:`HttpRefusal` 400 for another form, 401 for wrong credentials."""
        if not headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
            raise HttpRefusal(400, "请求格式错误，应为application/x-www-form-urlencoded")
        if headers.get("system-name") != "ylh-open-api":
            raise HttpRefusal(400, "缺少请求头system-name")
        known = self._config.credentials
        if basic(headers.get("Authorization", "")) != (known.ylh_client_id, known.ylh_client_secret):
            raise HttpRefusal(401, "客户端认证失败")
        form = {name: values[-1] for name, values in parse_qs(body.decode(errors="replace")).items()}
        if form.get("grant_type") != "password":
            raise HttpRefusal(400, "不支持的grant_type")
        if (form.get("username"), form.get("password")) != (known.ylh_username, known.ylh_password):
            raise HttpRefusal(401, "用户名或密码错误")
        told: dict[str, JSON] = {"access_token": self.tokens.issue(), "token_type": TOKEN_TYPE, "scope": "all"}
        if self._config.token_expires_in is not None:
            told["expires_in"] = self._config.token_expires_in
        return Answer(200, dumped(told))

    def token_in(self, authorization: str) -> str:
        """The live token of ``<token_type> <token>``; 401 otherwise."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != TOKEN_TYPE or not self.tokens.accepts(token):
            raise HttpRefusal(401)
        return token

    def _create_arrived(self, payload: JSON, body: bytes) -> None:
        for so_id in so_id_of(payload):
            self._ledger.create_arrived(so_id, body)

    def _cancel_arrived(self, payload: JSON, _body: bytes) -> None:
        for so_id in so_id_of(payload):
            self._ledger.order(so_id).cancel_calls += 1

    def _reschedule_arrived(self, payload: JSON, _body: bytes) -> None:
        for number in one_of(payload, "retailOrderNo"):
            order = self._ledger.by_number(number)
            if order is not None:
                order.reschedule_calls += 1

    def _refused(self, payload: JSON) -> None:
        known = [self._ledger.by_number(number) for number in one_of(payload, "retailOrderNo")]
        for order in [*map(self._ledger.order, so_id_of(payload)), *known]:
            if order is not None:
                order.refused += 1

    def _numbers_of(self, payload: JSON) -> tuple[str, ...]:
        """The order's number in the request and the ``soId`` that it stands for: rules may name either."""
        numbers = one_of(payload, "retailOrderNo") or one_of(payload, "orderNo")
        known = [order.so_id for order in map(self._ledger.by_number, numbers) if order is not None]
        return (*known, *numbers)

    def _photos(self, payload: JSON) -> JSON:
        order = self._ledger.by_number(reading.text(reading.document(payload), "orderNo"))
        if order is None:
            raise UnknownOrder
        return photos(order, shipped_before=time.time() - self._config.ship_after)

    def _logistics(self, payload: JSON) -> JSON:
        numbers = reading.code_list(payload, "订单号", most=MOST_ORDERS)
        before = time.time() - self._config.ship_after
        found = [(number, self._ledger.by_number(number)) for number in numbers]
        return [page for number, order in found if order for page in shipments(order, number, shipped_before=before)]


def so_id_of(payload: JSON) -> tuple[str, ...]:
    """The ``soId`` of a request, if it has a usable one."""
    return one_of(payload, "soId")


def one_of(payload: JSON, name: str) -> tuple[str, ...]:
    """A string field as a tuple of one, or nothing."""
    value = payload.get(name) if isinstance(payload, dict) else None
    return (value,) if isinstance(value, str) and value else ()


def list_of(payload: JSON) -> tuple[str, ...]:
    """The strings of a bare list."""
    return tuple(value for value in payload if isinstance(value, str)) if isinstance(payload, list) else ()


def basic(authorization: str) -> tuple[str, str] | None:
    """User and password of a Basic header; None where it is none."""
    scheme, _, coded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(coded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (user, password) if colon else None

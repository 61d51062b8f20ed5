"""What every answer of both suppliers is made of: JSON values, envelopes, refusals, errors of the HTTP layer.

Shapes and statuses: SUPPLIERS, "Common facts, both suppliers". Codes of refusals are not documented by the suppliers;
those here are made up, the texts are in their language.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, TypeAlias

JSON: TypeAlias = "Mapping[str, JSON] | list[JSON] | str | int | float | Decimal | bool | None"
Words = Literal["message", "description"]
Shape = Literal["envelope", "bare"]

REASONS: Mapping[int, str] = {
    400: "参数错误",
    401: "token缺失或已过期",
    403: "无权限或IP不在白名单",
    404: "接口不存在",
    405: "请求方法不支持",
    429: "调用过于频繁，请稍后再试",
    500: "系统内部错误",
    503: "服务暂不可用",
}


class Refusal(Exception):
    """A business refusal: HTTP 200 with ``success: false``."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class HttpRefusal(Exception):
    """An answer from in front of the business: the statuses of SUPPLIERS, with our own text where given."""

    def __init__(self, status: int, message: str | None = None, headers: Mapping[str, str] | None = None) -> None:
        self.status = status
        self.message = message or REASONS.get(status, "错误")
        self.headers = dict(headers or {})
        super().__init__(self.message)


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer, ready to be written or spoilt by a fault."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Written:
    """Data that is JSON already, where writing it anew for each answer would take seconds."""

    body: bytes


@dataclass(frozen=True, slots=True)
class Call:
    """One business call of a supplier.

    ``keys`` are what fault rules match: the order's or the goods' numbers in the request. ``arrived`` notes the call in
    the ledger whatever becomes of it; ``carry_out`` has the effect and returns the answer's ``data``, or raises
    :class:`Refusal`; ``refused`` notes a refusal that a fault made up.
    """

    name: str
    words: Words
    keys: Callable[[JSON], tuple[str, ...]]
    carry_out: Callable[[JSON], "JSON | Written"]
    arrived: Callable[[JSON, bytes], None] = lambda _payload, _body: None
    refused: Callable[[JSON], None] = lambda _payload: None
    with_order_number: bool = False

    @property
    def supplier(self) -> str:
        """``ylh`` or ``haier``."""
        return self.name.partition(".")[0]


def dumped(value: JSON) -> bytes:
    """Compact UTF-8 JSON."""
    return _ENCODER.encode(value).encode()


def parsed(body: bytes) -> JSON:
    """The request's JSON with decimals kept exact; anything else is the 400 of the supplier's gateway."""
    try:
        value: JSON = _DECODER.decode(body.decode())
    except (ValueError, RecursionError) as error:
        raise HttpRefusal(400, "请求体不是合法的JSON") from error
    return value


def _no_constant(name: str) -> JSON:
    raise ValueError(f"{name} is no JSON")


# Made once: json.loads and json.dumps build a new coder for each call that has options.
_DECODER = json.JSONDecoder(parse_float=Decimal, parse_constant=_no_constant)
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def accepted(data: "JSON | Written", *, shape: Shape, words: Words) -> Answer:
    """A success; bare, it is the data alone."""
    body = data.body if isinstance(data, Written) else dumped(data)
    if shape == "bare":
        return Answer(200, body)
    before = dumped({"success": True, "code": "200", words: "成功", "data": None}).removesuffix(b"null}")
    return Answer(200, b"".join((before, body, b"}")))


def refused(refusal: Refusal, *, words: Words) -> Answer:
    """A business refusal; it needs its envelope whatever the shape of successes."""
    return Answer(200, dumped({"success": False, "code": refusal.code, words: refusal.message, "data": None}))


def http_refused(refusal: HttpRefusal) -> Answer:
    """An error status with the body that the gateway gives."""
    body = dumped({"success": False, "code": str(refusal.status), "message": refusal.message})
    return Answer(refusal.status, body, headers=refusal.headers)

"""A callback as the form that YLH posts, with its signature (SUPPLIERS, "YLH calls us back")."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from sandbox.credentials import Credentials
from sandbox.ledger import Order
from sandbox.reading import SHANGHAI
from sandbox.wire import JSON, dumped

Method = Literal["confirm", "cancel", "oostock"]
WRONG_SECRET = "wrong"


class ReturnedItem(BaseModel):
    """Quantities of one article after a cancel of a part (State 2)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    product_code: str
    total: int = Field(ge=0)
    received: int = Field(default=0, ge=0)
    returned: int = Field(default=0, ge=0)
    rejected: int = Field(default=0, ge=0)


class Callback(BaseModel):
    """One callback to be sent. Asked for by a test or an operator it says what it is told to, true or not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    so_id: str
    method: Method = "confirm"
    state: Literal[0, 1, 2] = 1
    fail_msg: str | None = Field(default=None, max_length=100)
    ext_order_no: str | None = Field(default=None, description="another number than the order's own")
    items: tuple[ReturnedItem, ...] | None = None
    timestamp: str | None = Field(default=None, pattern="^[0-9]{14}$", description="yyyyMMddHHmmss; else the moment")
    delay: float = Field(default=0, ge=0)
    copies: int = Field(default=1, ge=1, le=10)
    wrong_signature: bool = False


def sign(parameters: Mapping[str, str], secret: str) -> str:
    """The signature of a callback: upper-case MD5 over the sorted, non-empty parameters between two secrets."""
    joined = "".join(f"{name}{value}" for name, value in sorted(parameters.items()) if name != "Sign" and value.strip())
    # The supplier settled on MD5; this is its protocol, not our choice.
    return hashlib.md5(f"{secret}{joined}{secret}".lower().encode(), usedforsecurity=False).hexdigest().upper()


def form_of(
    callback: Callback, order: Order, platform_order_no: Literal["so_id", "online_no"], credentials: Credentials
) -> dict[str, str]:
    """The signed form of a callback about ``order``, with the number of ours that YLH gives back."""
    number = order.online_no if platform_order_no == "online_no" and order.online_no else callback.so_id
    data: dict[str, JSON] = {"PlatformOrderNo": number, "State": callback.state}
    ext_order_no = callback.ext_order_no or order.ext_order_no
    if callback.state and ext_order_no:
        data["ExtOrderNo"] = ext_order_no
    if callback.fail_msg is not None:
        data["FailMsg"] = callback.fail_msg
    if callback.items is not None:
        data["itemList"] = [
            {"productCode": item.product_code, "totalQty": item.total, "receiveQty": item.received,
             "returnQty": item.returned, "rejectQty": item.rejected}
            for item in callback.items
        ]  # fmt: skip
    form = {
        "AppKey": credentials.ylh_callback_app_key,
        "TimeStamp": callback.timestamp or written(datetime.now(SHANGHAI)),
        "Method": f"hmm.scm_heorder.{callback.method}",
        "Data": dumped(data).decode(),
    }
    return {**form, "Sign": sign(form, WRONG_SECRET if callback.wrong_signature else credentials.ylh_callback_secret)}


def written(moment: datetime) -> str:
    """A TimeStamp: ``yyyyMMddHHmmss``."""
    return f"{moment:%Y%m%d%H%M%S}"

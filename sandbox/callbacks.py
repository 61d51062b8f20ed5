"""YLH's callbacks: signed form posts that tell what became of a create or a cancel (SUPPLIERS, "YLH calls us back")."""

import asyncio
import hashlib
import json
import time
from collections import Counter, deque
from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import aiohttp
from pydantic import BaseModel, ConfigDict, Field

from sandbox.config import CallbackConfig
from sandbox.credentials import Credentials
from sandbox.ledger import Ledger, Order
from sandbox.reading import SHANGHAI
from sandbox.wire import JSON, dumped
from sandbox.ylh_orders import Effect

Method = Literal["confirm", "cancel", "oostock"]
KEPT = 1000
PATIENCE = aiohttp.ClientTimeout(total=10)


class ReturnedItem(BaseModel):
    """Quantities of one article after a cancel of a part (State 2)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    product_code: str
    total: int = Field(ge=0)
    received: int = Field(default=0, ge=0)
    returned: int = Field(default=0, ge=0)
    rejected: int = Field(default=0, ge=0)


class Callback(BaseModel):
    """One callback to be sent, as a test or an operator asks for it."""

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


class CallbackSender:
    """Sends callbacks after their delay; remembers the last thousand with what the receiver said."""

    def __init__(self, config: CallbackConfig | None, credentials: Credentials, ledger: Ledger) -> None:
        self._config = config
        self._credentials = credentials
        self._ledger = ledger
        self._session: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.sent: deque[dict[str, JSON]] = deque(maxlen=KEPT)
        self.outcomes: Counter[str] = Counter()

    @property
    def pending(self) -> int:
        """Callbacks that wait for their delay or their answer."""
        return len(self._tasks)

    def tell(self, effect: Effect) -> None:
        """Plan the callback of an effect, where callbacks are switched on."""
        if self._config is not None and self._config.copies:
            order = effect.order
            self.send(
                Callback(so_id=order.so_id, method=effect.method, delay=self._config.delay, copies=self._config.copies)
            )

    def send(self, callback: Callback) -> bool:
        """Plan a callback; False where no receiver is configured."""
        if self._config is None:
            return False
        task = asyncio.get_running_loop().create_task(self._deliver(callback, self._config))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def close(self) -> None:
        """Drop what has not been sent and close the connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def _deliver(self, callback: Callback, config: CallbackConfig) -> None:
        await asyncio.sleep(callback.delay)
        form = self._form(callback, config)
        for _ in range(callback.copies):
            outcome = await self._post(config.url, form)
            self.outcomes[outcome] += 1
            self.sent.append(
                {"so_id": callback.so_id, "method": callback.method, "state": callback.state, "at": time.time(),
                 "timestamp": form["TimeStamp"], "outcome": outcome}
            )  # fmt: skip

    def _form(self, callback: Callback, config: CallbackConfig) -> dict[str, str]:
        order = self._ledger.orders.get(callback.so_id) or Order(callback.so_id)
        number = order.online_no if config.platform_order_no == "online_no" and order.online_no else callback.so_id
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
            "AppKey": self._credentials.ylh_callback_app_key,
            "TimeStamp": callback.timestamp or f"{datetime.now(SHANGHAI):%Y%m%d%H%M%S}",
            "Method": f"hmm.scm_heorder.{callback.method}",
            "Data": dumped(data).decode(),
        }
        secret = "wrong" if callback.wrong_signature else self._credentials.ylh_callback_secret
        return {**form, "Sign": sign(form, secret)}

    async def _post(self, url: str, form: Mapping[str, str]) -> str:
        """One attempt; YLH does not say that it tries again, so neither does the sandbox."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=PATIENCE)
        try:
            async with self._session.post(url, data=form) as answer:
                body = await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            return f"unreached: {type(error).__name__}"
        return f"{answer.status} {'taken' if _says_yes(body) else 'refused'}"


def _says_yes(body: bytes) -> bool:
    try:
        answer = json.loads(body)
    except ValueError:
        return False
    return isinstance(answer, dict) and answer.get("success") is True and answer.get("code") == "success"

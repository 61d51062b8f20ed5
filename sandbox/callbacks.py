"""Posts callbacks to the receiver and keeps what it said; when each one goes is `sandbox.telling`'s."""

import asyncio
import json
import time
from collections import Counter, deque
from collections.abc import Mapping
from typing import TYPE_CHECKING

import aiohttp

from sandbox.callback_config import CallbackConfig
from sandbox.credentials import Credentials
from sandbox.errands import Errands
from sandbox.forms import Callback, form_of
from sandbox.ledger import Ledger, Order

if TYPE_CHECKING:
    from sandbox.wire import JSON

KEPT = 1000
PATIENCE = aiohttp.ClientTimeout(total=10)
TAKEN = "200 taken"


class CallbackSender:
    """Sends callbacks; remembers the last thousand, and of all of them by kind what the receiver said."""

    def __init__(self, config: CallbackConfig | None, credentials: Credentials, ledger: Ledger) -> None:
        self._config = config
        self._credentials = credentials
        self._ledger = ledger
        self._session: aiohttp.ClientSession | None = None
        self.errands = Errands()
        self.sent: deque[dict[str, JSON]] = deque(maxlen=KEPT)
        self.outcomes: Counter[str] = Counter()
        self.kinds: dict[str, Counter[str]] = {}

    def send(self, callback: Callback) -> bool:
        """Plan a callback that was asked for; False where no receiver is configured."""
        if self._config is None:
            return False
        self.errands.send(self._later(callback, self._config))
        return True

    async def deliver(self, callback: Callback, config: CallbackConfig, *, kind: str) -> None:
        """Send a callback with its copies now; ``kind`` is what it is counted as."""
        order = self._ledger.orders.get(callback.so_id) or Order(callback.so_id)
        form = form_of(callback, order, config.platform_order_no, self._credentials)
        for _ in range(callback.copies):
            outcome = await self._persist(config, form)
            self.outcomes[outcome] += 1
            self.kinds.setdefault(kind, Counter())[outcome] += 1
            self.sent.append(
                {"so_id": callback.so_id, "method": callback.method, "state": callback.state, "kind": kind,
                 "at": time.time(), "timestamp": form["TimeStamp"], "outcome": outcome}
            )  # fmt: skip

    async def close(self) -> None:
        """Drop what has not been sent and close the connections."""
        await self.errands.drop()
        if self._session is not None:
            await self._session.close()

    async def _later(self, callback: Callback, config: CallbackConfig) -> None:
        await asyncio.sleep(callback.delay)
        await self.deliver(callback, config, kind="asked")

    async def _persist(self, config: CallbackConfig, form: Mapping[str, str]) -> str:
        outcome = await self._post(config.url, form)
        for _ in range(config.retries):
            if outcome == TAKEN:
                break
            await asyncio.sleep(config.retry_after)
            outcome = await self._post(config.url, form)
        return outcome

    async def _post(self, url: str, form: Mapping[str, str]) -> str:
        """One attempt, and what the receiver said to it."""
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

"""When YLH decides about an order and when it says so: late, twice, out of order, before its own answer, and untrue.

A decision changes the ledger the moment it is made, and its callback bears that moment as TimeStamp whenever it goes.
"""

import asyncio
from collections import defaultdict
from datetime import datetime, timedelta
from typing import Literal

from sandbox.callback_config import CallbackConfig
from sandbox.callbacks import CallbackSender
from sandbox.errands import Errands
from sandbox.fate import Decision, Fates, Turn
from sandbox.forms import Callback, Method, ReturnedItem, written
from sandbox.ledger import Order
from sandbox.life import decided, stamp
from sandbox.lots import Lots
from sandbox.reading import SHANGHAI
from sandbox.ylh_orders import Effect

HELD_ANSWER = 5.0
"""Seconds at most that a create's answer waits for its callback to be taken."""
STALE = timedelta(days=30)
SAID: dict[Decision, tuple[Method, Literal[0, 1, 2]]] = {
    Decision.CONFIRMED: ("confirm", 1),
    Decision.REFUSED: ("confirm", 0),
    Decision.OUT_OF_STOCK: ("oostock", 1),
    Decision.CANCELLED: ("cancel", 1),
    Decision.CANCEL_REFUSED: ("cancel", 0),
    Decision.SETTLED: ("cancel", 2),
}


class Teller:
    """Carries on what the calls began; without a receiver a cancel is done at once and nothing is said."""

    def __init__(self, config: CallbackConfig | None, sender: CallbackSender) -> None:
        self._tale = None if config is None or not config.copies else Tale(config, sender)

    @property
    def pending(self) -> int:
        """Decisions and callbacks that are still to come."""
        return 0 if self._tale is None else self._tale.errands.pending

    def tell(self, effect: Effect) -> None:
        """Have YLH decide about what was taken in."""
        if self._tale is not None:
            self._tale.go_on(effect)
        elif effect.method == "cancel":
            decided(effect.order, Decision.CANCELLED, datetime.now(SHANGHAI))

    async def before_answer(self, so_ids: tuple[str, ...]) -> None:
        """Hold a create's answer back where its callback comes first."""
        if self._tale is not None:
            for so_id in so_ids:
                await self._tale.lead(so_id)

    async def close(self) -> None:
        """Drop what has not come."""
        if self._tale is not None:
            await self._tale.errands.drop()


class Tale:
    """The decisions and callbacks of all orders of one sandbox."""

    def __init__(self, config: CallbackConfig, sender: CallbackSender) -> None:
        self._config = config
        self._sender = sender
        self._fates = Fates(config)
        self._lots = Lots(config.seed)
        self._held_back: defaultdict[str, list[asyncio.Event]] = defaultdict(list)
        self._early: dict[str, asyncio.Task[None]] = {}
        self.errands = Errands()

    def go_on(self, effect: Effect) -> None:
        """Begin what follows a create or a cancel."""
        order = effect.order
        if effect.method == "cancel":
            self.errands.send(self._turns(order, self._fates.of_cancel(order.so_id, order.cancels)))
            return
        turns = self._fates.of_create(order.so_id)
        if self._lots.hit(self._config.early, order.so_id, "early"):
            # Decided before the create's own answer is written: its task runs first when the answer is held.
            self._early[order.so_id] = self.errands.send(self._decide(order, turns[0], at_once=True))
            turns = turns[1:]
        self.errands.send(self._turns(order, turns))

    async def lead(self, so_id: str) -> None:
        """Wait for the early callback of an order, if it has one, and a moment more."""
        early = self._early.pop(so_id, None)
        if early is not None:
            await asyncio.wait({early}, timeout=HELD_ANSWER)
            await asyncio.sleep(self._config.lead)

    async def _turns(self, order: Order, turns: tuple[Turn, ...]) -> None:
        for turn in turns:
            await asyncio.sleep(turn.after)
            await self._decide(order, turn, at_once=False)

    async def _decide(self, order: Order, turn: Turn, *, at_once: bool) -> None:
        """Make a decision, if it still fits, and say so: now and here, or as the lots fall."""
        number, decision = len(order.decisions), turn.decision
        tied = self._lots.hit(self._config.ties, order.so_id, number, "tied")
        at = stamp(order, datetime.now(SHANGHAI), tied=tied)
        if not decided(order, decision, at):
            return
        if decision is Decision.SETTLED:
            order.quantities = self._fates.quantities(order.so_id, order.goods)
        if decision in {Decision.REFUSED, Decision.CANCEL_REFUSED}:
            order.fail_msg = self._fates.fail_msg(order.so_id)
        callback = self._callback(order, decision, at)
        held = not at_once and self._hit(self._config.overtaken, callback, "overtaken")
        going = self.errands.send(self._say(callback, held=held))
        self._beside(callback, at)
        if at_once:
            await asyncio.wait({going})

    def _callback(self, order: Order, decision: Decision, at: datetime) -> Callback:
        method, state = SAID[decision]
        items = tuple(ReturnedItem.model_validate(item.told()) for item in order.quantities)
        return Callback(
            so_id=order.so_id,
            method=method,
            state=state,
            fail_msg=order.fail_msg if state == 0 else None,
            items=items if decision is Decision.SETTLED else None,
            timestamp=written(at),
            copies=self._config.copies,
        )

    async def _say(self, callback: Callback, *, held: bool) -> None:
        if held:
            await self._until_overtaken(callback.so_id)
        await self._sender.deliver(callback, self._config, kind="true")
        if not held:
            for event in self._held_back.pop(callback.so_id, []):
                event.set()
        if self._hit(self._config.twice, callback, "twice"):
            await asyncio.sleep(self._after(callback, "twice"))
            await self._sender.deliver(callback.model_copy(update={"copies": 1}), self._config, kind="repeated")

    async def _until_overtaken(self, so_id: str) -> None:
        event = asyncio.Event()
        self._held_back[so_id].append(event)
        try:
            async with asyncio.timeout(self._config.patience):
                await event.wait()
        except TimeoutError:
            # The order has no further news, or that is held back too.
            return

    def _beside(self, callback: Callback, at: datetime) -> None:
        """Send, where the lots say so, what YLH never decided."""
        config, so_id = self._config, callback.so_id
        untrue = Callback(so_id=so_id, method="cancel", timestamp=callback.timestamp)
        stale = untrue.model_copy(update={"timestamp": written(at - STALE)})
        foreign = Callback(so_id=f"NEVER-{so_id}-{callback.timestamp}", ext_order_no=f"99{callback.timestamp}{so_id}")
        for share, kind, sent in (
            (config.forged, "forged", untrue.model_copy(update={"wrong_signature": True})),
            (config.stale, "stale", stale),
            (config.foreign, "foreign", foreign),
        ):
            if self._hit(share, callback, kind):
                self.errands.send(self._stray(sent, kind, self._after(callback, kind)))

    async def _stray(self, callback: Callback, kind: str, delay: float) -> None:
        await asyncio.sleep(delay)
        await self._sender.deliver(callback, self._config, kind=kind)

    def _hit(self, share: float, callback: Callback, what: str) -> bool:
        return self._lots.hit(share, callback.so_id, callback.method, callback.state, what)

    def _after(self, callback: Callback, what: str) -> float:
        return self._lots.between(self._config.span, callback.so_id, callback.method, what, "after")

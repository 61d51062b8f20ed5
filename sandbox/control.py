"""The sandbox's own endpoints under ``/_sandbox/``: faults, ledger, callbacks, catalogue, health.

They belong to no supplier and ask for no token. Answers are JSON in plain shapes, errors one English sentence under
``error``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from sandbox.catalogue import Product
from sandbox.config import told
from sandbox.door import Outage
from sandbox.faults import Rule
from sandbox.forms import Callback
from sandbox.gateway import Gateway
from sandbox.wire import JSON, Answer, dumped

PREFIX = "/_sandbox/"
RULES = TypeAdapter(Rule | list[Rule])
OUTAGES = TypeAdapter(Outage | list[Outage])
CALLBACKS = TypeAdapter(Callback | list[Callback])


class Change(BaseModel):
    """New values for an article; what is left out stays."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    procurable: bool | None = None
    supply_price: Decimal | None = Field(default=None, ge=0, max_digits=10, decimal_places=2)
    stock: dict[str, int] | None = Field(default=None, description="units by county code")


@dataclass(frozen=True, slots=True)
class Wish:
    """A request to a control endpoint: what follows its path, and its body."""

    rest: str
    body: bytes


Handler: TypeAlias = Callable[[Wish], Answer]


class Control:
    """Answers control requests on one gateway; ``plan`` has an outage of its port come."""

    def __init__(self, gateway: Gateway, plan: Callable[[Outage], None]) -> None:
        self._gateway = gateway
        self._plan = plan
        self._routes: dict[tuple[str, str], Handler] = {
            ("GET", "health"): self._health,
            ("GET", "faults"): self._rules,
            ("POST", "faults"): self._add_rules,
            ("DELETE", "faults"): self._remove_rules,
            ("GET", "ledger"): self._ledger,
            ("DELETE", "ledger"): self._reset_ledger,
            ("GET", "summary"): self._summary,
            ("GET", "calls"): self._calls,
            ("DELETE", "tokens"): self._withdraw_tokens,
            ("POST", "outages"): self._plan_outages,
            ("GET", "callbacks"): self._sent_callbacks,
            ("POST", "callbacks"): self._send_callbacks,
            ("GET", "catalogue"): self._catalogue,
            ("PATCH", "catalogue"): self._change_product,
        }

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        """Answer one request to a path under :data:`PREFIX`."""
        name, _, rest = path.removeprefix(PREFIX).partition("/")
        handler = self._routes.get((method, name))
        if handler is not None:
            return handler(Wish(rest, body))
        methods = sorted(known for known, route in self._routes if route == name)
        if methods:
            return _error(405, f"{PREFIX}{name} takes {', '.join(methods)}, not {method}.")
        known = ", ".join(sorted({route for _, route in self._routes}))
        return _error(404, f"There is no {PREFIX}{name}. There are: {known}.")

    def _health(self, _: Wish) -> Answer:
        return _json({"status": "ok", "ylh_env": self._gateway.config.ylh_env})

    def _rules(self, _: Wish) -> Answer:
        return _json(
            [
                {"id": number, "fired": rule.fired, **rule.model_dump(mode="json", exclude_unset=True)}
                for number, rule in self._gateway.faults.rules().items()
            ]
        )

    def _add_rules(self, wish: Wish) -> Answer:
        try:
            rules = RULES.validate_json(wish.body)
        except ValidationError as error:
            return _error(400, f"Not a fault rule: {told(error)}.")
        several = rules if isinstance(rules, list) else [rules]
        return _json({"ids": [self._gateway.faults.add(rule) for rule in several]}, status=201)

    def _remove_rules(self, wish: Wish) -> Answer:
        if not wish.rest:
            return _json({"removed": self._gateway.faults.clear()})
        if wish.rest.isdecimal() and self._gateway.faults.remove(int(wish.rest)):
            return _json({"removed": 1})
        return _error(404, f"There is no fault rule {wish.rest}. GET {PREFIX}faults lists them.")

    def _ledger(self, wish: Wish) -> Answer:
        ledger = self._gateway.ledger
        if not wish.rest:
            return _json(ledger.told())
        order = ledger.orders.get(wish.rest)
        if order is None:
            return _error(404, f"No call has named the order {wish.rest}.")
        return _json({"so_id": order.so_id, **order.told()})

    def _reset_ledger(self, _: Wish) -> Answer:
        self._gateway.reset()
        return Answer(204, b"")

    def _summary(self, _: Wish) -> Answer:
        return _json(self._gateway.summary())

    def _calls(self, _: Wish) -> Answer:
        return _json(list(self._gateway.ledger.recent))

    def _withdraw_tokens(self, _: Wish) -> Answer:
        return _json({"withdrawn": self._gateway.withdraw_tokens()})

    def _plan_outages(self, wish: Wish) -> Answer:
        try:
            wanted = OUTAGES.validate_json(wish.body)
        except ValidationError as error:
            return _error(400, f"Not an outage: {told(error)}.")
        several = wanted if isinstance(wanted, list) else [wanted]
        for outage in several:
            self._plan(outage)
        return _json({"planned": len(several)}, status=202)

    def _sent_callbacks(self, _: Wish) -> Answer:
        sender = self._gateway.callbacks
        return _json(
            {
                "pending": sender.errands.pending + self._gateway.teller.pending,
                "outcomes": dict(sender.outcomes),
                "kinds": {kind: dict(outcomes) for kind, outcomes in sender.kinds.items()},
                "sent": list(sender.sent),
            }
        )

    def _send_callbacks(self, wish: Wish) -> Answer:
        try:
            wanted = CALLBACKS.validate_json(wish.body)
        except ValidationError as error:
            return _error(400, f"Not a callback: {told(error)}.")
        several = wanted if isinstance(wanted, list) else [wanted]
        if not all(self._gateway.callbacks.send(callback) for callback in several):
            return _error(409, "No receiver is configured: start the sandbox with callbacks.url.")
        return _json({"planned": len(several)}, status=202)

    def _catalogue(self, wish: Wish) -> Answer:
        if not wish.rest:
            return _json([_goods(product) for product in self._gateway.catalogue.all()])
        product = self._gateway.catalogue.find(wish.rest)
        return _json(_goods(product)) if product else _error(404, f"There is no product {wish.rest}.")

    def _change_product(self, wish: Wish) -> Answer:
        try:
            change = Change.model_validate_json(wish.body)
        except ValidationError as error:
            return _error(400, f"Not a change of a product: {told(error)}.")
        changed = self._gateway.catalogue.change(
            wish.rest, procurable=change.procurable, supply_price=change.supply_price, stock=change.stock
        )
        return _json(_goods(changed)) if changed else _error(404, f"There is no product {wish.rest}.")


def _goods(product: Product) -> dict[str, JSON]:
    return {
        "code": product.code,
        "model": product.model,
        "brand": product.brand,
        "group": product.group,
        "procurable": product.procurable,
        "price_valid": product.price_valid,
        "supply_price": str(product.supply_price),
        "invoice_price": str(product.invoice_price),
    }


def _json(value: JSON, status: int = 200) -> Answer:
    return Answer(status, dumped(value))


def _error(status: int, sentence: str) -> Answer:
    return Answer(status, dumped({"error": sentence}))

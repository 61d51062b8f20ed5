"""How a broker differs from the topology, in words for the person who has to put it right."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from rabbitmq.topology import Binding

Kind = Literal["exchange", "queue"]

_INEQUIVALENT = re.compile(
    r"inequivalent arg '(?P<argument>[^']+)' for (?:exchange|queue) '.*' in vhost '.*': "
    r"received (?P<expected>.+) but current is (?P<found>.+)$",
    re.DOTALL,
)
_VALUE = re.compile(r"(?:the value )?'(?P<value>.*?)'(?: of type '\w+')?", re.DOTALL)
_ABSENT = "none"
NOTHING = "(not set)"


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference."""

    what: str
    """``queue relay.orders, argument x-delivery-limit``."""
    expected: str
    found: str
    cure: str

    def __str__(self) -> str:
        return f"{self.what}: expected {self.expected}, found {self.found}. {self.cure}"


APPLY = "Run `relay topology apply`: it adds what is missing and changes nothing else."


def missing(kind: Kind, name: str) -> Drift:
    """An exchange or a queue that is not there."""
    return Drift(f"{kind} {name}", "that it exists", "nothing of that name", APPLY)


def missing_binding(binding: Binding) -> Drift:
    """A binding that is not there: what it would carry goes elsewhere or nowhere."""
    return Drift(binding_text(binding), "that it exists", "no such binding", APPLY)


def foreign_binding(binding: Binding) -> Drift:
    """Something brings messages into one of our queues that this topology does not know."""
    return Drift(
        binding_text(binding),
        "no such binding",
        "that it exists",
        f"Find out who made it; if nobody needs it, unbind {binding.queue} from {binding.exchange} "
        f"(routing key {binding.routing_key!r}) on the broker's management page.",
    )


def binding_text(binding: Binding) -> str:
    """``binding relay.events → relay.orders (order.*)``."""
    return f"binding {binding.exchange} → {binding.queue} ({binding.routing_key or 'all'})"


def different(kind: Kind, name: str, argument: str, expected: str, found: str) -> Drift:
    """An exchange or a queue that exists with another argument or property."""
    if kind == "queue":
        cure = (
            f"A queue's arguments cannot be changed. Stop what uses {name}, move its messages elsewhere or let it "
            f"run empty, delete it (`rabbitmqctl delete_queue --if-empty {name}`), then run `relay topology apply`."
        )
    else:
        cure = (
            f"An exchange's properties cannot be changed. Stop what publishes to {name}, delete the exchange on the "
            "broker's management page, then run `relay topology apply`, which makes it and its bindings again."
        )
    return Drift(f"{kind} {name}, {argument}", expected, found, cure)


def from_refusal(kind: Kind, name: str, refusal: str) -> Drift:
    """The difference that the broker names when it refuses a declaration (AMQP 406, ``PRECONDITION_FAILED``)."""
    match = _INEQUIVALENT.search(refusal)
    if match is None:
        return different(kind, name, "declaration", "that the broker accepts it", f"the broker refuses it: {refusal}")
    return different(kind, name, match["argument"], _value(match["expected"]), _value(match["found"]))


def _value(text: str) -> str:
    if text.strip() == _ABSENT:
        return NOTHING
    match = _VALUE.fullmatch(text.strip())
    return match["value"] or "''" if match else text

"""What is handed to the broker and what can come of it: values without I/O, shared by every publisher.

PublishError
├── Unroutable    the broker had no queue for it and gave it back: it is nowhere
├── Refused       the broker said no (nack, no such exchange, no right), or it cannot be written as AMQP
├── Unconfirmed   sent, and the connection went before the answer: it may be there; sending it again is safe
│                 only under the same message id
└── BrokerAway    not sent at all: no connection within the time allowed
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from schemas.envelope import CONTENT_TYPE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pamqp.common import FieldValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One message for the broker; always persistent.

    Attributes:
        exchange: its name; "" is the default exchange, whose routing keys are queue names.
        routing_key: at most 255 bytes.
        message_id: at most 255 bytes. Without one the SHA-256 of the body is sent, by which DESIGN 5 knows an event
            that has none: a message that comes back from the broker can be told apart by its id only.
        type: the AMQP property, for those who look at a queue by hand.
        mandatory: have it returned (`Unroutable`) where no queue takes it. Behind an alternate exchange that
            never happens.
    """

    exchange: str
    routing_key: str
    body: bytes
    message_id: str | None = None
    content_type: str = CONTENT_TYPE
    headers: Mapping[str, FieldValue] = field(default_factory=dict)
    type: str | None = None
    mandatory: bool = True


class PublishError(Exception):
    """One message did not get its confirm; `message` is the one, for the caller to decide about."""

    def __init__(self, reason: str, message: Outgoing) -> None:
        where = f"exchange {message.exchange!r}, routing key {message.routing_key!r}"
        super().__init__(f"message {message.message_id or '(without id)'} to {where}: {reason}")
        self.reason = reason
        self.message = message


class Unroutable(PublishError):
    """No queue took it and the broker returned it."""


class Refused(PublishError):
    """The broker said no, or the message cannot be written as AMQP."""


class Unconfirmed(PublishError):
    """Sent without an answer: it may have arrived. Send it again under the same message id."""


class BrokerAway(PublishError):
    """Not sent: there was no connection that takes messages within the time allowed."""

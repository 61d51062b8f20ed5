"""Carries what the service has stored in its outbox to the broker: a batch in, one outcome for each row out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from publishers.outgoing import Outgoing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pamqp.common import FieldValue

    from publishers.confirms import ConfirmedPublisher
    from publishers.outgoing import PublishError


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedEvent:
    """An event as the outbox holds it; the bytes go out as they are, so that sent again it is the same event.

    Results are not mandatory: who listens is the order systems' affair, and what nobody claims waits behind the
    alternate exchange. The service's own events are: nobody but us takes them (DESIGN 5, outbox).

    Attributes:
        id: the AMQP `message_id`; for a new event its CloudEvents `id` too.
        exchange: where it goes.
        routing_key: there; on the exchanges of events the type.
        body: CloudEvents structured JSON.
        mandatory: whether a queue has to be there for it.
        headers: of the message.
    """

    id: str
    exchange: str
    routing_key: str
    body: bytes
    mandatory: bool
    headers: Mapping[str, FieldValue] = field(default_factory=dict)


class ResultPublisher:
    """Publishes results, and events of the service to itself, over a publisher that the caller opens and closes."""

    def __init__(self, publisher: ConfirmedPublisher) -> None:
        self._publisher = publisher

    async def publish(self, rows: Sequence[EncodedEvent]) -> list[PublishError | None]:
        """Publish all at once; one outcome for each row, in order (None: the broker has it)."""
        return await self._publisher.publish_many([_outgoing(row) for row in rows])


def _outgoing(row: EncodedEvent) -> Outgoing:
    return Outgoing(
        exchange=row.exchange,
        routing_key=row.routing_key,
        body=row.body,
        message_id=row.id,
        headers=row.headers,
        type=row.routing_key,
        mandatory=row.mandatory,
    )

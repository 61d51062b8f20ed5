"""Carries what the service has stored in its outbox to the broker: a batch in, one outcome for each row out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from publishers.outgoing import Outgoing
from rabbitmq.topology import EVENTS, RESULTS
from schemas.registry import is_result

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pamqp.common import FieldValue

    from publishers.confirms import ConfirmedPublisher
    from publishers.outgoing import PublishError


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedEvent:
    """An event as the outbox holds it; the bytes go out as they are, so that sent again it is the same event.

    Attributes:
        id: CloudEvents `id`, also the AMQP `message_id`.
        type: event type, also the routing key.
        body: CloudEvents structured JSON.
    """

    id: str
    type: str
    body: bytes
    headers: Mapping[str, FieldValue] = field(default_factory=dict)


def outgoing(event: EncodedEvent) -> Outgoing:
    """Where an event of that type goes, and whether somebody has to be there.

    Results are not mandatory: who listens is the order systems' affair, and what nobody claims waits behind the
    alternate exchange. The service's own events are: nobody but us takes them (DESIGN 5, outbox).
    """
    result = is_result(event.type)
    return Outgoing(
        exchange=RESULTS if result else EVENTS,
        routing_key=event.type,
        body=event.body,
        message_id=event.id,
        headers=event.headers,
        type=event.type,
        mandatory=not result,
    )


class ResultPublisher:
    """Publishes results, and events of the service to itself, over a publisher that the caller opens and closes."""

    def __init__(self, publisher: ConfirmedPublisher) -> None:
        self._publisher = publisher

    async def publish(self, rows: Sequence[EncodedEvent]) -> list[PublishError | None]:
        """Publish all at once; one outcome for each row, in order (None: the broker has it)."""
        return await self._publisher.publish_many([outgoing(row) for row in rows])

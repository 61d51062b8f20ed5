"""The client that an order system imports: checks an event, publishes it, and returns when the broker has it for good.

async with RelayPublisher("amqp://shop:…@rabbit:5672/", source="/shop/orders") as relay:
    event = await relay.order_cancelled(so_id="SO-1", version=3, reason="customer", cancelled_at=now)
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Final, Self

from publishers.confirms import ConfirmedPublisher, Unconfirmed
from publishers.order_system import OrderSystemEvents

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from publishers.confirms import Outgoing, PublishError

_RESEND_PAUSE: Final = 0.2


class RelayPublisher(OrderSystemEvents):
    """Typed, confirmed, reconnecting client of the relay.

    Args:
        amqp_url: the broker, with a user that may write `order.*` and `sync.*` on `relay.events`.
        source: CloudEvents `source` of every event made here.
        name: the connection's name, as the broker shows it.
        wait_for_broker: seconds that an event waits for a connection before `BrokerAway`; None waits for ever.
        give_up_after: seconds, counted from the first attempt, during which an event whose confirm was lost with the
            connection is sent again under its id. That is safe: the service drops what it has already.
        max_in_flight: events sent and not yet confirmed.

    Its methods raise `InvalidEvent` (nothing sent), `BrokerAway` (nothing sent), `Refused` (the broker said no; for
    instance the topology was never applied) or `Unconfirmed` (it may have arrived: send it again with the same
    `event_id`).
    """

    def __init__(
        self,
        amqp_url: str,
        *,
        source: str,
        name: str = "relay-publisher",
        wait_for_broker: float | None = 30,
        give_up_after: float = 60,
        max_in_flight: int = 1000,
    ) -> None:
        super().__init__(source=source)
        self._publisher = ConfirmedPublisher(
            amqp_url, name=name, wait_for_broker=wait_for_broker, max_in_flight=max_in_flight
        )
        self._give_up_after = give_up_after

    async def start(self) -> None:
        """Begin to connect; does not wait for the broker, the first event does."""
        await self._publisher.start()

    async def close(self) -> None:
        """Wait for what is under way, then close the connection."""
        await self._publisher.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def is_connected(self) -> bool:
        """Is there a live connection right now."""
        return self._publisher.is_connected

    async def confirmed(self, messages: Sequence[Outgoing]) -> list[PublishError | None]:
        """Publish, and publish again what stayed unconfirmed, until the time is up; see `OrderSystemEvents`."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._give_up_after
        answers = await self._publisher.publish_many(messages)
        while clock() < deadline:
            open_ = [index for index, answer in enumerate(answers) if isinstance(answer, Unconfirmed)]
            if not open_:
                break
            await asyncio.sleep(_RESEND_PAUSE * (1 + random.random()))  # noqa: S311 - jitter, no secret
            again = await self._publisher.publish_many([messages[index] for index in open_])
            for index, answer in zip(open_, again, strict=True):
                # Once it may have arrived, "not sent this time" does not make it certain that it did not.
                answers[index] = answer if answer is None or isinstance(answer, Unconfirmed) else _still_open(answer)
        return answers


def _still_open(answer: PublishError) -> Unconfirmed:
    return Unconfirmed(f"sent once without an answer, it may have arrived; sent again: {answer.reason}", answer.message)

"""`relay sync logistics`: whose shipments are asked for, and how much about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ops.cli.sync_request import request as request_sync

if TYPE_CHECKING:
    from datetime import timedelta

    from consumer.settings import Settings
    from ops.cli.failing import ExitCode
    from ops.cli.printing import Output
    from publishers.orders import RelayPublisher
    from schemas.envelope import Event


@dataclass(frozen=True, slots=True)
class Wish:
    """The orders by their numbers, or None: all that are not yet delivered; and what is asked beside the parcels."""

    so_ids: tuple[str, ...] | None
    detail: bool
    photos: bool

    async def published(self, relay: RelayPublisher) -> Event:
        """Publish the request for them."""
        if self.so_ids is None:
            return await relay.sync_logistics(scope="open", detail=self.detail, with_photos=self.photos)
        return await relay.sync_logistics(so_ids=self.so_ids, detail=self.detail, with_photos=self.photos)


async def request(settings: Settings, wish: Wish, patience: timedelta | None, output: Output) -> ExitCode:
    """Publish the request; with ``patience`` wait that long for its end (`ops.cli.sync_request.request`)."""
    return await request_sync(settings, wish.published, patience, output, items="orders")

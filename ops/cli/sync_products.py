"""`relay sync products`: which goods are asked for."""

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
    """Which goods; None: no limit."""

    codes: tuple[str, ...] | None
    category: str | None
    brand: str | None

    async def published(self, relay: RelayPublisher) -> Event:
        """Publish the request for them."""
        return await relay.sync_products(product_codes=self.codes, category=self.category, brand=self.brand)


async def request(settings: Settings, wish: Wish, patience: timedelta | None, output: Output) -> ExitCode:
    """Publish the request; with ``patience`` wait that long for its end (`ops.cli.sync_request.request`)."""
    return await request_sync(settings, wish.published, patience, output, items="goods")

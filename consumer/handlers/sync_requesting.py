"""How a request for goods becomes a plan; what is under way already is joined rather than done twice (DESIGN 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.domain.results import sync_log_id
from consumer.domain.sync_plan import joined, planned, scope_of
from consumer.handlers.order_calls import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from consumer.domain.outcome import Outcome
    from consumer.domain.ports import PlanBooks, SyncAccount
    from consumer.domain.sync_plan import Sized
    from consumer.domain.writes import InboxKey, SyncType
    from schemas.envelope import Event


async def requested(
    event: Event,
    key: InboxKey,
    *,
    books: PlanBooks,
    account: SyncAccount,
    sync_type: SyncType,
    wish: tuple[object, ...],
    batches: Callable[[str], Sequence[Sized]],
) -> Outcome:
    """Return the outcome of a request.

    Args:
        event: the request.
        key: its inbox key.
        books: which syncs are under way.
        account: that calls are made with now.
        sync_type: of the sync.
        wish: all that says what is asked for: two requests with the same are one sync while it lasts.
        batches: makes the batches that are known by now, given the sync's id.
    """
    scope = scope_of(account.config_id, sync_type.value, *wish)
    under_way = await books.sync_of_scope(scope)
    if under_way is not None:
        return joined(event, key, under_way, utc_now())
    return planned(
        event,
        key,
        sync_type=sync_type,
        batches=batches(sync_log_id(key)),
        config_id=account.config_id,
        now=utc_now(),
        scope=scope,
    )


def once_each(values: Sequence[str] | None) -> list[str] | None:
    """Return ``values`` each once, in an order of their own: the same list asked for otherwise is the same wish."""
    return None if values is None else sorted(set(values))

"""What every result about an order carries, taken from the books; shared by the handlers of order events."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from consumer.domain.copying import replace
from consumer.domain.errors import Rejected
from consumer.domain.letters import note_of
from consumer.domain.order import CallKind, CallOutcome, OrderState
from consumer.domain.outcome import Ending, Outcome, Result
from consumer.domain.results import finished_sync_log
from consumer.domain.writes import SyncStatus, SyncType
from schemas.results import OrderRescheduleFailed, OrderRescheduleSucceeded, OrderResult, OrderSuperseded

if TYPE_CHECKING:
    from consumer.domain.letters import ErrorNote
    from consumer.domain.order import Order
    from consumer.domain.order_parts import HeldReschedule
    from consumer.domain.writes import InboxKey, SaveOrder
    from schemas.envelope import Event

ResultT = TypeVar("ResultT", bound=OrderResult)

_ENDED = frozenset({OrderState.CANCELLING, OrderState.CANCELLED, OrderState.CANCEL_FAILED, OrderState.SETTLED})


def numbered(
    order: Order, type_: str, model: type[ResultT], *, version: int | None, now: datetime, **more: Any
) -> tuple[Order, Result]:
    """Return the order with its next ``sequence`` and the result that bears it.

    Args:
        order: as it stands once the result holds.
        type_: event type of the result.
        model: its data model.
        version: version of the event that is answered.
        now: when it happened.
        more: the fields that this model has beyond those of `OrderResult`.
    """
    counted = replace(order, sequence=order.sequence + 1)
    data = model(
        so_id=counted.so_id,
        online_no=counted.online_no,
        source_system=counted.source_system,
        version=version,
        state=counted.state.value,
        sequence=counted.sequence,
        occurred_at=now,
        retail_order_no=counted.retail_order_no,
        ext_order_no=counted.ext_order_no,
        **more,
    )
    return counted, Result(type_, data, subject=counted.so_id)


def concluded(
    event: Event,
    key: InboxKey,
    results: tuple[Result, ...],
    saved: SaveOrder,
    *,
    started: datetime,
    message: str = "",
    failed: ErrorNote | None = None,
    refusal: Rejected | None = None,
) -> Outcome:
    """Return the outcome of an order event that ended, with its row of the sync log.

    Args:
        event: the event.
        key: its inbox key.
        results: what the shop is told.
        saved: the order, to be written with them.
        started: when work on it began.
        message: what came of it, for a person; a failure has words of its own.
        failed: why it did not succeed; None: it did.
        refusal: what goes to the ledger.
    """
    now = datetime.now(UTC)
    row, told = finished_sync_log(
        event,
        key,
        sync_type=SyncType.ORDER,
        status=SyncStatus.SUCCESS if failed is None else SyncStatus.FAILED,
        message=message if failed is None else failed.supplier_message or failed.message,
        counts=(1, 1, 0) if failed is None else (1, 0, 1),
        started_at=started,
        now=now,
    )
    ending = Ending.DONE if failed is None else Ending.REFUSED
    return Outcome(ending, (*results, told), (saved, row), refusal=refusal)


def settled_held(order: Order, now: datetime) -> tuple[Order, tuple[Result, ...]]:
    """Return the order without what was held for its create, and what is told of each; the same while it still waits.

    To be asked while the create is the order's last call: once it is done, the reschedules that are newer than its
    ``order.paid`` went along in its body and hold, the others are superseded. Where a cancel ended the order first, all
    of them are. Each is told under its own event (`consumer.domain.outcome.Result.key`).
    """
    create = order.intent
    pushed = create is not None and create.kind is CallKind.CREATE and create.outcome is CallOutcome.DONE
    if not order.held or not (pushed or order.state in _ENDED):
        return order, ()
    settled, told = replace(order, held=()), []
    for held in sorted(order.held, key=lambda one: one.version):
        went_along = pushed and create is not None and held.version > (create.version or 0)
        settled, result = rescheduled(settled, held, now) if went_along else superseded_held(settled, held, now)
        told.append(result)
    return settled, tuple(told)


def superseded_held(order: Order, held: HeldReschedule, now: datetime) -> tuple[Order, Result]:
    """Return the order with its next ``sequence``, and that ``held`` will not be applied."""
    counted, result = numbered(
        order,
        "order.superseded",
        OrderSuperseded,
        version=held.version,
        now=now,
        applied_version=order.applied_version,
    )
    return counted, _for_held(result, held)


def lapsed_held(order: Order, held: HeldReschedule, now: datetime) -> tuple[Order, Result]:
    """Return the order with its next ``sequence``, and that no create came for ``held`` (code ``order_unknown``)."""
    waited = int((now - held.held_at).total_seconds() // 3600)
    refusal = Rejected(
        f"no order.paid of {order.so_id} was carried out within {waited} h of its order.rescheduled: send the order, "
        "and then the new days again",
        code="order_unknown",
        supplier="ylh",
        operation="reschedule",
    )
    counted, result = numbered(
        order,
        "order.reschedule.failed",
        OrderRescheduleFailed,
        version=held.version,
        now=now,
        distribution_on=day(held.days.distribution_on),
        install_on=day(held.days.install_on),
        error=note_of(refusal).to_result(),
    )
    return counted, _for_held(result, held)


def rescheduled(order: Order, held: HeldReschedule, now: datetime) -> tuple[Order, Result]:
    """Return the order with its next ``sequence``, and that the days of ``held`` hold; told under its own event."""
    counted, result = numbered(
        order,
        "order.reschedule.succeeded",
        OrderRescheduleSucceeded,
        version=held.version,
        now=now,
        distribution_on=day(held.days.distribution_on),
        install_on=day(held.days.install_on),
    )
    return counted, _for_held(result, held)


def _for_held(result: Result, held: HeldReschedule) -> Result:
    return replace(result, key=held.key, correlationid=held.key.event_id)


def iso(day: date | None) -> str | None:
    """Return a day as ISO text."""
    return None if day is None else day.isoformat()


def day(text: str | None) -> date | None:
    """Return ISO text as a day."""
    return None if text is None else date.fromisoformat(text)

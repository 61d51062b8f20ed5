"""An order as our books hold it: values, no I/O. What may become of it stands in `consumer.domain.order_table`.

Two tracks make up its coarse state (DESIGN section 6). The *answer* track is what YLH says of the order itself, the
*cancel* track what becomes of a cancel, asked for or not. Once the cancel track has begun it alone is shown::

    new → pushing → pushed → confirmed | refused | out_of_stock        answer
                       ↘ cancelling → cancelled | cancel_failed        cancel
                                      settled

Each track has the `Stamp` of the newest callback that it was told, so that what comes late changes nothing.

An order whose create was refused at once is ``new`` again: nothing of it was applied, the same version may come
again. An order that we only know from its cancel is a *tombstone*: ``cancelling`` or ``cancelled`` with
``applied_version`` None.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from consumer.domain.copying import replace
from consumer.domain.order_parts import NO_DAYS

if TYPE_CHECKING:
    from datetime import datetime

    from consumer.domain.letters import ErrorNote
    from consumer.domain.order_parts import Consignee, Days, Goods, HeldReschedule, Stamp


class OrderState(StrEnum):
    """Coarse state of an order."""

    NEW = "new"
    PUSHING = "pushing"
    PUSHED = "pushed"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    OUT_OF_STOCK = "out_of_stock"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    CANCEL_FAILED = "cancel_failed"
    SETTLED = "settled"


FINAL = frozenset({OrderState.CANCELLED, OrderState.SETTLED})
"""States that nothing leads out of."""


class CallKind(StrEnum):
    """A call that changes something at YLH."""

    CREATE = "create"
    CANCEL = "cancel"
    RESCHEDULE = "reschedule"


class CallOutcome(StrEnum):
    """What is known of the last changing call.

    ``UNKNOWN`` is committed *before* the call: a crash at any point after that leaves the truth in the books.
    ``MAY_BE_THERE``: refused, but the supplier may have the order all the same (from elsewhere, or from an earlier send
    of ours that was never answered): a cancel has to ask.
    """

    UNKNOWN = "unknown"
    NOT_SENT = "not_sent"
    DONE = "done"
    REFUSED = "refused"
    MAY_BE_THERE = "may_be_there"


@dataclass(frozen=True, slots=True)
class Intent:
    """A changing call that we mean to make or have made.

    Attributes:
        kind: which call.
        body: the request body, byte for byte; a resend uses exactly these bytes.
        digest: fingerprint of the event's content, to tell a correction from a repetition.
        version: the event's version (None for a cancel of an order never seen).
        outcome: what is known of it.
        event_source: inbox key of the event that caused it.
        event_id: inbox key of the event that caused it.
        occurred_at: when the intent was formed (aware, UTC).
        days: the days that a reschedule brings; they hold once it is done.
    """

    kind: CallKind
    body: bytes
    digest: str
    version: int | None
    outcome: CallOutcome
    event_source: str
    event_id: str
    occurred_at: datetime
    days: Days = NO_DAYS

    @property
    def unanswered(self) -> bool:
        """True while an earlier send may or may not have reached the supplier."""
        return self.outcome is CallOutcome.UNKNOWN


@dataclass(frozen=True, slots=True)
class Order:
    """One ``so_id`` in our books.

    Attributes:
        so_id: the shop's sub-order number, unique over all sources.
        state: coarse state.
        applied_version: newest version whose effect holds at the supplier; None: none was applied.
        content_digest: fingerprint of the applied ``order.paid`` content.
        sequence: number of the last ``order.*`` result; counts up per order.
        row_version: optimistic lock; 0 means not in the books yet.
        online_no: platform order number, from ``order.paid``.
        source_system: from ``order.paid``, else the account's default.
        paid_event_id: id of the ``order.paid`` that was applied; callbacks' results correlate with it.
        retail_order_no: order number at JSH, once known.
        ext_order_no: Haier's number, once a callback brought it.
        intent: the last changing call, with its outcome.
        days: delivery and installation as they hold at YLH, or as its create asks for them.
        applied_event_id: id of the event whose effect is the newest; ``paid_event_id`` or that of a reschedule.
        goods: what was ordered, each product once, with quantities once they are known.
        answer: newest callback of the answer track.
        ending: newest callback of the cancel track.
        fail_msg: the supplier's reason in the newest callback that gave one, verbatim.
        error: the last failure that was told to the shop and still stands.
        held: reschedules that wait for the create; never more than one that gives the same day.
        consignee: who gets the goods, until it is scrubbed.
        delivered_at: when a shipment was first seen delivered.
        created_at: when the order came into the books, by the database's clock; None until it was read from there.
        state_at: when it came into its present state, likewise.
        updated_at: when it was last written, likewise.
    """

    so_id: str
    state: OrderState = OrderState.NEW
    applied_version: int | None = None
    content_digest: str | None = None
    sequence: int = 0
    row_version: int = 0
    online_no: str | None = None
    source_system: str | None = None
    paid_event_id: str | None = None
    retail_order_no: str | None = None
    ext_order_no: str | None = None
    intent: Intent | None = None
    days: Days = NO_DAYS
    applied_event_id: str | None = None
    goods: tuple[Goods, ...] = ()
    answer: Stamp | None = None
    ending: Stamp | None = None
    fail_msg: str | None = None
    error: ErrorNote | None = None
    held: tuple[HeldReschedule, ...] = ()
    consignee: Consignee | None = None
    delivered_at: datetime | None = None
    created_at: datetime | None = None
    state_at: datetime | None = None
    updated_at: datetime | None = None

    def unanswered(self, kind: CallKind) -> Intent | None:
        """Return the intent of ``kind`` whose outcome is unknown, if there is one."""
        if self.intent is not None and self.intent.kind is kind and self.intent.unanswered:
            return self.intent
        return None

    @property
    def may_be_there(self) -> bool:
        """Whether a create of ours that nobody confirmed may have been taken at the supplier."""
        return (
            self.intent is not None
            and self.intent.kind is CallKind.CREATE
            and self.intent.outcome in {CallOutcome.UNKNOWN, CallOutcome.MAY_BE_THERE}
        )

    def answered(self, outcome: CallOutcome) -> Order:
        """Return the order with its last call's outcome known."""
        if self.intent is None:
            return self
        return replace(self, intent=replace(self.intent, outcome=outcome))

    def arrived(self, retail_order_no: str | None = None) -> Order:
        """Return the order with its create known to have reached YLH; unchanged where it has none to be known of.

        Also where an answer said no and YLH has it all the same (`may_be_there`): that failure no longer stands.

        Args:
            retail_order_no: its number there, where the answer gave one.
        """
        create = self.intent
        if create is None or create.kind is not CallKind.CREATE or self.applied_version is not None:
            return self
        newest = max((create.version or 0, *(held.version for held in self.held)))
        return replace(
            self,
            intent=replace(create, outcome=CallOutcome.DONE),
            state=OrderState.PUSHED,
            retail_order_no=retail_order_no or self.retail_order_no,
            # Held reschedules that are newer went along in the body.
            applied_version=newest,
            content_digest=create.digest,
            paid_event_id=create.event_id,
            applied_event_id=create.event_id,
            error=None,
        )

    @property
    def order_no(self) -> str | None:
        """The number under which YLH takes further calls (SUPPLIERS, reschedule): JSH's, else Haier's own."""
        return self.retail_order_no or self.ext_order_no

    @property
    def at_supplier(self) -> bool | None:
        """Whether the order is, or was, at the supplier; None while a send of ours is unanswered."""
        if self.applied_version is not None or self.answer is not None or self.ending is not None:
            return True
        if self.may_be_there or self.unanswered(CallKind.CANCEL) is not None:
            return None
        # A cancel that YLH took is proof too: of an order that is older than our books.
        return self.state in {OrderState.CANCELLING, OrderState.CANCEL_FAILED}

    @property
    def refundable(self) -> bool:
        """Whether the customer may be refunded in full: it is cancelled, or all of it came back."""
        if self.state is OrderState.SETTLED:
            return bool(self.goods) and all(item.all_back for item in self.goods)
        return self.state is OrderState.CANCELLED

"""What can go wrong, as one tree; the classes are those that results, metrics and the ledger name.

    RelayError
    ├── SupplierError              something between us and a supplier
    │   ├── Transient              nothing happened there; safe to send again
    │   ├── UnknownOutcome         a change was sent and no readable answer came: it may or may not have happened
    │   ├── Throttled              429: the supplier wants us to rest
    │   ├── Unauthorised           401 or 403
    │   ├── Resting                we make no calls to the supplier now; nothing was sent
    │   ├── Misconfigured          our set-up is wrong: 404, 405, 3xx, unresolvable host, unfit certificate
    │   ├── Rejected               the supplier said no; final
    │   └── Malformed              a readable answer of another shape
    ├── Unmatched                  a callback that fits no order
    ├── Defect                     a fault of ours (class ``bug``)
    ├── Snoozed                    not a failure: this event waits for something
    ├── BooksUnavailable           our own database does not answer
    └── StateError                 our books say otherwise
        ├── StaleOrder             somebody else changed the order meanwhile
        ├── OrderTaken             another worker holds the order's lease
        ├── BatchCounted           a batch of a sync was counted before
        ├── SyncNotOver            a sync has an open batch, or is closed already
        └── AlreadyDone            the event's key is in the inbox already

An error owns its words: ``message`` is for a person, ``code`` is stable English for programs. The library's own
exception is chained below it (``raise … from``), never shown instead of it.

Beside the tree stands `CalledOff`: nothing went wrong, somebody told us to stop.
"""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from datetime import timedelta


class ErrorClass(StrEnum):
    """The closed set of error classes (EVENTS, ``error.class``)."""

    INVALID_EVENT = "invalid_event"
    TRANSIENT = "transient"
    UNKNOWN_OUTCOME = "unknown_outcome"
    THROTTLED = "throttled"
    AUTH = "auth"
    MISCONFIGURED = "misconfigured"
    REJECTED = "rejected"
    MALFORMED = "malformed"
    UNMATCHED = "unmatched"
    BUG = "bug"


class RelayError(Exception):
    """Root of all that this service raises on purpose.

    Args:
        message: a sentence for a person: what, where, what to do. No secret and no customer's data.
        code: stable English identifier, e.g. ``already_at_supplier``.
    """

    error_class: ClassVar[ErrorClass] = ErrorClass.BUG

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


class SupplierError(RelayError):
    """Something between us and a supplier.

    Args:
        message: a sentence for a person.
        code: stable English identifier.
        supplier: ``ylh`` or ``haier``.
        operation: the call, e.g. ``create``, ``products``, ``token``.
        supplier_code: the supplier's own code, if it gave one.
        supplier_message: the supplier's own words, verbatim (at most 500 characters).
        status: HTTP status, if an answer came.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str,
        supplier: str,
        operation: str,
        supplier_code: str | None = None,
        supplier_message: str | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(message, code=code)
        self.supplier = supplier
        self.operation = operation
        self.supplier_code = supplier_code
        self.supplier_message = supplier_message
        self.status = status


class Transient(SupplierError):
    """Nothing happened at the supplier (a connect that failed), or the call changes nothing."""

    error_class = ErrorClass.TRANSIENT


class UnknownOutcome(SupplierError):
    """A changing call was sent at least in part and no readable answer came back."""

    error_class = ErrorClass.UNKNOWN_OUTCOME


class Throttled(SupplierError):
    """429. ``retry_after`` is what the supplier asked for, or None."""

    error_class = ErrorClass.THROTTLED

    def __init__(
        self,
        message: str,
        *,
        supplier: str,
        operation: str,
        retry_after: timedelta | None = None,
        supplier_message: str | None = None,
    ) -> None:
        super().__init__(
            message,
            code="throttled",
            supplier=supplier,
            operation=operation,
            supplier_message=supplier_message,
            status=429,
        )
        self.retry_after = retry_after


class Unauthorised(SupplierError):
    """401 or 403.

    ``expired`` is True when the refused token had been accepted before (an expiry; the client has tried new logins
    already): that is worth the ladder. False: the credentials themselves are refused, and the lane pauses.
    """

    error_class = ErrorClass.AUTH

    def __init__(
        self,
        message: str,
        *,
        code: str,
        supplier: str,
        operation: str,
        expired: bool,
        supplier_message: str | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(
            message,
            code=code,
            supplier=supplier,
            operation=operation,
            supplier_message=supplier_message,
            status=status,
        )
        self.expired = expired


class Resting(SupplierError):
    """We make no calls to the supplier now (its circuit is open, it is paused, its quota is taken): nothing was sent.

    Not a failure of the message that wanted to call: it waits with its attempt unchanged.
    """

    error_class = ErrorClass.TRANSIENT


class Misconfigured(SupplierError):
    """Our set-up is wrong; no event is failed for it."""

    error_class = ErrorClass.MISCONFIGURED


class Rejected(SupplierError):
    """The supplier read the call and said no; sending it again would get the same answer."""

    error_class = ErrorClass.REJECTED


class Malformed(SupplierError):
    """A readable answer of another shape, on a call that changes nothing: the supplier changed its format."""

    error_class = ErrorClass.MALFORMED


class Unmatched(RelayError):
    """A callback that fits no order."""

    error_class = ErrorClass.UNMATCHED


class Defect(RelayError):
    """A fault of ours that we saw coming, such as an event type that nothing handles."""

    error_class = ErrorClass.BUG


class Snoozed(RelayError):
    """Not a failure: the event cannot go on now and spends no attempt by waiting."""

    error_class = ErrorClass.TRANSIENT

    def __init__(self, message: str, *, code: str, delay: timedelta | None = None) -> None:
        super().__init__(message, code=code)
        self.delay = delay


class BooksUnavailable(RelayError):
    """Our own database does not answer, or refuses to write; events wait until it does."""

    error_class = ErrorClass.TRANSIENT


class StateError(RelayError):
    """Our books say otherwise than the caller thought."""

    error_class = ErrorClass.TRANSIENT


class Stale(StateError):
    """The books changed since they were read: read them again and decide anew, at once."""


class StaleOrder(Stale):
    """The order's row changed since it was read."""

    def __init__(self, so_id: str) -> None:
        super().__init__(f"order {so_id} changed meanwhile; it has to be read again", code="stale_order")
        self.so_id = so_id


class OrderTaken(StateError):
    """Another worker holds the order's lease."""

    def __init__(self, so_id: str) -> None:
        super().__init__(f"order {so_id} is being worked on by another worker", code="order_taken")
        self.so_id = so_id


class AlreadyDone(StateError):
    """The event's key is in the inbox: another delivery of it was committed first."""

    def __init__(self, event_id: str) -> None:
        super().__init__(f"event {event_id} is done already", code="already_done")
        self.event_id = event_id


class StaleGoods(Stale):
    """A product, its price or its stock changed in the books since it was read."""

    def __init__(self, product_code: str) -> None:
        super().__init__(f"product {product_code} changed meanwhile; it has to be read again", code="stale_goods")


class SyncUnderWay(Stale):
    """A sync of the same scope is under way: there is one to join."""

    def __init__(self, sync_id: str) -> None:
        super().__init__(f"sync {sync_id} does the same already", code="sync_under_way")


class SyncEnded(Stale):
    """The sync that was to be joined has ended meanwhile."""

    def __init__(self, sync_id: str) -> None:
        super().__init__(f"sync {sync_id} has ended meanwhile", code="sync_ended")


class BatchCounted(Stale):
    """The batch has been counted before, or there is none of that number, or its sync was cancelled."""

    def __init__(self, sync_id: str, number: int) -> None:
        super().__init__(f"batch {number} of sync {sync_id} is counted already", code="batch_counted")


class SyncNotOver(StateError):
    """The sync has an open batch, or was closed by somebody else."""

    def __init__(self, sync_id: str) -> None:
        super().__init__(f"sync {sync_id} has an open batch, or is closed already", code="sync_not_over")


class CalledOff(asyncio.CancelledError):
    """A call was cancelled while it still waited to be sent: the supplier has seen nothing of it."""

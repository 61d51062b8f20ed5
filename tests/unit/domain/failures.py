"""One error of each kind, built the same way for every test that needs them all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.domain.errors import (
    AlreadyDone,
    BooksUnavailable,
    Defect,
    Malformed,
    Misconfigured,
    OrderTaken,
    Rejected,
    Snoozed,
    StaleOrder,
    SupplierError,
    Throttled,
    Transient,
    Unauthorised,
    UnknownOutcome,
    Unmatched,
)
from schemas.faults import FieldError, InvalidEvent

if TYPE_CHECKING:
    from datetime import timedelta


def supplier_error(kind: type[SupplierError], code: str = "some_code", *, words: str | None = None) -> SupplierError:
    """A supplier's error of a kind that has no arguments of its own."""
    return kind(
        "in our words", code=code, supplier="ylh", operation="create", supplier_code="20001", supplier_message=words
    )


def transient() -> SupplierError:
    return supplier_error(Transient)


def unknown_outcome() -> SupplierError:
    return supplier_error(UnknownOutcome)


def malformed() -> SupplierError:
    return supplier_error(Malformed)


def misconfigured() -> SupplierError:
    return supplier_error(Misconfigured)


def rejected(code: str = "refused", words: str | None = "地址错误") -> Rejected:
    error = supplier_error(Rejected, code, words=words)
    assert isinstance(error, Rejected)
    return error


def throttled(rest: timedelta | None = None) -> Throttled:
    return Throttled("too fast", supplier="haier", operation="products", retry_after=rest)


def unauthorised(*, expired: bool) -> Unauthorised:
    return Unauthorised("login refused", code="unauthorised", supplier="ylh", operation="create", expired=expired)


def snoozed(delay: timedelta | None = None) -> Snoozed:
    return Snoozed("waits", code="waits", delay=delay)


def books_unavailable() -> BooksUnavailable:
    return BooksUnavailable("the database does not answer", code="unreachable")


def invalid_event() -> InvalidEvent:
    return InvalidEvent([FieldError("data.so_id", "an order number", "nothing")])


def unmatched() -> Unmatched:
    return Unmatched("fits no order", code="unmatched")


def defect() -> Defect:
    return Defect("nothing handles it", code="no_handler")


def state_errors() -> list[BaseException]:
    return [StaleOrder("SO1"), OrderTaken("SO1"), AlreadyDone("e1")]


def foreign_errors() -> list[BaseException]:
    """Errors that are not ours: anything may be in their text."""
    return [RuntimeError("13800000000"), KeyError("王小明"), ExceptionGroup("many", [ValueError("s3cret")])]

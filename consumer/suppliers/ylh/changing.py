"""A call that changes an order, and what its failure still leaves open.

Within one call an unknown outcome stays one until an answer settles it: when the repeat after it fails otherwise
(refused, throttled, no connection, a pause, a quota that cannot be asked), the caller still gets the `UnknownOutcome`
of the first send. The books then keep the send as unanswered and know, when the message comes round, that it is a
resend.

A call that is cancelled, as the last of a shutdown are, says whether anything was sent: of one that waited for its slot
the books need not doubt anything.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from consumer.domain.errors import CalledOff, Rejected, RelayError, UnknownOutcome

if TYPE_CHECKING:
    from re import Pattern

    from consumer.suppliers.account import Account
    from consumer.suppliers.operation import Operation
    from consumer.suppliers.retrying import Tries

T = TypeVar("T")


async def changed(
    account: Account, operation: Operation[T], body: bytes, tries: Tries, *, subject: str, settles: Pattern[str]
) -> T:
    """Make the call and return what the answer says.

    Args:
        account: whose call it is.
        operation: which change.
        body: the same bytes at each send.
        tries: of this call; remembers the send without an answer.
        subject: the order, for errors.
        settles: fits the words of a refusal that says what became of every send, the unanswered one too.

    Raises:
        Rejected: no send of this call did anything, or the refusal settles it.
        UnknownOutcome: it may or may not have happened.
        RelayError: nothing happened.
        CalledOff: it was cancelled before anything happened.
    """
    try:
        return await account.call(operation, body, subject=subject, tries=tries)
    except UnknownOutcome:
        raise
    except asyncio.CancelledError as stop:
        if tries.nothing_open:
            raise CalledOff from stop
        raise
    except RelayError as error:
        settled = isinstance(error, Rejected) and said(error, settles)
        if tries.unanswered is None or settled:
            raise
        raise tries.unanswered from error


def said(refusal: Rejected, words: Pattern[str]) -> bool:
    """Return whether the supplier's own words fit."""
    return words.search(refusal.supplier_message or "") is not None


def recoded(refusal: Rejected, code: str, message: str) -> Rejected:
    """Return the same refusal under a code that says what it means to us."""
    return Rejected(
        message,
        code=code,
        supplier=refusal.supplier,
        operation=refusal.operation,
        supplier_code=refusal.supplier_code,
        supplier_message=refusal.supplier_message,
        status=refusal.status,
    )

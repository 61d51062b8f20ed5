"""What is rightly signed and yet refused is kept in the ledger, for a person to see (DESIGN section 8).

- outside the time window: class ``unmatched``, code ``outside_window``. The letter holds the event, ready for a replay.
- not a callback that we know: class ``invalid_event``, code ``unknown_method`` or ``unreadable_callback``. The letter
  holds the parameters as JSON, without AppKey and signature.

A letter's id derives from the callback's: YLH may send it as often as it likes, it is one letter.
"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from consumer.callbacks.reading import SOURCE
from consumer.callbacks.signature import SIGN, callback_id
from consumer.callbacks.taking import BOOKS_WITHIN, NotTaken, committed
from consumer.domain.delivery import Delivery
from consumer.domain.errors import ErrorClass, RelayError
from consumer.domain.letters import ErrorNote, letter_id, letter_of
from consumer.domain.writes import InboxKey, LetterStatus, UnitOfWork
from consumer.observability.logging import get_logger

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.callbacks.reading import Read, Unreadable
    from consumer.callbacks.taking import Books
    from consumer.domain.writes import Letter

log = get_logger(__name__)

LANE: Final = "relay.callbacks"
OUTSIDE_WINDOW: Final = "outside_window"

_NOT_KEPT: Final = frozenset({SIGN, "AppKey"})
_LATE: Final = (
    "rightly signed, and its TimeStamp lies outside RELAY_CALLBACK_WINDOW: it was refused. Compare the order with YLH, "
    "then replay this or discard it"
)


class Parking:
    """Files letters.

    Args:
        books: our state.
    """

    def __init__(self, books: Books) -> None:
        self._books = books

    async def stale(self, event: Read) -> bool:
        """Keep a callback that comes outside the window; False where it is a repetition of one that is done already.

        Raises:
            NotTaken: the database does not answer.
        """
        key = InboxKey(SOURCE, event.id)
        try:
            async with asyncio.timeout(BOOKS_WITHIN):
                done = await self._books.inbox(key)
        except (RelayError, TimeoutError) as error:
            log.warning("the inbox could not be asked about a late callback", error=error)
            raise NotTaken from error
        if done is not None:
            return False
        note = ErrorNote(ErrorClass.UNMATCHED, OUTSIDE_WINDOW, _LATE)
        letter = _letter(note, key, event.body, type_=event.type, subject=event.platform_order_no)
        await committed(self._books, UnitOfWork((letter,)))
        return True

    async def unreadable(self, parameters: Mapping[str, str], why: Unreadable) -> None:
        """Keep what was signed and cannot be read.

        Raises:
            NotTaken: the database does not answer.
        """
        kept = {name: value for name, value in sorted(parameters.items()) if name not in _NOT_KEPT}
        body = json.dumps(kept, ensure_ascii=False, indent=1).encode()
        note = ErrorNote(ErrorClass.INVALID_EVENT, why.code, why.message)
        key = InboxKey(SOURCE, callback_id(parameters))
        await committed(self._books, UnitOfWork((_letter(note, key, body, type_=None, subject=None),)))


def _letter(note: ErrorNote, key: InboxKey, body: bytes, *, type_: str | None, subject: str | None) -> Letter:
    now = datetime.now(UTC)
    delivery = Delivery(
        queue=LANE,
        body=body,
        routing_key=type_ or "",
        headers={},
        message_id=key.event_id,
        content_type=None,
        received_at=now,
    )
    return letter_of(
        delivery,
        note,
        id_=letter_id(LANE, key.source, key.event_id, note.code),
        lane=LANE,
        key=key,
        type_=type_,
        subject=subject,
        status=LetterStatus.OPEN,
        now=now,
    )

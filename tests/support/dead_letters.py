"""Dead letters as the archivist would have written them, straight into the ledger."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from consumer.domain.delivery import Delivery
from consumer.domain.errors import ErrorClass
from consumer.domain.history import failed_attempt
from consumer.domain.letters import ErrorNote, letter_of
from consumer.domain.writes import InboxKey, LetterStatus, UnitOfWork
from tests.support.events import SOURCE, cancelled, event, paid

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.domain.writes import Letter
    from consumer.persistence.store import Store

_AT_ONCE: Final = 500
LANES: Final = {"order": "relay.orders", "sync": "relay.catalog"}
KINDS: Final[dict[str, tuple[ErrorNote, Callable[[int], dict[str, Any]]]]] = {
    "unanswered": (
        ErrorNote(ErrorClass.UNKNOWN_OUTCOME, "http_503", "ylh.create: HTTP 503", "ylh"),
        lambda number: paid(f"SO-U-{number}"),
    ),
    "refused": (
        ErrorNote(ErrorClass.REJECTED, "refused", "no", "ylh", "E-AREA", "地址不支持配送"),
        lambda number: paid(f"SO-R-{number}"),
    ),
    "uncancelled": (
        ErrorNote(ErrorClass.TRANSIENT, "timeout", "ylh.cancel: no connection", "ylh"),
        lambda number: cancelled(f"SO-C-{number}"),
    ),
    "misshapen": (
        ErrorNote(ErrorClass.MALFORMED, "malformed", "haier.balance: data is missing", "haier"),
        lambda number: event("sync.balance.requested", {}, event_id=f"balance-{number}"),
    ),
    "defect": (
        ErrorNote(ErrorClass.BUG, "unexpected_error", "KeyError in the service's own code"),
        lambda number: event("sync.prices.requested", {"product_codes": ["BX0000001"]}, event_id=f"prices-{number}"),
    ),
}
"""Five causes, each with the events that it hits."""


def dead_letter(kind: str, number: int) -> Letter:
    """Return one letter of a cause."""
    note, document = KINDS[kind]
    body = document(number)
    now = datetime.now(UTC)
    key = InboxKey(SOURCE, body["id"])
    return letter_of(
        Delivery("", json.dumps(body, ensure_ascii=False).encode(), body["type"], {}, body["id"], None, now),
        note,
        id_=f"{kind}-{number}",
        lane=LANES[body["type"].partition(".")[0]],
        key=key,
        type_=body["type"],
        subject=body.get("subject"),
        status=LetterStatus.OPEN,
        now=now,
        attempts=[failed_attempt(tried, note, at=now, seconds=0.5) for tried in range(1, 7)],
    )


async def filed(store: Store, kind: str, count: int) -> None:
    """Put so many letters of a cause into the ledger."""
    for start in range(0, count, _AT_ONCE):
        letters = [dead_letter(kind, number) for number in range(start, min(start + _AT_ONCE, count))]
        for error in await store.apply([UnitOfWork((letter,)) for letter in letters]):
            if error is not None:
                raise error

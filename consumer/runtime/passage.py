"""What is known of one delivery on its way through the pipeline: for inbox, log line, metrics and ledger."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from consumer.domain.history import extended, failed_attempt, to_text
from consumer.domain.letters import letter_id, letter_of, note_of
from consumer.domain.writes import InboxEntry, InboxKey, LetterStatus
from schemas.identity import body_digest

if TYPE_CHECKING:
    from datetime import datetime

    from consumer.domain.delivery import Delivery
    from consumer.domain.errors import Rejected, Unmatched
    from consumer.domain.history import Entry
    from consumer.domain.letters import ErrorNote
    from consumer.domain.writes import Letter
    from schemas.envelope import Event


class Passage:
    """One delivery under way; what it is about is filled in as it is read."""

    __slots__ = ("_began", "delivery", "digest", "follows", "key", "note", "order", "outcome", "subject", "type")

    def __init__(self, delivery: Delivery) -> None:
        self._began = time.perf_counter()
        self.delivery = delivery
        self.digest = body_digest(delivery.body)
        self.key = InboxKey(source="", event_id=self.digest)
        self.note: ErrorNote | None = None
        self.outcome = "left"
        self.order: str | None = None
        self.subject: str | None = None
        self.type: str | None = None
        self.follows: str | None = None

    @property
    def seconds(self) -> float:
        """How long it has been under way."""
        return time.perf_counter() - self._began

    def failed(self, note: ErrorNote, at: datetime) -> Entry:
        """Return this attempt as one that has failed."""
        return failed_attempt(self.delivery.attempt, note, at=at, seconds=self.seconds)

    def read(self, event: Event) -> None:
        """Take over what the decoded event says."""
        self.key = InboxKey(source=event.source, event_id=event.id)
        # The order, also where the publisher left the optional subject out: it is what must not be worked on twice.
        so_id = getattr(event.data, "so_id", None)
        self.order = so_id if isinstance(so_id, str) else None
        self.subject = self.order or event.subject
        self.type = event.type

    def belongs_to(self, run: str, letter_id: str) -> None:
        """Take over that the replay ``run`` sent it, for that letter: what it did before is no reason to skip it."""
        self.key = replace(self.key, run=run)
        self.follows = letter_id

    @property
    def suspect_key(self) -> str:
        """Identity of the event in one text."""
        return body_digest(f"{self.key.source}\n{self.key.event_id}\n{self.key.run}".encode())

    def for_log(self) -> dict[str, object]:
        """Return what its one line in the log says."""
        fields: dict[str, object] = {"event_id": self.key.event_id, "type": self.type, "outcome": self.outcome}
        if self.subject is not None:
            fields["so_id"] = self.subject
        if self.note is not None:
            fields["error_class"] = self.note.error_class.value
            fields["code"] = self.note.code
        return fields

    def done(self, type_: str, outcome: str, now: datetime) -> InboxEntry:
        """Return the inbox row that says that the event is done."""
        attempts = self.delivery.history
        return InboxEntry(
            self.key,
            self.digest,
            type_,
            outcome,
            now,
            subject=self.subject,
            first_seen_at=self.delivery.first_seen,
            attempts=to_text(attempts) if attempts else None,
        )

    def refused(self, lane: str, refusal: Rejected | Unmatched, now: datetime) -> Letter:
        """Return the letter that files a supplier's no; the event itself is done."""
        note = note_of(refusal)
        return letter_of(
            self.delivery,
            note,
            id_=letter_id(lane, self.key.source, self.key.event_id, self.key.run, "refused"),
            lane=lane,
            key=self.key,
            type_=self.type,
            subject=self.subject,
            status=LetterStatus.OPEN,
            now=now,
            follows=self.follows,
            attempts=extended(self.delivery.history, self.failed(note, now)),
        )

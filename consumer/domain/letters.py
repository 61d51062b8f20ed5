"""How a failure is put on a letter: as it travels in headers and results, and the fingerprint that groups letters.

Pure functions. The service writes `ErrorNote` into the header of a message that it dead-letters; the archivist reads
it back and files a `Letter`. What the supplier refused is filed by the pipeline in the same transaction as its
result.
"""

from __future__ import annotations

import hashlib
import json
import re
import traceback
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

from consumer.domain import history
from consumer.domain.errors import ErrorClass, RelayError, SupplierError
from consumer.domain.fingerprints import essence
from consumer.domain.writes import Letter, LetterStatus
from schemas.faults import InvalidEvent
from schemas.identity import Names
from schemas.results import ErrorInfo

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from consumer.domain.delivery import Delivery
    from consumer.domain.history import Entry
    from consumer.domain.writes import InboxKey

_LETTERS = Names(uuid5(NAMESPACE_URL, "haier-relay/letters"))
_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")
_FIELD_KEYS = frozenset({"field", "expected", "input"})
_MAX_CODE = 128
_MAX_TEXT = 1000
_MAX_TRACE = 8000
_STATUSES = range(100, 600)
_RETRIABLE = frozenset(
    {ErrorClass.TRANSIENT, ErrorClass.UNKNOWN_OUTCOME, ErrorClass.THROTTLED, ErrorClass.AUTH, ErrorClass.MISCONFIGURED}
)


@dataclass(frozen=True, slots=True)
class ErrorNote:
    """A failure in words that may be shown: no secret, no customer's data.

    Attributes:
        error_class: section 6.
        code: stable English.
        message: for a person.
        supplier: ``ylh``, ``haier`` or None.
        supplier_code: the supplier's code.
        supplier_message: the supplier's words.
        traceback: frames without values, for class ``bug``.
        fields: for ``invalid_event``: list of {field, expected, input}.
        status: HTTP status, if an answer came.
    """

    error_class: ErrorClass
    code: str
    message: str
    supplier: str | None = None
    supplier_code: str | None = None
    supplier_message: str | None = None
    traceback: str | None = None
    fields: list[dict[str, str]] = field(default_factory=list)
    status: int | None = None

    def to_header(self) -> str:
        """Return JSON text for the header ``x-relay-error``."""
        told = {name: value for name, value in asdict(self).items() if value is not None}
        return json.dumps(told, ensure_ascii=False)

    @classmethod
    def from_header(cls, text: str) -> ErrorNote:
        """Read what `to_header` wrote.

        Raises:
            ValueError: the text is not an error note.
        """
        try:
            raw = json.loads(text)
            note = cls(**{**raw, "error_class": ErrorClass(raw["error_class"])})
        except (KeyError, TypeError, RecursionError) as error:
            raise ValueError(f"not an error note: {error}") from error
        if not note.is_sound:
            raise ValueError("not an error note: its texts are not of the kind that we write")
        return note

    @property
    def is_sound(self) -> bool:
        """Is it what this service writes: texts of bounded length, a code in our style."""
        texts = (self.message, self.supplier, self.supplier_code, self.supplier_message, self.traceback)
        return (
            isinstance(self.code, str)
            and _CODE.fullmatch(self.code) is not None
            and isinstance(self.message, str)
            and all(text is None or (isinstance(text, str) and len(text) <= _MAX_TRACE) for text in texts)
            and len(self.message) <= _MAX_TEXT
            and (self.status is None or (type(self.status) is int and self.status in _STATUSES))
            and isinstance(self.fields, list)
            and all(isinstance(found, dict) and set(found) == _FIELD_KEYS for found in self.fields)
        )

    def to_result(self) -> ErrorInfo:
        """Return the ``error`` of a result event (EVENTS, last paragraph)."""
        return ErrorInfo(
            error_class=self.error_class.value,
            code=self.code,
            message=self.message,
            supplier_code=self.supplier_code,
            supplier_message=self.supplier_message,
            retriable=self.error_class in _RETRIABLE,
        )


def note_of(error: BaseException) -> ErrorNote:
    """Put ``error`` in words; of one that is not ours only type and frames are kept, for its text may hold anything."""
    match error:
        case InvalidEvent():
            return ErrorNote(
                error_class=ErrorClass.INVALID_EVENT,
                code="invalid_event",
                message=str(error)[:_MAX_TEXT],
                fields=[
                    {"field": found.field, "expected": found.expected, "input": found.input}
                    for found in error.errors[:20]
                ],
            )
        case SupplierError():
            return ErrorNote(
                error_class=error.error_class,
                code=error.code,
                message=error.message[:_MAX_TEXT],
                supplier=error.supplier,
                supplier_code=_shown(error.supplier_code, _MAX_CODE),
                supplier_message=_shown(error.supplier_message, _MAX_TEXT),
                status=error.status if error.status in _STATUSES else None,
            )
        case RelayError():
            return ErrorNote(error_class=error.error_class, code=error.code, message=error.message[:_MAX_TEXT])
        case _:
            frames = "".join(traceback.format_tb(error.__traceback__))[-_MAX_TRACE:]
            return ErrorNote(
                error_class=ErrorClass.BUG,
                code="unexpected_error",
                message=f"{type(error).__name__} in the service's own code; the traceback names the place",
                traceback=f"{frames}{type(error).__name__}",
            )


def _shown(text: str | None, longest: int) -> str | None:
    """Return the supplier's words as a result can carry them."""
    words = (text or "").replace("\x00", "")[:longest]
    return words if words.strip() else None


def fingerprint(note: ErrorNote) -> str:
    """Return what groups letters of one cause: class, supplier, code and the message with what varies taken out."""
    words = essence(note.supplier_message or note.message)
    parts = (note.error_class.value, note.supplier or "", note.supplier_code or note.code, words)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def letter_id(*parts: str) -> str:
    """Return the id of a letter; the same parts give the same letter, so that archiving twice is archiving once."""
    return _LETTERS.id_of("\n".join(parts))


def letter_of(
    delivery: Delivery,
    note: ErrorNote,
    *,
    id_: str,
    lane: str,
    key: InboxKey,
    type_: str | None,
    subject: str | None,
    status: LetterStatus,
    now: datetime,
    follows: str | None = None,
    attempts: Sequence[Entry] | None = None,
) -> Letter:
    """Return the letter that files ``delivery`` under ``note``, body and headers untouched.

    Args:
        delivery: the message.
        note: why it is filed.
        id_: from `letter_id`.
        lane: where it came from.
        key: of its event, as far as it can be read.
        type_: event type, if readable.
        subject: what the event is about, if readable.
        status: open, or closed where its event is done already.
        now: when it is filed.
        follows: id of the letter whose replay it comes from.
        attempts: those that the event has behind it; None: those that came with the delivery.
    """
    return Letter(
        id=id_,
        lane=lane,
        type=type_,
        subject=subject,
        event_source=key.source or None,
        event_id=key.event_id,
        message_id=delivery.message_id,
        body=delivery.body,
        headers=headers_as_json(delivery),
        error_class=note.error_class,
        code=note.code,
        message=note.message,
        supplier=note.supplier,
        supplier_code=note.supplier_code,
        supplier_message=note.supplier_message,
        traceback=note.traceback,
        attempts=history.to_text(delivery.history if attempts is None else attempts),
        attempt_count=delivery.attempt,
        fingerprint=fingerprint(note),
        status=status,
        first_seen_at=delivery.first_seen,
        created_at=now,
        run=key.run,
        follows=follows,
        closed_at=now if status is LetterStatus.CLOSED else None,
    )


def headers_as_json(delivery: Delivery) -> str:
    """Return a delivery's headers as JSON text, whatever AMQP types they have."""
    return json.dumps(_plain(delivery.headers), ensure_ascii=False)


def _plain(value: Any) -> Any:
    match value:
        case None | bool() | int() | float() | str():
            return value
        case bytes() | bytearray():
            return bytes(value).decode("utf-8", "replace")
        case dict():
            return _plain_mapping(value)
        case list() | tuple():
            return [_plain(entry) for entry in value]
        case _:
            return str(value)


def _plain_mapping(value: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(key): _plain(entry) for key, entry in value.items()}

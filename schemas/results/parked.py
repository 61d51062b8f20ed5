"""What becomes of an event that is not carried through (EVENTS, "Out", `event.*`)."""

from typing import Annotated

from pydantic import Field

from schemas.primitives import Count, EventId, Remark, Sentence, Sha256, Verbatim
from schemas.record import Record
from schemas.results.errors import ErrorInfo


class RejectedField(Record):
    """One fault of an event: where, what the contract asks for, what came."""

    field: Sentence = Field(description='Dotted path, such as data.items.0.quantity; "body" for the whole of it.')
    expected: Remark = Field(description="What the contract asks for.")
    input: Annotated[str, Field(max_length=100)] = Field(
        description="What came, at most 100 characters, personal data masked."
    )


class EventRejected(Record):
    """An event breaks the contract. It was not applied; mended, it may be sent again."""

    errors: Annotated[tuple[RejectedField, ...], Field(min_length=1)] = Field(description="The faults, first first.")
    message_id: Verbatim | None = Field(description="AMQP message_id of the message, if it had one.")
    body_sha256: Sha256 = Field(description="SHA-256 of the message's body.")


class EventDeadLettered(Record):
    """An event's attempts are used up, or it hit a fault of ours. A replay may still carry it through."""

    error: ErrorInfo = Field(description="The last failure.")
    attempts: Count = Field(description="How often it was tried.")
    dead_letter_id: EventId = Field(description="Id in the ledger of dead letters.")

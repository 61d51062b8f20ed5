"""What went wrong, as a result tells it (EVENTS, end of "Out"; the classes: DESIGN section 6)."""

from typing import Literal

from pydantic import Field

from schemas.primitives import ErrorCode, Flag, Verbatim
from schemas.record import Record

ErrorClassName = Literal[
    "invalid_event",
    "transient",
    "unknown_outcome",
    "throttled",
    "auth",
    "misconfigured",
    "rejected",
    "malformed",
    "unmatched",
    "bug",
]


class ErrorInfo(Record):
    """One failure: its class and code for programs, its message for a person, the supplier's own words beside them."""

    error_class: ErrorClassName = Field(alias="class", description="What kind of failure it is.")
    code: ErrorCode = Field(description="Stable English code, such as already_pushed.")
    message: Verbatim = Field(description="What happened, for a person.")
    supplier_code: Verbatim | None = Field(default=None, description="The supplier's own code, if it gave one.")
    supplier_message: Verbatim | None = Field(default=None, description="The supplier's own words, verbatim.")
    retriable: Flag = Field(description="Whether sending the same again can help.")

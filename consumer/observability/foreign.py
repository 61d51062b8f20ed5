"""Log records that come in through the standard library: from libraries, and from our packages that know no structlog.

A library's message may hold anything. Its fixed words are kept; of its arguments, numbers stay, texts stay only where
we know what the library logs, and of an exception there is what `Redactor.message` allows.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from consumer.observability.lines import STREAMS, Line
from consumer.observability.redaction import REDACTED, type_name
from consumer.observability.tracebacks import describe

if TYPE_CHECKING:
    from consumer.observability.redaction import Redactor

OUR_LOGGERS = ("schemas", "rabbitmq", "publishers", "consumer", "ops", "sandbox", "haier_relay", *STREAMS)
"""Roots of the names under which our own modules log."""

_KNOWN_TALKERS = frozenset({*OUR_LOGGERS, "aio_pika", "aiormq", "alembic", "uvicorn"})
"""Packages that log hosts, ports, queue names and revisions, never the content of a message."""

_OWN_ATTRIBUTES = frozenset(logging.LogRecord("", 0, "", 0, "", None, None).__dict__) | {
    "message",
    "asctime",
    "taskName",
}
_LEVELS = (
    (logging.CRITICAL, "critical"),
    (logging.ERROR, "error"),
    (logging.WARNING, "warning"),
    (logging.INFO, "info"),
)


def from_foreign(record: logging.LogRecord, redactor: Redactor, stream: str, in_hand: Mapping[str, object]) -> Line:
    """Return ``record`` as a line that is fit to be written; ``in_hand``: fields of the message in hand."""
    level = next((name for number, name in _LEVELS if record.levelno >= number), "debug")
    extra = {key: value for key, value in record.__dict__.items() if key not in _OWN_ATTRIBUTES}
    if record.name.partition(".")[0] not in OUR_LOGGERS:
        extra = {key: value for key, value in extra.items() if key in redactor.allowed}
    error = record.exc_info[1] if record.exc_info else None
    return Line(
        time=record.created,
        level=level,
        stream="error" if record.levelno >= logging.ERROR else stream,
        logger=record.name,
        message=_message(record, redactor),
        fields=redactor.fields({**in_hand, **extra}),
        exception=describe(error, redactor) if error is not None else None,
    )


def _message(record: logging.LogRecord, redactor: Redactor) -> str:
    if not isinstance(record.msg, str):
        return _argument(record.msg, redactor, trusted=False)
    # What follows the first line is a dump: asyncio puts the repr of a whole task there, with its exception's message.
    template = record.msg.split("\n", 1)[0]
    trusted = record.name.partition(".")[0] in _KNOWN_TALKERS
    arguments = record.args
    try:
        if isinstance(arguments, Mapping):
            template %= {key: _number_or_word(value, redactor, trusted=trusted) for key, value in arguments.items()}
        elif arguments:
            template %= tuple(_number_or_word(value, redactor, trusted=trusted) for value in arguments)
    except (TypeError, ValueError, KeyError):
        # The words alone still tell more than nothing; a placeholder wanted a number where a text was hidden.
        pass
    return redactor.text(template)


def _number_or_word(value: object, redactor: Redactor, *, trusted: bool) -> object:
    return value if isinstance(value, int | float) else _argument(value, redactor, trusted=trusted)


def _argument(value: object, redactor: Redactor, *, trusted: bool) -> str:
    if isinstance(value, BaseException):
        return f"{type_name(value)}: {redactor.message(value)}"
    if isinstance(value, str):
        return redactor.text(value) if trusted else REDACTED
    return "None" if value is None else f"<{type(value).__name__}>"

"""structlog over stdlib logging: text for people on stderr, JSON lines in four files, redacted before rendering.

The way of a line: ``log.info("…", key=value)`` → fields bound to the message being worked on are merged in → redaction
by allow-list → a stdlib record → console and file. Records of libraries come in at the stdlib and are redacted there.
Logging is the one thing of this service that is set up for a whole process, because the standard library has it so.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import re
import sys
import time
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, TextIO, cast

import structlog

from consumer.observability.files import AppendedFile, ToughFile
from consumer.observability.foreign import OUR_LOGGERS, from_foreign
from consumer.observability.gathering import GatheringHandler
from consumer.observability.lines import STREAMS, Line, as_json, as_text
from consumer.observability.redaction import Redactor
from consumer.observability.tracebacks import describe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, MutableMapping
    from datetime import tzinfo
    from pathlib import Path

MAX_BYTES = 50 * 1024**2
"""Size at which a log file is rotated."""
KEEP = 10
"""How many rotated files of each stream stay."""

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")
_IN_HAND: ContextVar[Mapping[str, object]] = ContextVar("relay_in_hand", default=MappingProxyType({}))
"""What the current task is working on. One variable for all of it: setting and merging one is cheaper than five."""

_LINE = "relay_line"
_ROOT = logging.getLogger()
_LEVELS = {
    name: logging.getLevelNamesMapping()[name.upper()] for name in ("debug", "info", "warning", "error", "critical")
}
_METHODS = {**{name: name for name in _LEVELS}, "warn": "warning", "exception": "error", "fatal": "critical"}
_UNUSED = ("logThreads", "logProcesses", "logMultiprocessing", "logAsyncioTasks")
"""What the standard library would find out for each record and we do not write (docs.python.org, Logging HOWTO)."""
_MOST_MESSAGES = 1000  # fixed words of the program: there are fewer; a limit in case somebody puts data into them


class Log(Protocol):
    """What our modules log with.

    ``event`` is fixed words; what varies goes into fields, whose keys have to be on the allow-list. There are no ``%s``
    arguments on purpose: text put together from data cannot be redacted.
    """

    def debug(self, event: str, **fields: object) -> None:
        """Log what helps to find a fault."""

    def info(self, event: str, **fields: object) -> None:
        """Log what went as it should."""

    def warning(self, event: str, **fields: object) -> None:
        """Log what was mended or will be tried again."""

    def error(self, event: str, **fields: object) -> None:
        """Log what failed for good."""

    def exception(self, event: str, **fields: object) -> None:
        """Log what failed, with the exception that is being handled."""

    def critical(self, event: str, **fields: object) -> None:
        """Log what needs a person now: a lane paused by ``auth`` or ``misconfigured``, a broken audit chain."""

    def bind(self, **fields: object) -> Log:
        """Return a logger that puts ``fields`` on every line."""
        ...


def get_logger(name: str) -> Log:
    """Return the logger of a module; ``name`` is its ``__name__`` and decides the stream."""
    return cast("Log", structlog.get_logger(name))


class message_context:  # noqa: N801 - reads as the statement that it is; a generator would cost four times as much
    """Put what is being worked on onto every line written within, also by rooms that do not know it."""

    __slots__ = ("_known", "_token")

    def __init__(
        self,
        *,
        event_id: str | None = None,
        so_id: str | None = None,
        lane: str | None = None,
        attempt: int | None = None,
        traceparent: str | None = None,
    ) -> None:
        known = {
            "event_id": event_id,
            "so_id": so_id,
            "lane": lane,
            "attempt": attempt,
            "trace_id": trace_id(traceparent),
        }
        self._known = {key: value for key, value in known.items() if value is not None}
        self._token: Token[Mapping[str, object]]

    def __enter__(self) -> None:
        self._token = _IN_HAND.set({**_IN_HAND.get(), **self._known})

    def __exit__(self, *_: object) -> None:
        _IN_HAND.reset(self._token)


def trace_id(traceparent: str | None) -> str | None:
    """Return the trace id of a ``traceparent`` (W3C Trace Context), or None if there is none to read."""
    match = _TRACEPARENT.fullmatch(traceparent) if traceparent else None
    return match[1] if match else None


@functools.lru_cache(maxsize=512)
def stream_of(logger: str) -> str:
    """Return the stream of a logger whose line names none.

    A logger may have a stream's name. Else logins are ``auth``, suppliers and callbacks ``api``, all the rest ``sync``.
    """
    if logger in STREAMS:
        return logger
    if logger.startswith("consumer.suppliers"):
        return "auth" if "oauth" in logger else "api"
    return "api" if logger.startswith("consumer.callbacks") else "sync"


@dataclass(slots=True)
class Logs:
    """What `configure` has set up; `close` takes it down again."""

    handlers: tuple[logging.Handler, ...]
    _levels: Mapping[str, int]
    _switches: Mapping[str, bool]
    _redactor: Redactor = field(repr=False)

    def learn(self, secrets: Iterable[str]) -> None:
        """Never write ``secrets`` from now on either."""
        self._redactor.learn(secrets)

    def close(self) -> None:
        """Take the handlers off and close the files."""
        root = logging.getLogger()
        for handler in self.handlers:
            root.removeHandler(handler)
            handler.close()
        for name, level in self._levels.items():
            logging.getLogger(name).setLevel(level)
        for name, switch in self._switches.items():
            setattr(logging, name, switch)
        structlog.reset_defaults()


def configure(
    *,
    level: str = "info",
    directory: Path | None = None,
    console: TextIO | None = None,
    timezone: tzinfo | None = None,
    secrets: frozenset[str] = frozenset(),
    speaking: tuple[type[BaseException], ...] = (),
    max_bytes: int = MAX_BYTES,
    keep: int = KEEP,
) -> Logs:
    """Set up logging for this process.

    Args:
        level: ``debug`` … ``critical``, for our own modules; libraries speak from ``warning`` on (below that some print
            whole bodies).
        directory: where the four files go; None for none.
        console: where people read; None for stderr.
        timezone: of the times that people read; None for the machine's. Files have UTC.
        secrets: values that must not turn up anywhere (`Settings.secrets`).
        speaking: exceptions of ours whose messages are written; of others only type and place are.
        max_bytes: size at which a file is rotated.
        keep: how many rotated files of each stream stay.
    """
    number = _LEVELS[level]
    redactor = Redactor(secrets=secrets, speaking=speaking)
    handlers: list[logging.Handler] = [_Console(redactor, console or sys.stderr, timezone)]
    if directory is not None:
        handlers.append(_Files(redactor, directory, max_bytes, keep))
    root = logging.getLogger()
    for handler in handlers:
        root.addHandler(handler)
    before = {name: logging.getLogger(name).level for name in OUR_LOGGERS}
    for name in OUR_LOGGERS:
        logging.getLogger(name).setLevel(number)
    structlog.configure(
        processors=[_ToLine(redactor)],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=_Outlet,
        cache_logger_on_first_use=True,
    )
    switches = {name: getattr(logging, name) for name in _UNUSED if hasattr(logging, name)}
    for name in switches:
        setattr(logging, name, False)
    return Logs(tuple(handlers), before, switches, redactor)


class _Outlet:
    """Where structlog ends and the standard library begins: hands a finished line to the handlers.

    Ours take the line as it is. A record, for whoever else listens, is made here, because the standard way looks for
    the caller's place in the stack for every line.
    """

    def __init__(self, name: str = "sync", *_: object) -> None:
        self.name = name

    def _hand_over(self, line: Line) -> None:
        for handler in _ROOT.handlers:
            if isinstance(handler, LineHandler):
                handler.take(line)
            else:
                record = logging.LogRecord(self.name, _LEVELS[line.level], "", 0, line.message, None, None)
                if record.levelno >= handler.level:
                    handler.handle(record)

    debug = info = warning = warn = error = exception = critical = fatal = _hand_over


@dataclass(frozen=True, slots=True)
class _ToLine:
    """The last processor of structlog: redacts."""

    redactor: Redactor
    _messages: dict[str, str] = field(default_factory=dict)

    def __call__(
        self, logger: _Outlet, method: str, event: MutableMapping[str, Any]
    ) -> tuple[tuple[Line], dict[str, Any]]:
        message = self._message(str(event.pop("event", "")))
        error = _exception_of(event.pop("exc_info", None))
        stream = event.pop("stream", None)
        level = _METHODS[method]
        if level in {"error", "critical"}:
            stream = "error"
        elif stream not in STREAMS:
            stream = stream_of(logger.name)
        exception = describe(error, self.redactor) if error is not None else None
        fields = self.redactor.fields({**_IN_HAND.get(), **event})
        line = Line(time.time(), level, stream, logger.name, message, fields, exception)
        return (line,), {}

    def _message(self, event: str) -> str:
        known = self._messages.get(event)
        if known is None:
            known = self.redactor.text(event)
            if len(self._messages) < _MOST_MESSAGES:
                self._messages[event] = known
        return known


def _exception_of(exc_info: object) -> BaseException | None:
    if isinstance(exc_info, BaseException):
        return exc_info
    if isinstance(exc_info, tuple):
        return exc_info[1] if isinstance(exc_info[1], BaseException) else None
    return sys.exception() if exc_info else None


class LineHandler(GatheringHandler):
    """One that takes lines as they are, and makes lines of the records that libraries bring."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def emit(self, record: logging.LogRecord) -> None:
        """Take what a library logs."""
        line: Line | None = getattr(record, _LINE, None)
        if line is None:
            line = from_foreign(record, self._redactor, stream_of(record.name), _IN_HAND.get())
            setattr(record, _LINE, line)  # the next handler need not do it again
        self.take(line)


class _Console(LineHandler):
    """Text for people."""

    def __init__(self, redactor: Redactor, stream: TextIO, timezone: tzinfo | None) -> None:
        super().__init__(redactor)
        self._stream = stream
        self._timezone = timezone
        self._colours = stream.isatty() and not os.environ.get("NO_COLOR")
        self._texts: list[str] = []

    def put_down(self, line: Line) -> bool:
        self._texts.append(as_text(line, timezone=self._timezone, colours=self._colours))
        return True

    def write_out(self) -> None:
        texts, self._texts = self._texts, []
        with contextlib.suppress(
            OSError, ValueError
        ):  # nobody reads (a closed pipe or stream); the files still have it
            self._stream.write("".join(texts))
            self._stream.flush()


class _Files(LineHandler):
    """JSON lines, one file for each stream."""

    def __init__(self, redactor: Redactor, directory: Path, max_bytes: int, keep: int) -> None:
        super().__init__(redactor)
        self._files = {name: ToughFile(AppendedFile(directory, name, max_bytes, keep)) for name in STREAMS}
        self._lines: dict[str, list[bytes]] = {}

    def put_down(self, line: Line) -> bool:
        self._lines.setdefault(line.stream, []).append(as_json(line))
        # The heads of the audit log prove something only while nobody can be faster than they are.
        return line.stream != "auth"

    def write_out(self) -> None:
        lines, self._lines = self._lines, {}
        for stream, several in lines.items():
            self._files[stream].append(b"".join(several))

    def close(self) -> None:
        super().close()
        for file in self._files.values():
            file.close()

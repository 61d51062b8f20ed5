"""`relay event publish`: checked, sent many at a time, each confirmed; what did not go out is told line by line."""

from __future__ import annotations

from collections import Counter
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

from ops.cli.asking import SOURCE, require_topology, run_fast, settings_for
from ops.cli.event_validate import counted, faults_of
from ops.cli.failing import ExitCode
from ops.cli.printing import Column, Output, Printer, say
from ops.cli.progress import transfer
from ops.events.checking import sendable
from ops.events.records import Records
from ops.events.sending import sent
from ops.events.sources import opened
from publishers.orders import RelayPublisher
from publishers.outgoing import BrokerAway, PublishError, Refused, Unconfirmed, Unroutable
from publishers.streaming import Entry
from schemas.faults import InvalidEvent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from consumer.settings import Settings
    from ops.events.sources import Source
    from publishers.streaming import Outcome

WINDOW: Final = 1000
"""Events under way at once."""
TOLD: Final = 20
"""Failures that are told to people one by one."""
KEPT: Final = 1000
"""Failures that a JSON document lists; NDJSON has no limit."""
_WAIT_FOR_BROKER: Final = 10.0
_GIVE_UP_AFTER: Final = 15.0

_STATUS: Final = {
    type(None): "confirmed",
    InvalidEvent: "invalid",
    Refused: "refused",
    Unroutable: "refused",
    Unconfirmed: "unconfirmed",
    BrokerAway: "not_sent",
}


def publish(file: str, output: Output) -> ExitCode:
    """Publish all events of ``file``."""
    settings = settings_for("broker")
    return run_fast(_Publication(opened(file), output, settings).run())


class _Publication:
    """One run of the command.

    Args:
        source: where the events come from.
        output: NDJSON tells each event's outcome, the others a summary and the failures.
        settings: with the broker.
    """

    def __init__(self, source: Source, output: Output, settings: Settings) -> None:
        self._source = source
        self._output = output
        self._settings = settings
        self._counts: Counter[str] = Counter()
        self._failures: list[dict[str, object]] = []
        self._lost_at: int | None = None

    async def run(self) -> ExitCode:
        await require_topology(self._settings)
        url = self._settings.broker.amqp_url.get_secret_value()
        async with RelayPublisher(
            url,
            source=SOURCE,
            name="relay event publish",
            wait_for_broker=_WAIT_FOR_BROKER,
            give_up_after=_GIVE_UP_AFTER,
            max_in_flight=WINDOW,
        ) as relay:
            outcomes = sent(self._batches(), relay.confirmed)
            with transfer("publishing", self._source.size) as bar:
                async with aclosing(outcomes):  # type: ignore[type-var]  # streamed is an async generator
                    async for outcome in outcomes:
                        self._take(outcome)
                        bar(self._counts["confirmed"], self._source.read)
                        if self._lost_at is not None:
                            break
        return self._concluded()

    async def _batches(self) -> AsyncIterator[list[Entry]]:
        limit = self._settings.broker.max_event_bytes
        records = Records(limit)
        async for chunk in self._source.chunks_beside():
            yield [sendable(record, max_bytes=limit) for record in records.feed(chunk)]
        yield [sendable(record, max_bytes=limit) for record in records.end()]

    def _take(self, outcome: Outcome) -> None:
        status = _STATUS[type(outcome.error)]
        self._counts[status] += 1
        if isinstance(outcome.error, BrokerAway | Unconfirmed):
            self._lost_at = outcome.number
        if self._output is Output.NDJSON:
            Printer.line(_row(outcome, status))
        elif outcome.error is not None:
            self._tell_failure(outcome, status)

    def _tell_failure(self, outcome: Outcome, status: str) -> None:
        failed = self._counts.total() - self._counts["confirmed"]
        if self._output is Output.JSON:
            if failed <= KEPT:
                self._failures.append(_row(outcome, status))
        elif failed <= TOLD:
            for sentence in _sentences(outcome):
                say(f"line {outcome.number}: {sentence}")
        elif failed == TOLD + 1:
            say("… more are not shown; --output ndjson tells each event's outcome.")

    def _concluded(self) -> ExitCode:
        counts = self._counts
        read, confirmed = counts.total(), counts["confirmed"]
        summary: dict[str, object] = {
            "read": read,
            "confirmed": confirmed,
            "invalid": counts["invalid"],
            "failed": read - confirmed - counts["invalid"],
        }
        columns = [Column(name, name, right=True) for name in ("read", "confirmed", "invalid", "failed")]
        if self._output is Output.JSON:
            Printer(self._output).record({**summary, "failures": self._failures}, ())
        elif self._output is Output.TABLE and read:
            Printer(self._output).rows([summary], columns, empty="")
        return self._ending(read, confirmed)

    def _ending(self, read: int, confirmed: int) -> ExitCode:
        if self._lost_at is not None:
            say(
                f"RabbitMQ went away at line {self._lost_at}; {counted(confirmed)} confirmed until then. When it is "
                "back, publish the whole input again: what arrived already is recognised by its id."
            )
            return ExitCode.OUT_OF_REACH
        if not read:
            say(f"There is no event in {self._source.name}.")
            return ExitCode.FAILED
        if confirmed == read:
            return ExitCode.OK
        return ExitCode.PARTLY if confirmed else ExitCode.FAILED


def _row(outcome: Outcome, status: str) -> dict[str, object]:
    event, error = outcome.event, outcome.error
    row: dict[str, object] = {
        "line": outcome.number,
        "id": event.id if event is not None else None,
        "type": event.type if event is not None else None,
        "status": status,
    }
    if isinstance(error, InvalidEvent):
        faults = faults_of(Entry(outcome.number, event, b"", error))
        row["id"], row["type"] = row["id"] or faults["id"], row["type"] or faults["type"]
        row["errors"] = faults["errors"]
    elif error is not None:
        row["reason"] = error.reason
    return row


def _sentences(outcome: Outcome) -> list[str]:
    match outcome.error:
        case InvalidEvent() as error:
            return [f"{fault.field}: expected {fault.expected}; got {fault.input}" for fault in error.errors]
        case PublishError() as error:
            return [error.reason]
        case _:
            return []

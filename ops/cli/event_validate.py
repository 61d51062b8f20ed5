"""`relay event validate`: each fault with its line, its field, what was expected and what came."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.cli.failing import ExitCode
from ops.cli.printing import Output, Printer, document, say, write
from ops.events.checking import checked
from ops.events.records import Records
from ops.events.sources import opened
from schemas.codec import MAX_EVENT_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ops.events.sources import Source
    from publishers.streaming import Entry


def validate(file: str, output: Output) -> ExitCode:
    """Check all events of ``file`` and say what is wrong with each; only a JSON document gathers the faults."""
    source = opened(file)
    valid = invalid = 0
    gathered: list[dict[str, object]] = []
    for entry in _entries(source):
        if entry.error is None:
            valid += 1
            continue
        invalid += 1
        match output:
            case Output.TABLE:
                for line in told(entry):
                    write(line)
            case Output.NDJSON:
                Printer.line(faults_of(entry))
            case Output.JSON:
                gathered.append(faults_of(entry))
    if output is Output.JSON:
        write(document({"valid": valid, "invalid": invalid, "events": gathered}))
    if not valid and not invalid:
        say(f"There is no event in {source.name}.")
    elif invalid:
        say(f"{counted(valid + invalid)}: {valid} valid, {invalid} not.")
    else:
        say(f"{counted(valid)}, all valid.")
    return ExitCode.OK if valid and not invalid else ExitCode.FAILED


def _entries(source: Source) -> Iterator[Entry]:
    records = Records(MAX_EVENT_BYTES)
    for chunk in source.chunks():
        for record in records.feed(chunk):
            yield checked(record, max_bytes=MAX_EVENT_BYTES)
    for record in records.end():
        yield checked(record, max_bytes=MAX_EVENT_BYTES)


def told(entry: Entry) -> list[str]:
    """Return a line for each fault of an entry, for people."""
    if entry.error is None:
        return []
    return [
        f"line {entry.number}: {fault.field}: expected {fault.expected}; got {fault.input}"
        for fault in entry.error.errors
    ]


def faults_of(entry: Entry) -> dict[str, object]:
    """Return the faults of an entry as data."""
    error = entry.error
    return {
        "line": entry.number,
        "id": error.event_id if error is not None else None,
        "type": error.type if error is not None else None,
        "errors": [
            {"field": fault.field, "expected": fault.expected, "input": fault.input}
            for fault in (error.errors if error is not None else ())
        ],
    }


def counted(events: int) -> str:
    """Return "1 event" or "2 events"."""
    return f"{events} event" if events == 1 else f"{events} events"

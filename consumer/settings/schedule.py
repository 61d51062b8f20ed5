"""``RELAY_SCHEDULE``: which syncs are requested when. Read whole, so that everything wrong with it is said at once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from consumer.settings import cron
from consumer.settings.cron import Cron
from consumer.settings.faults import PartsRefused, Problem
from consumer.settings.secrecy import shown_value
from consumer.settings.sections import Section
from consumer.settings.texts import from_text

LONGEST_NAME: Final = 100
MOST_ENTRIES: Final = 100

_EXAMPLE: Final = (
    '{"nightly goods": {"cron": "0 3 * * *", "type": "sync.products.requested", "data": {"with_prices": true}}}'
)
_KEYS: Final = {"cron": True, "type": True, "data": False}
"""Keys of an entry, and whether it has to have them."""


@dataclass(frozen=True, slots=True)
class ScheduledRequest:
    """One entry.

    Attributes:
        name: by which the books know its runs; another name is another entry.
        cron: when, in RELAY_TIMEZONE.
        type: a ``sync.*.requested`` of the contract.
        data: of the request, as the contract has it.
    """

    name: str
    cron: Cron
    type: str
    data: BaseModel


def read_schedule(text: str) -> tuple[ScheduledRequest, ...]:
    """Read the entries in the order in which they stand.

    Raises:
        ValueError: it is no JSON object.
        PartsRefused: entries have faults, each of which is named.
    """
    problems: list[Problem] = []

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        problems.extend(Problem(_quoted(name), "stands there twice", "each name once") for name in twice)
        return dict(pairs)

    try:
        document = json.loads(text, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        raise ValueError(f"is no JSON ({error.msg}, at character {error.pos})") from None
    except RecursionError:
        raise ValueError("is no JSON that can be read (nested too deep)") from None
    if not isinstance(document, dict):
        raise ValueError("is no JSON object")  # noqa: TRY004 - pydantic collects ValueErrors
    if len(document) > MOST_ENTRIES:
        raise ValueError(f"has {len(document)} entries, more than {MOST_ENTRIES}")
    entries = [_entry(name, given, problems) for name, given in document.items()]
    if problems:
        raise PartsRefused(problems)
    return tuple(entry for entry in entries if entry is not None)


def _entry(name: str, given: object, problems: list[Problem]) -> ScheduledRequest | None:
    place = _quoted(name)
    if not name.isprintable() or name != name.strip() or not 1 <= len(name) <= LONGEST_NAME:
        expected = f"1 to {LONGEST_NAME} printable characters, no space at either end"
        problems.append(Problem(place, "is no name for an entry", expected))
    if not isinstance(given, Mapping):
        problems.append(Problem(place, "is no JSON object", 'an entry such as {"cron": …, "type": …, "data": {…}}'))
        return None
    problems += [
        Problem(f"{place}, {_quoted(key)}", "is no key of an entry", ", ".join(_KEYS))
        for key in given
        if key not in _KEYS
    ]
    problems += [
        Problem(f"{place}, {key}", "is missing", _expected(key))
        for key, needed in _KEYS.items()
        if needed and key not in given
    ]
    times = _cron(place, given["cron"], problems) if "cron" in given else None
    requested = _request(place, given["type"], given.get("data", {}), problems) if "type" in given else None
    if times is None or requested is None:
        return None
    return ScheduledRequest(name, times, *requested)


def _cron(place: str, given: object, problems: list[Problem]) -> Cron | None:
    try:
        if not isinstance(given, str):
            raise ValueError("is no text")  # noqa: TRY004, TRY301 - told like every other fault of an expression
        return Cron(given)
    except ValueError as error:
        problems.append(Problem(f"{place}, cron", f"{_quoted(given)} {error}", _expected("cron")))
        return None


def _request(place: str, type_: object, data: object, problems: list[Problem]) -> tuple[str, BaseModel] | None:
    # Only who has a schedule waits for the whole contract to be loaded.
    from schemas.faults import field_errors  # noqa: PLC0415
    from schemas.registry import INBOUND  # noqa: PLC0415

    known = {name: model for name, model in INBOUND.items() if _may_be_scheduled(name)}
    model = known.get(type_) if isinstance(type_, str) else None
    if model is None or not isinstance(type_, str):
        expected = f"one of {', '.join(known)}"
        problems.append(Problem(f"{place}, type", f"{_quoted(type_)} cannot be scheduled", expected))
        return None
    try:
        return type_, model.model_validate_json(json.dumps(data))
    except ValidationError as error:
        problems.extend(
            Problem(f"{place}, {fault.field}", f"{shown_value(fault.input)} does not fit {type_}", fault.expected)
            for fault in field_errors(error, under="data")
        )
        return None


def _may_be_scheduled(type_: str) -> bool:
    return type_.startswith("sync.") and type_.endswith(".requested")


def _expected(key: str) -> str:
    return cron.EXPECTED if key == "cron" else "the type of a request, such as sync.products.requested"


def _quoted(value: object) -> str:
    return shown_value(json.dumps(value, ensure_ascii=False))


class ScheduleSettings(Section):
    """What `relay schedule` does; nothing is scheduled without it."""

    entries: Annotated[tuple[ScheduledRequest, ...], BeforeValidator(from_text(read_schedule))] = Field(
        (), alias="RELAY_SCHEDULE", description=f"JSON such as {_EXAMPLE}"
    )

"""The ledger of dead letters as people see it: which letters are meant, in which groups they fall, what is noted."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from consumer.domain.writes import LetterStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.domain.errors import ErrorClass


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which letters are meant: those for which all that is given here holds.

    Attributes:
        ids: ids of letters; empty: whatever its id.
        lane: where they came from, e.g. ``relay.orders``.
        type: event type.
        error_class: DESIGN section 6.
        code: stable English.
        fingerprint: of the group.
        so_id: subject of the event.
        event_id: CloudEvents ``id`` of the event.
        text: stands in the message or in the supplier's words, whatever the case of its letters.
        since: filed at that moment or later.
        until: filed before that moment.
        status: None: any.
    """

    ids: tuple[str, ...] = ()
    lane: str | None = None
    type: str | None = None
    error_class: ErrorClass | None = None
    code: str | None = None
    fingerprint: str | None = None
    so_id: str | None = None
    event_id: str | None = None
    text: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    status: LetterStatus | None = LetterStatus.OPEN

    def given(self) -> dict[str, object]:
        """Return what is given, by name, as JSON knows it."""
        stated = {name: value for name, value in asdict(self).items() if value not in (None, ())}
        return {
            name: value.isoformat() if isinstance(value, datetime) else list(value) if name == "ids" else value
            for name, value in stated.items()
        }

    def to_text(self) -> str:
        """Return it as JSON text, to be kept with what was done on its ground."""
        return json.dumps(self.given(), ensure_ascii=False, sort_keys=True)


@dataclass(frozen=True, slots=True)
class Standing:
    """The letter that stands for an event.

    Attributes:
        id: of the letter.
        replay_id: the replay that has it in hand now; None: it is open.
    """

    id: str
    replay_id: str | None

    @property
    def told(self) -> str:
        """Why no other letter of that event goes, for a person."""
        if self.replay_id is not None:
            return f"its event is in the hand of replay {self.replay_id} already, as letter {self.id}"
        return f"letter {self.id}, newer, is of the same event and stands for it"


@dataclass(frozen=True, slots=True)
class Group:
    """Letters of one cause.

    Attributes:
        fingerprint: what they share.
        count: how many there are.
        error_class: DESIGN section 6.
        code: stable English.
        supplier: ``ylh``, ``haier`` or None.
        message: of the newest one.
        lanes: where they came from.
        types: event types; one that could not be read is left out.
        subjects: orders, or other subjects, touched.
        first_at: when the first was filed.
        last_at: when the newest was filed.
        last_hour: how many were filed within the last hour.
        hour_before: how many within the hour before that; with ``last_hour`` the trend.
        sample: id of the newest letter.
    """

    fingerprint: str
    count: int
    error_class: ErrorClass
    code: str
    supplier: str | None
    message: str
    lanes: tuple[str, ...]
    types: tuple[str, ...]
    subjects: int
    first_at: datetime
    last_at: datetime
    last_hour: int
    hour_before: int
    sample: str


@dataclass(frozen=True, slots=True)
class Note:
    """What a person noted on a letter."""

    number: int
    at: datetime
    actor: str
    note: str


@dataclass(frozen=True, slots=True)
class Acted:
    """What an act on letters did.

    Attributes:
        done: ids of the letters that were changed.
        left: those that were not, each with the reason.
    """

    done: tuple[str, ...]
    left: Mapping[str, str]
